// An entry as a file: a line that says what it is, the entry as it was when the file was made, then the changes as they
// came, each framed with its length and CRC-32C. Files are only ever appended to, or replaced as a whole. Pure; parsing is
// total for any bytes and linear.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "queue/entry.hpp"

namespace mbx::queue {

std::string format_entry_file(const Entry& entry);
std::string format_change_frame(const Change& change);

enum class EntryFileState : std::uint8_t {
    whole,
    torn,     // the entry is good, what stands behind good_size is not: the end of an append that a crash cut
    foreign,  // not an entry's file at all
    newer,    // of a version that we do not know
    damaged,  // its head cannot be read
};

struct ParsedEntryFile {
    EntryFileState state = EntryFileState::foreign;
    Entry entry;                   // with whole and torn
    std::uint64_t good_size = 0;   // bytes up to the last good frame
    std::uint64_t head_size = 0;   // of them, without the changes
};

ParsedEntryFile parse_entry_file(std::string_view bytes);

// One clause for the log.
std::string_view describe(EntryFileState state);

}  // namespace mbx::queue
