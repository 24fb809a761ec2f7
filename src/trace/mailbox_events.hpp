// What owners do with messages in their mailboxes, as events. The message is found by account, mailbox and UID when they are
// written.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "trace/recorder.hpp"

namespace mbx::trace {

// Of one act; what is beyond is not recorded.
inline constexpr std::size_t kMostOfOneAct = 1000;

struct MailboxAct {
    std::string_view account;  // local@domain
    std::string_view mailbox;
    std::string_view by;       // "imap", "pop3", "expiry"
    WallTime at{};
};
// `recorder` may be none.
void record_expunged(Recorder* recorder, const MailboxAct& act, std::span<const std::uint32_t> uids);
void record_moved(Recorder* recorder, const MailboxAct& act, std::string_view to,
                  std::span<const std::pair<std::uint32_t, std::uint32_t>> uids);

}  // namespace mbx::trace
