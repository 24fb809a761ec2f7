#include "intake/queue_ledger.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace mbx::intake {

queue::Ledger::Hold QueueLedger::hold(store::Lsn lsn) const
{
    return std::make_shared<store::CheckpointFloor::Hold>(store_.checkpoints().floor().hold(lsn));
}

queue::Ledger::Entered QueueLedger::append(std::string record)
{
    std::vector<journal::Payload> together(1);
    together.front().head = store::encode(store::OutgoingRecord{std::move(record)});
    Entered entered;
    entered.lsn = store_.journal().journal().append(std::move(together));
    if (entered.lsn != 0) {
        entered.hold = hold(entered.lsn);
        store_.checkpoints().nudge();
    }
    return entered;
}

co::Task<bool> QueueLedger::durable(std::uint64_t lsn)
{
    const bool is_durable = co_await store_.journal().waiters().durable(lsn);
    co_return is_durable;
}

bool QueueLedger::read(const store::RecoveredMail::Outgoing& one, Left& left) const
{
    const auto& record = std::get<store::AcceptedRecord>(one.record);
    auto envelope = queue::decode_envelope(record.outgoing);
    if (!envelope) return false;
    left.mail.id = record.trace_id;
    left.mail.lsn = one.lsn;
    left.mail.accepted = WallTime{std::chrono::seconds{record.internal_date}};
    left.mail.size = record.size;
    left.mail.crc = record.crc;
    left.mail.envelope = *std::move(envelope);
    if (!record.spool_name.empty()) {
        left.mail.path = spool_directory_ + "/" + record.spool_name;
        return true;
    }
    left.load = [&journal = store_.journal().journal(), where = one.location,
                 offset = one.body_offset]() -> Result<std::string, FileError> {
        auto payload = journal.read(where);
        if (!payload) return payload.error();
        return payload->substr(std::min<std::size_t>(offset, payload->size()));
    };
    return true;
}

bool QueueLedger::visit_left(const std::function<void(Left)>& visit)
{
    const auto recovered = std::exchange(store_.journal().recovered().outgoing, {});
    // First of all: what cannot be read must not be forgotten, nor what stands behind it.
    for (const auto& one : recovered) unread_.push_back(hold(one.lsn));
    for (const auto& one : recovered) {
        Left left;
        if (const auto* change = std::get_if<store::OutgoingRecord>(&one.record)) {
            left.change = change->change;
            left.change_hold = hold(one.lsn);
        } else {
            if (!read(one, left)) return false;
            left.mail.hold = hold(one.lsn);
        }
        visit(std::move(left));
    }
    unread_.clear();
    return true;
}

}  // namespace mbx::intake
