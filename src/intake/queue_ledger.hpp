// The journal for the queue: its changes are records beside all others and share their group commit; what it left is read
// back at the start. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <string>
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

    Entered append(queue::LedgerRecord record) override;
    co::Task<bool> durable(std::uint64_t lsn) override;

    // What the journal still held for the queue when it was opened: a message, or a change.
    struct Left {
        OutgoingMail mail;      // without an id: none. Its bytes are in a file, or still in the journal
        std::function<Result<std::string, FileError>()> load;  // in the journal: reads them; on a worker, while mail.hold lives
        std::string change;     // where there is no mail
        Hold change_hold;
    };
    // All of it, in order, once; before the store starts. The ids of messages whose envelope this version cannot read: they are
    // passed over, and the journal keeps them, and whatever stands behind them, until let_go() or as long as this lives.
    std::vector<std::string> visit_left(const std::function<void(Left)>& visit);
    // It stands elsewhere whole.
    void let_go(const std::string& id) { unread_.erase(id); }

private:
    Hold hold(store::Lsn lsn) const;
    bool read(const store::RecoveredMail::Outgoing& one, Left& left) const;
    store::Store& store_;
    std::string spool_directory_;
    std::map<std::string, Hold> unread_;  // by id
};

}  // namespace mbx::intake
