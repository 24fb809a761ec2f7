#include "store/traced_act.hpp"

#include <algorithm>
#include <chrono>

namespace mbx::store {

namespace {

WallTime time_of(std::int64_t microseconds) { return WallTime(std::chrono::microseconds(microseconds)); }

trace::TracedMailbox traced(const AccountKey& account, MailboxId id, const std::string& name)
{
    return {account.local_part + "@" + account.domain, account.id, id.value, name};
}

trace::EventKind kind_of(MailboxActRecord::Kind kind)
{
    switch (kind) {
    case MailboxActRecord::Kind::renamed: return trace::EventKind::mailbox_renamed;
    case MailboxActRecord::Kind::deleted: return trace::EventKind::mailbox_deleted;
    case MailboxActRecord::Kind::restored: return trace::EventKind::mailbox_restored;
    }
    return trace::EventKind::mailbox_renamed;
}

}  // namespace

void add_told(TracedAct& act, WallTime at, const std::string& mailbox, ExpungedRecord& record)
{
    ExpungedRecord::Told told;
    told.at = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
    told.count = std::min(act.most, record.messages.size());
    if (told.count == 0 || told.at <= 0) return;
    told.by = act.by;
    told.login = act.login;
    told.mailbox = mailbox;
    told.to_mailbox = act.to_mailbox;
    told.to_account = act.to_account;
    told.to_id = act.to_id;
    for (std::size_t n = 0; n < told.count && !act.to_mailbox.empty(); ++n) {
        const auto found = std::ranges::lower_bound(act.moved, record.messages[n].uid, {}, &std::pair<Uid, Uid>::first);
        if (found == act.moved.end() || found->first != record.messages[n].uid) return;
        told.to.push_back(found->second);
    }
    act.most -= told.count;
    record.told = std::move(told);
}

std::vector<trace::Event> events_of(const ExpungedRecord& record)
{
    const ExpungedRecord::Told& told = record.told;
    if (told.at == 0) return {};
    const trace::MailboxAct act{told.by, told.login, time_of(told.at)};
    const trace::TracedMailbox from = traced(record.account, record.mailbox, told.mailbox);
    if (told.to_mailbox.empty()) {
        std::vector<Uid> uids;
        for (std::size_t n = 0; n < told.count; ++n) uids.push_back(record.messages[n].uid);
        return trace::expunged_events(act, from, uids);
    }
    std::vector<std::pair<Uid, Uid>> uids;
    for (std::size_t n = 0; n < told.count; ++n) uids.emplace_back(record.messages[n].uid, told.to[n]);
    const AccountKey& target = told.to_account.domain.empty() ? record.account : told.to_account;
    return trace::moved_events(act, from, traced(target, told.to_id, told.to_mailbox), uids);
}

std::vector<trace::Event> events_of(const MailboxActRecord& record)
{
    const trace::MailboxAct act{record.by, record.login, time_of(record.at)};
    return {trace::mailbox_event(kind_of(record.kind), act, traced(record.account, record.mailbox, record.name), record.new_name)};
}

std::vector<trace::Event> events_of(const PlacedRecord& record, const std::string& trace_id)
{
    if (record.restored.at != 0) {
        const PlacedRecord::Restored& restored = record.restored;
        const trace::MailboxAct act{restored.by, {}, time_of(restored.at)};
        return {trace::restored_event(act, traced(record.account, record.source_mailbox, restored.mailbox),
                                      traced(record.account, record.mailbox, restored.to_mailbox), {restored.uid, record.row.uid})};
    }
    if (record.placed_at == 0 || trace_id.empty()) return {};
    const std::string inbox = "INBOX";
    return {trace::placed_event(trace_id, traced(record.account, record.mailbox, inbox), record.row.uid, time_of(record.placed_at))};
}

void tell(trace::Recorder* recorder, std::vector<trace::Event> events)
{
    if (recorder == nullptr) return;
    for (auto& event : events) recorder->record(std::move(event));
}

}  // namespace mbx::store
