// xtext (RFC 3461 section 4), and its kin for internationalized addresses (RFC 6533 section 3). Pure; linear; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::smtp {

// None for what is not in the grammar: a byte outside "!" to "~", "=" or a "+" without two upper-case hexadecimal digits.
std::optional<std::string> decode_xtext(std::string_view text);
std::string encode_xtext(std::string_view bytes);

// ORCPT's value, "rfc822;user+40example.org" or "utf-8;…", as queue::Recipient::original holds it: type, ";", address with
// its encoding undone. None where it is malformed, holds a control byte (HOSTILE row I5: "+00"), or is over 500 octets.
std::optional<std::string> parse_original_recipient(std::string_view value);
// Back to the wire; empty where that would be over 500 octets.
std::string format_original_recipient(std::string_view original);

}  // namespace mbx::smtp
