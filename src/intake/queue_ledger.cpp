#include "intake/queue_ledger.hpp"

#include <utility>

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

bool QueueLedger::read_body(const store::RecoveredMail::Outgoing& one, OutgoingMail& mail) const
{
    const auto& record = std::get<store::AcceptedRecord>(one.record);
    if (!record.spool_name.empty()) {
        mail.path = spool_directory_ + "/" + record.spool_name;
        return true;
    }
    auto payload = store_.journal().journal().read(one.location);
    if (!payload || payload->size() < one.body_offset) return false;
    payload->erase(0, one.body_offset);
    mail.bytes = std::make_shared<const std::string>(*std::move(payload));
    return true;
}

bool QueueLedger::visit_left(const std::function<void(Left)>& visit)
{
    const auto recovered = std::exchange(store_.journal().recovered().outgoing, {});
    std::vector<Hold> holds;
    holds.reserve(recovered.size());
    for (const auto& one : recovered) holds.push_back(hold(one.lsn));
    for (std::size_t n = 0; n < recovered.size(); ++n) {
        const auto& one = recovered[n];
        Left left;
        left.lsn = one.lsn;
        left.hold = std::move(holds[n]);
        if (const auto* change = std::get_if<store::OutgoingRecord>(&one.record)) {
            left.change = change->change;
        } else {
            const auto& record = std::get<store::AcceptedRecord>(one.record);
            auto envelope = queue::decode_envelope(record.outgoing);
            if (!envelope || !read_body(one, left.mail)) return false;
            left.mail.id = record.trace_id;
            left.mail.lsn = one.lsn;
            left.mail.accepted = WallTime{std::chrono::seconds{record.internal_date}};
            left.mail.size = record.size;
            left.mail.crc = record.crc;
            left.mail.envelope = *std::move(envelope);
        }
        visit(std::move(left));
    }
    return true;
}

}  // namespace mbx::intake
