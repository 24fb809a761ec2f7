// What the trace is told of acts in mailboxes. Of an EXPUNGE, a MOVE or an undelete it stands in the act's own record, once for all
// messages of it, so that a crash takes no row that the journal still has. On the strand, or pure.
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
    std::string by;             // "imap", "pop3", "the administrator"
    std::string login{};        // the address of who is logged in; empty: nobody is
    // Of a MOVE into another account. AccountStore::move() knows its target itself, as `moved`.
    AccountKey to_account{};
    MailboxId to_id{};
    std::string to_mailbox{};   // as its owner calls it; empty: an EXPUNGE
    std::vector<std::pair<Uid, Uid>> moved{};  // UIDs here and there, ascending
    std::size_t most = trace::kMostOfOneAct;
};

// Into the record of the act, before it is written. `mailbox`: what the record's is called.
void add_told(TracedAct& act, WallTime at, const std::string& mailbox, ExpungedRecord& record);

// The rows of a record that is durable; a second time they add nothing.
std::vector<trace::Event> events_of(const ExpungedRecord& record);
std::vector<trace::Event> events_of(const MailboxActRecord& record);
// Of the acceptance with this id, or of an undelete (where it has none). Empty: it is told nothing.
std::vector<trace::Event> events_of(const PlacedRecord& record, const std::string& trace_id);
// `recorder` may be none.
void tell(trace::Recorder* recorder, std::vector<trace::Event> events);

}  // namespace mbx::store
