// What befell messages, noted in passing: record() costs some hundred nanoseconds on the loop, a worker writes batches
// into trace.db. Whoever records something has made it durable before, so that no row is ahead of the truth.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "co/task.hpp"

namespace mbx::trace {

// Their numbers stand in the journal: new ones come last.
enum class EventKind : std::uint8_t {
    accepted,       // 250: by whom, from where, how protected, size, subject, Message-ID
    refused,        // at the end of DATA, or a RCPT: why
    placed,         // into a mailbox of an account
    queued,         // waits for its destination
    attempted,      // an attempt at a host, with the remote's words and TLS
    delivered,      // the remote took it
    failed,         // for ever
    reported,       // a DSN was made: its own id
    expanded,       // an alias or a list led to others
    held, released, retried, returned, deleted,  // by an administrator
    expunged, moved,                   // by its owner, or who may in a shared mailbox
    report_waits,   // a DSN is due and could not be made yet: why
    restored,       // what was expunged is back
    mailbox_renamed, mailbox_deleted, mailbox_restored,  // of a whole mailbox: all messages in it
};

// Where a message lies in an account, by what never comes again: names of mailboxes, and addresses of accounts, do.
struct MessagePlace {
    std::int64_t account = 0;  // the directory's id
    std::int64_t mailbox = 0;  // MAILBOXID; 0: the mailbox is known by its name only
    std::uint32_t uid = 0;     // 0: no message, or none in particular
    bool operator==(const MessagePlace&) const = default;
};

struct Event {
    std::string id;         // trace id of the message
    EventKind kind = EventKind::accepted;
    WallTime at{};
    std::string recipient;  // where it concerns one: the address
    std::string detail;     // one line in words
    // What kinds have besides, as name and value: "peer", "helo", "tls", "account", "host", "code", "enhanced", "size",
    // "subject", "message_id", "reverse_path", "mailbox", "our_ms", "their_ms", "reason" …
    std::vector<std::pair<std::string, std::string>> facts;
    // Of what happens in mailboxes. Without an id the message is the one that lay in `from`.
    MessagePlace from{};  // where it was
    MessagePlace to{};    // where it is now: placed, moved, restored
};

class Recorder {
public:
    virtual ~Recorder() = default;
    virtual void record(Event event) = 0;
    // Until what was recorded before is written, or cannot be: before the journal forgets what it was recorded from. Loop.
    virtual co::Task<void> settle() { co_return; }
};

}  // namespace mbx::trace
