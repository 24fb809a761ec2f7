#include "mail/fuzzy_match.hpp"

#include <algorithm>
#include <cstring>

#include "base/ascii.hpp"

namespace mbx::mail {

namespace {

constexpr unsigned kWhole = 100;     // of one word
constexpr unsigned kBeginning = 80;
constexpr unsigned kInside = 60;
constexpr unsigned kWordsOnly = 90;  // of all words, where the key as it is does not stand there

bool is_word_byte(char c)
{
    return ascii::is_eight_bit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::size_t find_in(std::string_view text, std::size_t from, std::string_view needle)
{
    const void* found = ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

unsigned word_score(std::string_view text, std::string_view word)
{
    const bool is_ascii = std::ranges::none_of(word, ascii::is_eight_bit);
    unsigned best = 0;
    for (auto at = find_in(text, 0, word); at != std::string_view::npos && best < kWhole;
         at = find_in(text, at + word.size(), word)) {
        const auto end = at + word.size();
        const bool begins = at == 0 || !is_word_byte(text[at - 1]);
        const bool ends = end == text.size() || !is_word_byte(text[end]);
        if (begins) best = std::max(best, ends ? kWhole : kBeginning);
        else if (!is_ascii) best = std::max(best, kInside);
    }
    return best;
}

}  // namespace

FuzzyKey make_fuzzy_key(std::string_view folded)
{
    FuzzyKey key{std::string(folded), {}};
    for (std::size_t at = 0; at < folded.size() && key.words.size() < kMaxFuzzyWords;) {
        std::size_t end = at;
        while (end < folded.size() && is_word_byte(folded[end])) ++end;
        if (end > at) key.words.emplace_back(folded.substr(at, end - at));
        at = end + 1;
    }
    return key;
}

unsigned fuzzy_score(const FuzzyKey& key, std::string_view folded_text)
{
    if (key.whole.empty() || find_in(folded_text, 0, key.whole) != std::string_view::npos) return 100;
    unsigned sum = 0;
    std::size_t found = 0;
    for (const auto& word : key.words) {
        const auto score = word_score(folded_text, word);
        sum += score;
        found += score != 0 ? 1 : 0;
    }
    if (found == 0 || 2 * found < key.words.size()) return 0;
    return std::max(1U, sum * kWordsOnly / (100 * static_cast<unsigned>(key.words.size())));
}

}  // namespace mbx::mail
