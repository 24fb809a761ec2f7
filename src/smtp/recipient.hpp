// Whether a RCPT is taken, and whom it reaches. Pure: a directory snapshot in, a decision out. Any thread.
#pragma once

#include <vector>

#include "directory/snapshot.hpp"
#include "mail/address.hpp"
#include "smtp/options.hpp"
#include "smtp/reply.hpp"

namespace mbx::smtp {

struct RecipientDecision {
    ReplyId reply = ReplyId::relay_denied;      // recipient_accepted, or why not
    std::vector<directory::AccountId> accounts; // ascending, without duplicates; empty unless accepted
};

// No peer is trusted for its address: whoever is not logged in reaches our own mailboxes and nothing else (HOSTILE row
// C4). Signs of other routing (user%host, host!user, a quoted @) are bytes of a local part, no more. An alias with any
// target outside is put off as a whole until there is a queue: a part of its members is not what the sender asked for.
RecipientDecision judge_recipient(const directory::Snapshot& snapshot, const mail::Mailbox& mailbox, Role role);

} // namespace mbx::smtp
