// Simple case folding for substring search (RFC 9051 section 6.4.4: case-insensitive): Latin, Greek, Cyrillic, Armenian
// and full-width letters, one code point to one; then a letter with a mark behind it becomes the one letter that it looks
// like ("и" and U+0306 are "й"), for Latin, Greek and Cyrillic. Letters stay distinct where a language tells them apart:
// "е" and "ё", "e" and "é" are different (HOSTILE row F4's rule for search). Pure, linear. The index of texts and the
// search itself fold with this and nothing else: what differed between the two would be missed.
#pragma once

#include <string>
#include <string_view>

namespace mbx::mail {

char32_t fold_case(char32_t c);
// `utf8` must be well-formed. A change of what comes out is a change of fts.db's version (store/text_index.cpp).
std::string fold_case(std::string_view utf8);

// Whether `folded_needle` stands in the folded form of `utf8`.
bool contains_folded(std::string_view utf8, std::string_view folded_needle);

}  // namespace mbx::mail
