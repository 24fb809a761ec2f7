// Bytes beyond ASCII in a header, as programs write them that know no better, made legal (RFC 5322 section 2.2, RFC 2047,
// RFC 2231): what is text becomes encoded words. Pure, linear, total for any bytes. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::mail {

// The field, whole with its line end, in ASCII; the same where it is that already. What is valid UTF-8 is called utf-8, else
// unknown-8bit (RFC 1428). None: the bytes stand where no encoding reaches, as in an address or an identifier.
std::optional<std::string> encode_field(std::string_view whole);

}  // namespace mbx::mail
