#include "trace/mailbox_events.hpp"

#include <algorithm>

namespace mbx::trace {

namespace {

Event begin(EventKind kind, const MailboxAct& act, std::uint32_t uid)
{
    Event event;
    event.kind = kind;
    event.at = act.at;
    event.recipient = act.account;
    constexpr std::size_t kMostFacts = 5;
    event.facts.reserve(kMostFacts);
    event.facts.emplace_back("mailbox", act.mailbox);
    event.facts.emplace_back("uid", std::to_string(uid));
    event.facts.emplace_back("by", act.by);
    return event;
}

}  // namespace

void record_expunged(Recorder* recorder, const MailboxAct& act, std::span<const std::uint32_t> uids)
{
    if (recorder == nullptr) return;
    for (const std::uint32_t uid : uids.first(std::min(uids.size(), kMostOfOneAct)))
        recorder->record(begin(EventKind::expunged, act, uid));
}

void record_moved(Recorder* recorder, const MailboxAct& act, std::string_view to,
                  std::span<const std::pair<std::uint32_t, std::uint32_t>> uids)
{
    if (recorder == nullptr) return;
    for (const auto& [from, target] : uids.first(std::min(uids.size(), kMostOfOneAct))) {
        Event event = begin(EventKind::moved, act, from);
        event.facts.emplace_back("to_mailbox", to);
        event.facts.emplace_back("to_uid", std::to_string(target));
        recorder->record(std::move(event));
    }
}

}  // namespace mbx::trace
