// Modified UTF-7, the form of mailbox names in IMAP4rev1 (RFC 3501 section 5.1.3). Strict: every name has exactly one
// form on the wire, so that no name can be smuggled past a check in a second spelling (HOSTILE row F2). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::imap {

// `utf8` must be well-formed; printable ASCII stays, "&" becomes "&-", all else base64 of UTF-16.
std::string encode_modified_utf7(std::string_view utf8);

// None for what encode_modified_utf7() would never write: an unterminated "&", printable ASCII or a NUL in base64, lone
// surrogates, stray bits, two shifts side by side, 8-bit or control bytes.
std::optional<std::string> decode_modified_utf7(std::string_view text);

}  // namespace mbx::imap
