// Simple case folding for substring search (RFC 9051 section 6.4.4: case-insensitive): Latin, Greek, Cyrillic, Armenian
// and full-width letters, one code point to one. Letters stay distinct where a language tells them apart: "е" and "ё",
// "e" and "é" are different (HOSTILE row F4's rule for search). Pure, linear.
#pragma once

#include <string>
#include <string_view>

namespace mbx::imap {

char32_t fold_case(char32_t c);
// `utf8` must be well-formed.
std::string fold_case(std::string_view utf8);

// Whether `folded_needle` stands in the folded form of `utf8`.
bool contains_folded(std::string_view utf8, std::string_view folded_needle);

}  // namespace mbx::imap
