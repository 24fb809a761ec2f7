// What happens to messages in mailboxes, and to mailboxes with messages in them, as events. The message is found by its place
// when they are written. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/recorder.hpp"

namespace mbx::trace {

// Of one act; what is beyond is not recorded.
inline constexpr std::size_t kMostOfOneAct = 1000;

// As it was called when it happened.
struct TracedMailbox {
    std::string account;  // local@domain
    std::int64_t account_id = 0;
    std::int64_t id = 0;  // MAILBOXID; 0: not known
    std::string name;
};

struct MailboxAct {
    std::string by;     // "imap", "pop3", "the administrator"
    std::string login;  // the address of who was logged in; empty: nobody was, or it is not known
    WallTime at{};
};

Event placed_event(std::string trace_id, const TracedMailbox& into, std::uint32_t uid, WallTime at);
std::vector<Event> expunged_events(const MailboxAct& act, const TracedMailbox& from, std::span<const std::uint32_t> uids);
// UIDs here and there.
std::vector<Event> moved_events(const MailboxAct& act, const TracedMailbox& from, const TracedMailbox& to,
                                std::span<const std::pair<std::uint32_t, std::uint32_t>> uids);
Event restored_event(const MailboxAct& act, const TracedMailbox& from, const TracedMailbox& to,
                     std::pair<std::uint32_t, std::uint32_t> uids);
// `kind`: mailbox_renamed with its new name, mailbox_deleted, mailbox_restored.
Event mailbox_event(EventKind kind, const MailboxAct& act, const TracedMailbox& mailbox, std::string_view new_name = {});

}  // namespace mbx::trace
