// The encodings in which DSN parameters travel: xtext (RFC 3461 section 4) and, for the address type "utf-8", utf-8-addr-xtext
// and utf-8-addr-unitext (RFC 6533 section 3). Pure, linear. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::mail {

// RFC 3461 sections 4.4 and 4.2, in octets as they stand in the command.
inline constexpr std::size_t kMaxEnvelopeId = 100;
inline constexpr std::size_t kMaxOriginalRecipient = 500;

// Printable ASCII without "+" and "=", every other byte as "+" and two upper-case hexadecimal digits.
std::string encode_xtext(std::string_view bytes);
// None where a byte may not stand in xtext (a space, a control, 8-bit, "=") or "+" lacks its two upper-case digits. What
// comes back may hold any byte: "+00" is a NUL (HOSTILE row I5).
std::optional<std::string> decode_xtext(std::string_view text);

// "utf-8-addr-xtext": 7 bits, everything else as \x{HEX}. Bytes that are no UTF-8 become U+FFFD.
std::string encode_unitext(std::string_view utf8);

// ORCPT's value, "rfc822;user+40example.org" or "utf-8;…", as queue::Recipient::original and DsnRecipient hold it: the type in
// lower case, ";", the address with its encoding undone. None where it is malformed, empty, over 500 octets, or holds a control
// byte or what is no UTF-8 once it is decoded (section 4.2: printable characters).
std::optional<std::string> parse_original_recipient(std::string_view value);
// Back to the wire; empty where it is no such value, or would be over 500 octets.
std::string format_original_recipient(std::string_view original);

}  // namespace mbx::mail
