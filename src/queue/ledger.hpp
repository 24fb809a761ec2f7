// The journal as the queue sees it: what a recipient's state depends on is a record there before the next step. intake
// implements it over the one journal, so that the queue shares its group commit (docs/queue.md). Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "co/task.hpp"

namespace mbx::queue {

// A record of the queue, and what the trace is told of it once it is durable (trace/event_record.hpp; empty: nothing): beside it
// in the journal, so that a crash in between takes nothing from the story.
struct LedgerRecord {
    std::string change;  // queue/queue_record.hpp
    std::string traced;
};

class Ledger {
public:
    // While it lives, no checkpoint forgets the record.
    using Hold = std::shared_ptr<void>;
    struct Entered {
        std::uint64_t lsn = 0;  // 0: the journal has failed or has no room
        Hold hold;
    };

    virtual ~Ledger() = default;
    // Waits for nothing.
    virtual Entered append(LedgerRecord record) = 0;
    // Until it is on the disk. False: the journal has failed, the process is to end.
    virtual co::Task<bool> durable(std::uint64_t lsn) = 0;
};

// A message of our own making (a DSN), on its way in.
struct Report {
    std::string to;     // the reverse-path it answers to
    std::string bytes;  // the whole message, wire form
    bool smtputf8 = false;
    bool eight_bit = false;  // its body has 8-bit bytes
};

inline constexpr const char* kNobodyToTell = "-";

// What became of a report that was handed in.
struct Taken {
    Taken(std::string given, std::string because = {}) : id(std::move(given)), why_not(std::move(because)) {}
    std::string id;       // the report's; kNobodyToTell; empty: not now
    std::string why_not;  // for people, with an empty id: "the mailbox is full"
};

class Intake {
public:
    virtual ~Intake() = default;
    // Where an account that forwards cannot hear of it, so that the administrators do: why ("is switched off"). Else empty.
    virtual std::string why_not_told(const std::string& to) const
    {
        (void)to;
        return {};
    }
    // Given what accept() answers.
    using MakeRecord = std::function<LedgerRecord(const std::string& id)>;
    // Accepts the report for whoever `to` is, here or elsewhere, with the reverse-path <>, and appends what `record` makes (may
    // be none) in the same step: both are durable or none is. kNobodyToTell where `to` is nobody any more; where it is not
    // taken now: try again.
    virtual co::Task<Taken> accept(Report report, MakeRecord record, Ledger::Hold* hold) = 0;
};

}  // namespace mbx::queue
