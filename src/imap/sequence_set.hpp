// Sequence sets (RFC 9051 section 9, sequence-set): "1:3,7,12:*", "$". Kept as normalised intervals, never expanded, so
// that "1:4294967295" costs what "1" costs (HOSTILE row E4). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/types.hpp"

namespace mbx::imap {

// Message sequence numbers and UIDs both: ordered, disjoint, not adjacent, both ends included.
using NumberSet = store::UidSet;

// Sorts, turns round and joins what overlaps or touches.
NumberSet normalised(NumberSet ranges);
bool contains(const NumberSet& set, std::uint32_t number);
std::uint64_t count(const NumberSet& set);
NumberSet intersection(const NumberSet& a, const NumberSet& b);
NumberSet without(const NumberSet& a, const NumberSet& b);
// The first `most` numbers of a set, and the set without all numbers up to `until`.
NumberSet first_of(const NumberSet& set, std::uint64_t most);
NumberSet behind(const NumberSet& set, std::uint32_t until);
// "1:3,7". Of an empty set: "".
std::string to_text(const NumberSet& set);
// Adds a number above all that are in the set.
void add_above(NumberSet& set, std::uint32_t number);

class SequenceSet {
public:
    // None for what the grammar does not allow, 0 and numbers above 2^32-1 among it.
    static std::optional<SequenceSet> parse(std::string_view text);

    // "$": the saved result of the last SEARCH (RFC 5182).
    bool is_saved_result() const { return saved_; }
    bool has_star() const { return has_star_; }
    // `*` means `largest`. With no message at all (0) it names nothing by itself.
    NumberSet resolve(std::uint32_t largest) const;
    // Whether a number or `*` of the set exceeds `largest`: sequence numbers that do not exist.
    bool exceeds(std::uint32_t largest) const;

private:
    NumberSet fixed_;
    // All ranges with a `*` together reach from the lowest partner (or `*`) to the highest (or `*`).
    bool has_star_ = false;
    std::uint32_t lowest_partner_ = UINT32_MAX;
    std::uint32_t highest_partner_ = 0;
    bool saved_ = false;
};

}  // namespace mbx::imap
