#include "smtp/recipient.hpp"

#include <utility>

namespace mbx::smtp {

namespace {

RecipientDecision to_outside(const mail::Mailbox& mailbox, bool is_bounce)
{
    RecipientDecision decision;
    decision.reply = ReplyId::recipient_accepted;
    decision.outside.push_back({mail::format_mailbox(mailbox), {}, is_bounce});
    return decision;
}

} // namespace

RecipientDecision judge_recipient(const RecipientQuestion& question, const mail::Mailbox& mailbox)
{
    using directory::Resolution;
    const directory::Snapshot& snapshot = question.snapshot;
    directory::Recipients reached = snapshot.resolve(mailbox.local_part, mailbox.domain);
    // The local part is ours alone to read, and nobody has an account of such a name unless it is real.
    const bool is_way_back = policy::Srs::looks_like(mailbox.local_part) && snapshot.is_local_domain(mailbox.domain);
    if (is_way_back && question.has_null_reverse_path) {
        const auto sender = question.srs.reverse(mailbox, question.now);
        if (!sender) return {ReplyId::unknown_mailbox, {}, {}};
        if (!snapshot.is_local_domain(sender->domain)) return to_outside(*sender, true);
        reached = snapshot.resolve(sender->local_part, sender->domain);
    }
    switch (reached.resolution) {
    case Resolution::found: break;
    case Resolution::unknown_domain:
        if (question.role == Role::submission) return to_outside(mailbox, false);
        return {ReplyId::relay_denied, {}, {}};
    case Resolution::unknown_mailbox: return {ReplyId::unknown_mailbox, {}, {}};
    case Resolution::disabled: return {ReplyId::disabled_mailbox, {}, {}};
    case Resolution::loop: return {ReplyId::alias_loop, {}, {}};
    }
    if (reached.accounts.empty() && reached.remote.empty()) return {ReplyId::unknown_mailbox, {}, {}};
    RecipientDecision decision{ReplyId::recipient_accepted, std::move(reached.accounts), {}};
    for (std::string& address : reached.remote) decision.outside.push_back({std::move(address), mailbox.domain, false});
    return decision;
}

} // namespace mbx::smtp
