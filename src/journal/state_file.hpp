// The journal's small state file: what must be known before its segments are read, and when they are gone. Pure;
// private to journal/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.hpp"

namespace mbx::journal {

inline constexpr std::size_t kMaxStateFile = 16U << 20U;

struct StateRecord {
    std::uint64_t identity = 0;
    std::uint64_t segment = 0;  // no segment above this number was ever made before this was written
    bool closed = false;
    Lsn ceiling = 1;     // no number from here on was ever given
    Lsn end = 0;         // a record that was durable by then: the journal does not end before
    Lsn checkpoint = 0;  // likewise
    std::vector<LsnRange> voids;  // ascending, apart from one another
};

std::string format_state(const StateRecord& state);
std::optional<StateRecord> parse_state(std::string_view text);

// Puts [first, last] behind the others, which it touches or not.
void add_void(std::vector<LsnRange>& voids, LsnRange range);
// Whether every number of [first, last] is void; true for an empty range.
bool are_void(const std::vector<LsnRange>& voids, Lsn first, Lsn last);

}  // namespace mbx::journal
