#include "smtp/recipient.hpp"

#include <utility>

namespace mbx::smtp {

RecipientDecision judge_recipient(const directory::Snapshot& snapshot, const mail::Mailbox& mailbox, Role role)
{
    using directory::Resolution;
    directory::Recipients reached = snapshot.resolve(mailbox.local_part, mailbox.domain);
    switch (reached.resolution) {
    case Resolution::found: break;
    case Resolution::unknown_domain:
        return {role == Role::submission ? ReplyId::no_outside_delivery : ReplyId::relay_denied, {}};
    case Resolution::unknown_mailbox: return {ReplyId::unknown_mailbox, {}};
    case Resolution::disabled: return {ReplyId::disabled_mailbox, {}};
    case Resolution::loop: return {ReplyId::alias_loop, {}};
    }
    if (!reached.remote.empty()) return {ReplyId::no_outside_delivery, {}};
    if (reached.accounts.empty()) return {ReplyId::unknown_mailbox, {}};
    return {ReplyId::recipient_accepted, std::move(reached.accounts)};
}

} // namespace mbx::smtp
