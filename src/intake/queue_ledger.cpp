#include "intake/queue_ledger.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "queue/queue_record.hpp"

namespace mbx::intake {

queue::Ledger::Hold QueueLedger::hold(store::Lsn lsn) const
{
    return std::make_shared<store::CheckpointFloor::Hold>(store_.checkpoints().floor().hold(lsn));
}

queue::Ledger::Entered QueueLedger::append(queue::LedgerRecord record)
{
    std::vector<journal::Payload> together(1);
    together.front().head = store::encode(store::OutgoingRecord{std::move(record.change), std::move(record.traced)});
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

std::vector<std::string> QueueLedger::visit_left(const std::function<void(Left)>& visit)
{
    const auto recovered = std::exchange(store_.journal().recovered().outgoing, {});
    std::set<std::string> ended;
    for (const auto& one : recovered) {
        const auto* change = std::get_if<store::OutgoingRecord>(&one.record);
        const auto record = change == nullptr ? std::nullopt : queue::decode_record(change->change);
        if (const auto* end = record ? std::get_if<queue::Ended>(&*record) : nullptr) ended.insert(end->id);
    }
    std::vector<std::string> unread;
    for (const auto& one : recovered) {
        Left left;
        if (const auto* change = std::get_if<store::OutgoingRecord>(&one.record)) {
            left.change = change->change;
            left.change_hold = hold(one.lsn);
        } else if (read(one, left)) {
            left.mail.hold = hold(one.lsn);
        } else {
            const std::string& id = std::get<store::AcceptedRecord>(one.record).trace_id;
            // Nothing is left to do for one that has ended.
            if (!ended.contains(id) && unread_.emplace(id, hold(one.lsn)).second) unread.push_back(id);
            continue;
        }
        visit(std::move(left));
    }
    return unread;
}

}  // namespace mbx::intake
