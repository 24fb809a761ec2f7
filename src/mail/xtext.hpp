// The encodings in which DSN parameters travel: xtext (RFC 3461 section 4) and, for the address type "utf-8", unitext
// (RFC 6533 section 3). Pure, linear. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::mail {

// RFC 3461 section 4.2 and 4.4, in octets as they stand in the command.
inline constexpr std::size_t kMaxEnvelopeId = 100;
inline constexpr std::size_t kMaxOriginalRecipient = 500;

// Printable ASCII without "+" and "=", every other byte as "+" and two upper-case hexadecimal digits.
std::string encode_xtext(std::string_view bytes);
// None where a byte may not stand in xtext (a space, a control, 8-bit, "=") or "+" lacks its two upper-case digits. What
// comes back may hold any byte: "+00" is a NUL (HOSTILE row I5).
std::optional<std::string> decode_xtext(std::string_view text);

// "utf-8-addr-xtext": 7 bits, everything else as \x{HEX}. Bytes that are no UTF-8 become U+FFFD.
std::string encode_unitext(std::string_view utf8);
// Any of the three forms as UTF-8; none where an escape is broken or names no character, or the bytes are no UTF-8.
std::optional<std::string> decode_unitext(std::string_view text);

// ORCPT's value: an address type (an atom) and an address in xtext, or in unitext for "utf-8"; at most 500 octets.
struct OriginalRecipient {
    std::string type;     // in lower case
    std::string address;  // decoded; of a type that we know no more of than its name, too
    bool operator==(const OriginalRecipient&) const = default;
};
std::optional<OriginalRecipient> parse_original_recipient(std::string_view value);

}  // namespace mbx::mail
