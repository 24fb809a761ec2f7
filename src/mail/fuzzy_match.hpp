// How well a text answers words that somebody remembers: SEARCH=FUZZY (RFC 6203). Pure, linear in the text for each of a
// bounded number of words. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

inline constexpr std::size_t kMaxFuzzyWords = 16;  // of one key; the others say nothing

struct FuzzyKey {
    std::string whole;               // folded (case_fold.hpp)
    std::vector<std::string> words;  // of it: runs of ASCII letters and digits, and of all beyond ASCII
};
FuzzyKey make_fuzzy_key(std::string_view folded);

// 0: no match. 100: the key stands in the text as it is. Else at least half of its words do, as words (of the score their
// share of 90), as beginnings of words (four fifths of that), or, beyond ASCII, where words are not always parted, inside.
unsigned fuzzy_score(const FuzzyKey& key, std::string_view folded_text);

}  // namespace mbx::mail
