// What the SMTP session made of a message of the drop directory. Pure. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sendmail/conversation.hpp"
#include "sendmail/letter.hpp"

namespace mbx::sendmail {

// The commands for a message of `size` bytes, up to BDAT; empty: its sender is no mailbox, or none of its recipients is one.
std::string drop_script(const Letter& letter, std::string_view host, std::uint64_t size);

struct FailedDrop {
    Address recipient;
    Reply reply;
};

struct DropVerdict {
    bool is_later = false;            // nothing came of it now: to be tried again
    Reply because;          // with is_later
    bool is_sender_refused = false;
    std::vector<FailedDrop> failed;   // for ever; the others have it
};

// `heard`: all that the session said to drop_script(), from its greeting on. A temporary answer to one recipient of several
// counts as final when the message was taken for the others: it cannot be handed over to them twice.
DropVerdict judge_drop(const Letter& letter, std::string_view host, std::string heard);

}  // namespace mbx::sendmail
