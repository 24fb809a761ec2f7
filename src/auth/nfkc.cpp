#include "auth/nfkc.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "auth/nfkc_table.hpp"
#include "base/coded_numbers.hpp"

namespace mbx::auth {
namespace {

// Hangul is arithmetic (Unicode, section 3.12).
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowels = 0x1161;
constexpr char32_t kTrailing = 0x11A7;  // none of them
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailingCount = 28;
constexpr char32_t kLeadingCount = 19;
constexpr char32_t kSyllableCount = kLeadingCount * kVowelCount * kTrailingCount;
constexpr char32_t kMarks = 0x300;

std::uint64_t pair_key(char32_t first, char32_t second) { return (std::uint64_t{first} << 32U) | second; }

class Tables {
public:
    Tables()
    {
        CodedNumbers in(kDecompositionTable);
        char32_t next = 0;
        while (!in.is_done()) {
            char32_t code = next + in.number();
            const auto kind = in.number();
            if (kind == 0) {
                const auto more = in.number();
                const auto first = in.from(code);
                for (char32_t i = 0; i <= more; ++i) decompositions_.emplace(code + i, std::u32string(1, first + i));
                next = code + more + 1;
                continue;
            }
            std::u32string parts(1, in.from(code));
            while (parts.size() < kind / 2 + 1) parts += in.from(kMarks);
            if ((kind & 1U) != 0) composites_.emplace(pair_key(parts[0], parts[1]), code);
            decompositions_.emplace(code, std::move(parts));
            next = code + 1;
        }
        CodedNumbers classes(kClassTable);
        next = 0;
        while (!classes.is_done()) {
            const auto first = next + classes.number();
            const auto last = first + classes.number();
            classes_.push_back({first, last, static_cast<std::uint8_t>(classes.number())});
            next = last + 1;
        }
    }
    void decompose(char32_t code, std::u32string& into) const
    {
        if (code >= kSyllables && code < kSyllables + kSyllableCount) {
            const auto index = code - kSyllables;
            into += kLeading + index / (kVowelCount * kTrailingCount);
            into += kVowels + index % (kVowelCount * kTrailingCount) / kTrailingCount;
            if (index % kTrailingCount != 0) into += kTrailing + index % kTrailingCount;
            return;
        }
        const auto found = decompositions_.find(code);
        if (found == decompositions_.end()) {
            into += code;
            return;
        }
        for (const char32_t part : found->second) decompose(part, into);  // four levels at most
    }
    std::uint8_t class_of(char32_t code) const
    {
        if (code < kMarks) return 0;
        const auto it = std::ranges::lower_bound(classes_, code, {}, &Class::last);
        return it != classes_.end() && it->first <= code ? it->value : 0;
    }
    std::optional<char32_t> composite(char32_t first, char32_t second) const
    {
        if (first >= kLeading && first < kLeading + kLeadingCount && second >= kVowels && second < kVowels + kVowelCount)
            return kSyllables + ((first - kLeading) * kVowelCount + (second - kVowels)) * kTrailingCount;
        const bool is_open = first >= kSyllables && first < kSyllables + kSyllableCount && (first - kSyllables) % kTrailingCount == 0;
        if (is_open && second > kTrailing && second < kTrailing + kTrailingCount) return first + (second - kTrailing);
        const auto found = composites_.find(pair_key(first, second));
        if (found == composites_.end()) return std::nullopt;
        return found->second;
    }

private:
    struct Class {
        char32_t first;
        char32_t last;
        std::uint8_t value;
    };
    std::unordered_map<char32_t, std::u32string> decompositions_;
    std::unordered_map<std::uint64_t, char32_t> composites_;
    std::vector<Class> classes_;
};

const Tables& tables()
{
    static const Tables made;
    return made;
}

// Marks in the order of their classes, those of one class in their own.
void put_in_order(std::u32string& text)
{
    const Tables& known = tables();
    const auto is_mark = [&known](char32_t code) { return known.class_of(code) != 0; };
    const auto is_before = [&known](char32_t a, char32_t b) { return known.class_of(a) < known.class_of(b); };
    auto at = text.begin();
    while (at != text.end()) {
        const auto first = std::find_if(at, text.end(), is_mark);
        at = std::find_if_not(first, text.end(), is_mark);
        std::stable_sort(first, at, is_before);
    }
}

void compose(std::u32string& text)
{
    const Tables& known = tables();
    std::u32string out;
    std::optional<std::size_t> starter;
    std::uint8_t last_class = 0;  // of what stands behind the starter
    for (const char32_t code : text) {
        const auto own_class = known.class_of(code);
        const bool is_next = starter && out.size() == *starter + 1;
        // Blocked by a mark of the same or a higher class in between.
        const bool is_free = starter && (is_next || last_class < own_class);
        const auto both = is_free ? known.composite(out[*starter], code) : std::nullopt;
        if (both) {
            out[*starter] = *both;
            continue;
        }
        if (own_class == 0) starter = out.size();
        last_class = own_class;
        out += code;
    }
    text = std::move(out);
}

}  // namespace

std::u32string nfkc(std::u32string_view text)
{
    const Tables& known = tables();
    std::u32string whole;
    whole.reserve(text.size());
    for (const char32_t code : text) known.decompose(code, whole);
    put_in_order(whole);
    compose(whole);
    return whole;
}

}  // namespace mbx::auth
