#include "smtp/recipient.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostOwners = 8; // of lists behind one address: each leaves as a message of its own

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
    case Resolution::too_many: return {ReplyId::list_too_large, {}, {}};
    }
    if (reached.accounts.empty() && reached.remote.empty()) return {ReplyId::unknown_mailbox, {}, {}};
    RecipientDecision decision{ReplyId::recipient_accepted, std::move(reached.accounts), {}};
    decision.expansions = std::move(reached.expansions);
    std::set<std::string, std::less<>> owners;
    for (const directory::Outside& one : reached.remote) {
        if (!one.owner.empty()) owners.insert(one.owner);
    }
    if (owners.size() > kMostOwners) return {ReplyId::list_too_large, {}, {}};
    for (directory::Outside& one : reached.remote) {
        OutsideRecipient& recipient = decision.outside.emplace_back();
        recipient.address = std::move(one.address);
        recipient.forwarded_by = mailbox.domain;
        recipient.owner = std::move(one.owner);
        recipient.forwarders = std::move(one.forwarders);
    }
    return decision;
}

void pass_reports_on(const mail::Mailbox& mailbox, const queue::Notify& notify, const std::string& original,
                     RecipientDecision& decision)
{
    constexpr std::size_t kMostWithOriginal = 1000; // it is up to 500 octets, for each of them
    const std::size_t reached = decision.accounts.size() + decision.outside.size();
    const bool is_list = std::ranges::any_of(decision.expansions, [](const directory::Expansion& one) {
        return one.kind == directory::Expansion::Kind::list;
    });
    for (OutsideRecipient& each : decision.outside) {
        if (!each.owner.empty()) continue;
        each.notify = notify;
        if (reached <= kMostWithOriginal) each.original = original;
        if (reached > 1 || is_list) each.notify.success = false;
    }
    const bool is_theirs = reached == 1 && !is_list && !decision.outside.empty();
    if (!notify.is_given || !notify.success || is_theirs) return;
    queue::Recipient receipt;
    receipt.address = mail::format_mailbox(mailbox);
    receipt.original = original;
    receipt.notify = notify;
    receipt.ending = is_list || reached == 1 ? queue::Ending::here : queue::Ending::expanded;
    decision.receipt = std::move(receipt);
}

} // namespace mbx::smtp
