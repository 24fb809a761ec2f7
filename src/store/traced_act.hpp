// What the trace is told of an EXPUNGE or a MOVE of a mailbox's owner. It stands in the act's own record, once for all messages of
// it, so that a crash takes no row that the journal still has. On the strand, or pure.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "store/journal_record.hpp"
#include "trace/mailbox_events.hpp"

namespace mbx::store {

// One command, which may be several calls: each takes off `most` what it tells of.
struct TracedAct {
    std::string by;             // "imap", "pop3"
    std::string mailbox;        // as stories name it
    std::string to_mailbox{};   // of a MOVE; empty: an EXPUNGE
    // With `to_mailbox`: the UIDs here and there, ascending. AccountStore::move() knows them itself.
    std::vector<std::pair<Uid, Uid>> moved{};
    std::size_t most = trace::kMostOfOneAct;
};

// Into the record of the act, before it is written.
void add_told(TracedAct& act, WallTime at, ExpungedRecord& record);
// The rows of a record that is durable; a second time they add nothing. `recorder` may be none.
void tell(trace::Recorder* recorder, const ExpungedRecord& record);

}  // namespace mbx::store
