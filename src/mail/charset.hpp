// Text of any charset as UTF-8. UTF-8, US-ASCII, ISO-8859-1, windows-1251/1252 and KOI8-R are our own tables; the rest is
// iconv's behind a list of what may be asked for: no UTF-7 (it hides markup, HOSTILE row D7), no ISO-2022-CN-EXT
// (CVE-2024-2961), nothing that a locale could add. Total; linear; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mbx::mail {

struct Utf8Text {
    std::string text;            // always well-formed UTF-8
    bool known_charset = true;   // no: UTF-8 where it is well-formed, else ASCII and U+FFFD for every other byte
    bool has_replaced = false;   // a byte sequence that the charset does not know became U+FFFD
    bool cut = false;            // stopped at the bound, at a whole character
};

inline constexpr std::size_t kMaxConvertedText = 16 * 1024 * 1024;

// `charset` is a label as mail writes it, in any case; empty means US-ASCII. US-ASCII with 8-bit bytes is tried as UTF-8.
// ISO-8859-1 is read as windows-1252, as every client does. UTF-16 and UTF-32 without a mark are big-endian (RFC 2781).
// At most `most` bytes come out.
Utf8Text to_utf8(std::string_view bytes, std::string_view charset, std::size_t most = kMaxConvertedText);

// Whether to_utf8() has a table for it; SEARCH answers NO [BADCHARSET] where not.
bool is_known_charset(std::string_view charset);

// The bytes with U+FFFD for what is not UTF-8, one per maximal bad prefix (as the Unicode standard, chapter 3, advises).
std::string repair_utf8(std::string_view bytes);

// Without what may deceive on a terminal, in a log or a list: C0 and C1 controls and DEL go, tab and line ends become a
// space. Takes and gives UTF-8.
std::string strip_controls(std::string_view utf8);

}  // namespace mbx::mail
