// The journal for the queue: its changes are records beside all others and share their group commit; what it left is read
// back at the start. Loop thread.
#pragma once

#include <vector>

#include "intake/intake.hpp"
#include "queue/ledger.hpp"
#include "store/store.hpp"

namespace mbx::intake {

class QueueLedger final : public queue::Ledger {
public:
    // `spool_directory`: as the intake's. Both outlive it.
    QueueLedger(store::Store& store, std::string spool_directory)
        : store_(store), spool_directory_(std::move(spool_directory))
    {
    }

    Entered append(std::string record) override;
    co::Task<bool> durable(std::uint64_t lsn) override;

    // What the journal still held for the queue when it was opened, in order: messages, or changes. Bodies up to 256 KiB each
    // are read from the journal one by one, so that the queue may settle each before the next. Blocking: at start only.
    struct Left {
        OutgoingMail mail;      // without an id: none
        std::string change;     // where it is none
        store::Lsn lsn = 0;
        Hold hold;
    };
    // False: a body cannot be read; the process is not to go on.
    bool visit_left(const std::function<void(Left)>& visit);

private:
    Hold hold(store::Lsn lsn) const;
    bool read_body(const store::RecoveredMail::Outgoing& one, OutgoingMail& mail) const;
    store::Store& store_;
    std::string spool_directory_;
};

}  // namespace mbx::intake
