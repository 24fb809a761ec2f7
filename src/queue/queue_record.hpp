// What the queue writes into the journal (Ledger::append) and behind the head of an entry's file. Pure; decode_record()
// is total for any bytes, linear, and refuses versions it does not know.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "queue/entry.hpp"

namespace mbx::queue {

// Nothing is left to do for the entry: its files may go.
struct Ended {
    std::string id;
    bool operator==(const Ended&) const = default;
};

using QueueRecord = std::variant<Change, Ended>;

std::string encode(const QueueRecord& record);
std::optional<QueueRecord> decode_record(std::string_view bytes);
// For `mailboxctl journal show`.
std::string describe(const QueueRecord& record);

// The parts that an entry's file shares with the records.
std::string encode_entry(const Entry& entry);
std::optional<Entry> decode_entry(std::string_view bytes);

}  // namespace mbx::queue
