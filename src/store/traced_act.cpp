#include "store/traced_act.hpp"

#include <algorithm>
#include <chrono>

namespace mbx::store {

void add_told(TracedAct& act, WallTime at, ExpungedRecord& record)
{
    ExpungedRecord::Told told;
    told.at = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
    told.count = std::min(act.most, record.messages.size());
    if (told.count == 0 || told.at <= 0) return;
    told.by = act.by;
    told.mailbox = act.mailbox;
    told.to_mailbox = act.to_mailbox;
    for (std::size_t n = 0; n < told.count && !act.to_mailbox.empty(); ++n) {
        const auto found = std::ranges::lower_bound(act.moved, record.messages[n].uid, {}, &std::pair<Uid, Uid>::first);
        if (found == act.moved.end() || found->first != record.messages[n].uid) return;
        told.to.push_back(found->second);
    }
    act.most -= told.count;
    record.told = std::move(told);
}

void tell(trace::Recorder* recorder, const ExpungedRecord& record)
{
    const ExpungedRecord::Told& told = record.told;
    if (recorder == nullptr || told.at == 0) return;
    const std::string account = record.account.local_part + "@" + record.account.domain;
    const trace::MailboxAct act{account, told.mailbox, told.by, WallTime(std::chrono::microseconds(told.at))};
    if (told.to_mailbox.empty()) {
        std::vector<Uid> uids;
        for (std::size_t n = 0; n < told.count; ++n) uids.push_back(record.messages[n].uid);
        trace::record_expunged(recorder, act, uids);
        return;
    }
    std::vector<std::pair<Uid, Uid>> uids;
    for (std::size_t n = 0; n < told.count; ++n) uids.emplace_back(record.messages[n].uid, told.to[n]);
    trace::record_moved(recorder, act, told.to_mailbox, uids);
}

}  // namespace mbx::store
