// The records of one account that the journal still holds after a crash, in their order: what AccountStore::replay()
// makes true again. Bodies stay in the journal until they are wanted.
#pragma once

#include <functional>
#include <vector>

#include "store/journal_record.hpp"

namespace mbx::store {

struct ReplayRecord {
    Lsn lsn = 0;
    JournalRecord record;
    journal::Location location;   // of the whole payload
    std::uint32_t body_offset = 0;  // of the body within it
};

struct Replay {
    std::vector<ReplayRecord> records;  // ascending by LSN; voided ones are left out
    // The body of a record that carries one. Worker threads.
    std::function<Result<std::string, FileError>(const ReplayRecord&)> body;
    std::string spool_directory;
};

struct Replayed {
    std::size_t placed = 0;    // accepted messages that had no PlacedRecord yet
    std::size_t repaired = 0;  // files that were missing, short or torn
    std::size_t rows = 0;      // changes that the index did not have
};

}  // namespace mbx::store
