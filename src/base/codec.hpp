// Base64 (RFC 4648) and hexadecimal. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx {

std::string encode_base64(std::string_view bytes);
// Strict: padded, no white space, no stray bits; none for anything else (RFC 4954 section 4 wants 501 for it).
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_hex(std::string_view bytes);

}  // namespace mbx
