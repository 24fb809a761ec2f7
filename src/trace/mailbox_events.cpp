#include "trace/mailbox_events.hpp"

#include <algorithm>

namespace mbx::trace {

namespace {

// Facts that all messages of an act share: in the journal they stand once (event_record).
Event begin(EventKind kind, const MailboxAct& act, const TracedMailbox& mailbox)
{
    Event event;
    event.kind = kind;
    event.at = act.at;
    event.recipient = mailbox.account;
    constexpr std::size_t kMostFacts = 5;
    event.facts.reserve(kMostFacts);
    event.facts.emplace_back("mailbox", mailbox.name);
    event.facts.emplace_back("by", act.by);
    if (!act.login.empty()) event.facts.emplace_back("by_login", act.login);
    return event;
}

MessagePlace place(const TracedMailbox& mailbox, std::uint32_t uid) { return {mailbox.account_id, mailbox.id, uid}; }

void add_target(Event& event, const TracedMailbox& to)
{
    event.facts.emplace_back("to_mailbox", to.name);
    if (to.account != event.recipient) event.facts.emplace_back("to_account", to.account);
}

}  // namespace

Event placed_event(std::string trace_id, const TracedMailbox& into, std::uint32_t uid, WallTime at)
{
    Event event{std::move(trace_id), EventKind::placed, at, into.account, {}, {{"mailbox", into.name}}};
    event.to = place(into, uid);
    return event;
}

std::vector<Event> expunged_events(const MailboxAct& act, const TracedMailbox& from, std::span<const std::uint32_t> uids)
{
    const Event each = begin(EventKind::expunged, act, from);
    std::vector<Event> events;
    for (const std::uint32_t uid : uids.first(std::min(uids.size(), kMostOfOneAct))) {
        events.push_back(each);
        events.back().from = place(from, uid);
    }
    return events;
}

std::vector<Event> moved_events(const MailboxAct& act, const TracedMailbox& from, const TracedMailbox& to,
                                std::span<const std::pair<std::uint32_t, std::uint32_t>> uids)
{
    Event each = begin(EventKind::moved, act, from);
    add_target(each, to);
    std::vector<Event> events;
    for (const auto& [here, there] : uids.first(std::min(uids.size(), kMostOfOneAct))) {
        events.push_back(each);
        events.back().from = place(from, here);
        events.back().to = place(to, there);
    }
    return events;
}

Event restored_event(const MailboxAct& act, const TracedMailbox& from, const TracedMailbox& to,
                     std::pair<std::uint32_t, std::uint32_t> uids)
{
    Event event = begin(EventKind::restored, act, from);
    add_target(event, to);
    event.from = place(from, uids.first);
    event.to = place(to, uids.second);
    return event;
}

Event mailbox_event(EventKind kind, const MailboxAct& act, const TracedMailbox& mailbox, std::string_view new_name)
{
    Event event = begin(kind, act, mailbox);
    if (!new_name.empty()) event.facts.emplace_back("to_mailbox", new_name);
    event.from = place(mailbox, 0);
    return event;
}

}  // namespace mbx::trace
