#include "smtp/recipient.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/ascii.hpp"
#include "smtp/route.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostOwners = 8; // of lists behind one address: each leaves as a message of its own
constexpr std::string_view kAskedName = "@"; // in a step: whatever the client named

RecipientDecision to_outside(const mail::Mailbox& mailbox, bool is_bounce)
{
    RecipientDecision decision;
    decision.reply = ReplyId::recipient_accepted;
    decision.outside.push_back({mail::format_mailbox(mailbox), {}, is_bounce});
    return decision;
}

// The directory knows one postmaster of no domain, "postmaster@", to whom names of this machine lead too: who reads the trace
// looks for the address that was written.
void named_as_asked(const mail::Mailbox& mailbox, std::vector<directory::Expansion>& steps)
{
    for (directory::Expansion& step : steps) {
        if (!step.address.ends_with('@')) continue;
        step.address = mailbox.domain.empty() ? mailbox.local_part : mail::format_mailbox(mailbox);
    }
}

bool is_own_literal(const RecipientQuestion& question, const net::IpAddress& literal)
{
    return literal.is_loopback() || std::ranges::find(question.own_addresses, literal) != question.own_addresses.end();
}

bool is_host_name(const RecipientQuestion& question, std::string_view domain)
{
    return !question.host_name.empty() && ascii::same(domain, question.host_name);
}

bool is_this_host(const RecipientQuestion& question, std::string_view domain)
{
    const auto literal = parse_literal(domain);
    return literal ? is_own_literal(question, *literal) : is_host_name(question, domain);
}

// As programs of this machine may call it.
bool is_this_machine(const RecipientQuestion& question, std::string_view domain)
{
    return is_this_host(question, domain) || ascii::same(domain, "localhost") || ascii::same(domain, "localhost.localdomain");
}

bool is_another_host(const RecipientQuestion& question, std::string_view domain)
{
    const auto literal = parse_literal(domain);
    return literal && !is_own_literal(question, *literal);
}

// Whether a name of this machine is meant. Others than its own programs reach root, and with bounces who else may have sent; at a
// name that is a domain too, an address that nobody has is a mistyped one of that domain.
bool is_machine_name(const RecipientQuestion& question, const mail::Mailbox& mailbox)
{
    if (question.role == Role::local) return is_this_machine(question, mailbox.domain);
    if (is_this_host(question, mailbox.domain) && ascii::same(mailbox.local_part, "root")) return true;
    return question.has_null_reverse_path && is_host_name(question, mailbox.domain) && !question.snapshot.is_local_domain(mailbox.domain);
}

// Who gets mail for a name that nobody has. The steps are told of the name that was asked for (named_as_asked).
directory::Recipients system_mail(const RecipientQuestion& question)
{
    if (const auto named = mail::parse_mailbox(question.system_mail_to)) {
        const directory::Expansion step{std::string(kAskedName), directory::Expansion::Kind::administrators, 1,
                                        {mail::format_mailbox(*named)}};
        auto reached = question.snapshot.resolve(named->local_part, named->domain);
        if (reached.resolution == directory::Resolution::found) {
            reached.expansions.insert(reached.expansions.begin(), step);
            return reached;
        }
        if (reached.resolution == directory::Resolution::unknown_domain) {
            directory::Recipients elsewhere;
            elsewhere.resolution = directory::Resolution::found;
            elsewhere.remote.push_back({mail::format_mailbox(*named), {}, {}});
            elsewhere.expansions = {step};
            return elsewhere;
        }
    }
    return question.snapshot.resolve("postmaster", "");
}

directory::Recipients resolve_name(const RecipientQuestion& question, std::string_view name)
{
    using directory::Resolution;
    const auto is_known = [](const directory::Recipients& reached) {
        return reached.resolution != Resolution::unknown_mailbox && reached.resolution != Resolution::unknown_domain;
    };
    auto reached = question.snapshot.resolve(name, question.host_name);
    if (is_known(reached)) return reached;
    const std::string home = home_domain(question.snapshot, question.host_name);
    if (!home.empty()) reached = question.snapshot.resolve(name, home);
    return is_known(reached) ? reached : system_mail(question);
}

// Bounces of what an account forwarded are put into its mailbox, and not sent on: that is what has just failed. None: it is
// for the administrators.
std::optional<RecipientDecision> to_forwarder(const RecipientQuestion& question, std::int64_t id)
{
    const directory::Account* account = question.snapshot.find(directory::AccountId{id});
    if (account == nullptr || !account->enabled) return std::nullopt;
    return RecipientDecision{ReplyId::recipient_accepted, {account->id}, {}};
}

// Where reports about it go, unless to the sender.
std::string return_path_of(const RecipientQuestion& question, const OutsideRecipient& recipient)
{
    if (!recipient.owner.empty()) return recipient.owner;
    if (recipient.forwarders.empty()) return {};
    const directory::Account* account = question.snapshot.find(recipient.forwarders.front());
    if (account == nullptr) return {};
    return mail::format_mailbox(question.srs.forwarder(account->id.value, account->domain, question.now));
}

// A list, or one account: the sender's mail has come to its end, and what is behind it is theirs alone to know.
bool ends_here(const RecipientDecision& decision)
{
    using Kind = directory::Expansion::Kind;
    const auto has = [&decision](Kind kind) { return std::ranges::find(decision.expansions, kind, &directory::Expansion::kind) != decision.expansions.end(); };
    if (has(Kind::list)) return true;
    return (has(Kind::forward) || has(Kind::forward_and_copy)) && !has(Kind::alias) && !has(Kind::administrators);
}

// Nobody may be told where mail without a sender cannot be delivered (RFC 5321 section 4.5.5), so that it would be lost: whoever forwards
// it keeps a copy, whatever the account says.
void keep_for_forwarders(RecipientDecision& decision)
{
    std::set<directory::AccountId> all(decision.accounts.begin(), decision.accounts.end());
    for (const OutsideRecipient& one : decision.outside) {
        if (!one.forwarders.empty()) all.insert(one.forwarders.front());
    }
    decision.accounts.assign(all.begin(), all.end());
    for (directory::Expansion& step : decision.expansions) {
        if (step.kind == directory::Expansion::Kind::forward) step.kind = directory::Expansion::Kind::forward_and_copy;
    }
}

} // namespace

std::string home_domain(const directory::Snapshot& snapshot, std::string_view host_name)
{
    for (std::string_view at = host_name; !at.empty();) {
        if (snapshot.is_local_domain(at)) return ascii::to_lower(at);
        const auto dot = at.find('.');
        at = dot == std::string_view::npos ? std::string_view{} : at.substr(dot + 1);
    }
    return snapshot.domains().size() == 1 ? snapshot.domains().front().name : std::string();
}

RecipientDecision judge_recipient(const RecipientQuestion& question, const mail::Mailbox& mailbox)
{
    using directory::Resolution;
    const directory::Snapshot& snapshot = question.snapshot;
    directory::Recipients reached = snapshot.resolve(mailbox.local_part, mailbox.domain);
    // The local part is ours alone to read, and nobody has an account of such a name unless it is real.
    const bool is_at_home = snapshot.is_local_domain(mailbox.domain) || is_host_name(question, mailbox.domain);
    const bool is_way_back = policy::Srs::looks_like(mailbox.local_part) && is_at_home;
    if (is_way_back && question.has_null_reverse_path) {
        const auto sender = question.srs.reverse(mailbox, question.now);
        if (!sender) return {ReplyId::unknown_mailbox, {}, {}};
        const bool is_of_machine = is_this_host(question, sender->domain);
        if (!is_of_machine && !snapshot.is_local_domain(sender->domain)) return to_outside(*sender, true);
        reached = is_of_machine ? resolve_name(question, sender->local_part) : snapshot.resolve(sender->local_part, sender->domain);
    }
    if (policy::Srs::is_forwarder(mailbox.local_part) && is_at_home && question.has_null_reverse_path) {
        const auto forwarder = question.srs.forwarder_of(mailbox, question.now);
        if (!forwarder) return {ReplyId::unknown_mailbox, {}, {}};
        if (auto decision = to_forwarder(question, *forwarder)) return *std::move(decision);
        reached = snapshot.resolve("postmaster", mailbox.domain);
    }
    const bool may_send_out = question.role == Role::submission || question.role == Role::local;
    if (may_send_out && is_another_host(question, mailbox.domain)) return to_outside(mailbox, false);
    if (!is_way_back && is_machine_name(question, mailbox)) reached = resolve_name(question, mailbox.local_part);
    switch (reached.resolution) {
    case Resolution::found: break;
    case Resolution::unknown_domain:
        if (may_send_out) return to_outside(mailbox, false);
        return {ReplyId::relay_denied, {}, {}};
    case Resolution::unknown_mailbox: return {ReplyId::unknown_mailbox, {}, {}};
    case Resolution::disabled: return {ReplyId::disabled_mailbox, {}, {}};
    case Resolution::loop: return {ReplyId::alias_loop, {}, {}};
    case Resolution::too_many: return {ReplyId::list_too_large, {}, {}};
    }
    if (reached.accounts.empty() && reached.remote.empty()) return {ReplyId::unknown_mailbox, {}, {}};
    RecipientDecision decision{ReplyId::recipient_accepted, std::move(reached.accounts), {}};
    decision.expansions = std::move(reached.expansions);
    named_as_asked(mailbox, decision.expansions);
    std::set<std::string, std::less<>> owners;
    for (const directory::Outside& one : reached.remote) {
        if (!one.owner.empty()) owners.insert(one.owner);
    }
    if (owners.size() > kMostOwners) return {ReplyId::list_too_large, {}, {}};
    // A literal, or no domain at all, is no place to which a bounce could come back.
    const std::string forwarded_by = is_at_home ? mailbox.domain : std::string(question.host_name);
    for (directory::Outside& one : reached.remote) {
        OutsideRecipient& recipient = decision.outside.emplace_back();
        recipient.address = std::move(one.address);
        recipient.forwarded_by = forwarded_by;
        recipient.owner = std::move(one.owner);
        recipient.forwarders = std::move(one.forwarders);
        recipient.returns_to = return_path_of(question, recipient);
    }
    if (question.has_null_reverse_path) keep_for_forwarders(decision);
    return decision;
}

RecipientDecision judge_recipient(const Options& options, RecipientQuestion question, const mail::Mailbox& mailbox)
{
    question.host_name = options.hostname;
    question.system_mail_to = options.system_mail_to;
    question.own_addresses = options.own_addresses;
    return judge_recipient(question, mailbox);
}

void pass_reports_on(const mail::Mailbox& mailbox, const queue::Notify& notify, const std::string& original,
                     RecipientDecision& decision)
{
    constexpr std::size_t kMostWithOriginal = 1000; // it is up to 500 octets, for each of them
    const std::size_t reached = decision.accounts.size() + decision.outside.size();
    const bool has_ended = ends_here(decision);
    for (OutsideRecipient& each : decision.outside) {
        if (!each.returns_to.empty()) continue;
        each.notify = notify;
        if (reached <= kMostWithOriginal) each.original = original;
        if (reached > 1 || has_ended) each.notify.success = false;
    }
    const bool is_theirs = reached == 1 && !has_ended && !decision.outside.empty() && decision.outside.front().returns_to.empty();
    if (!notify.is_given || !notify.success || is_theirs) return;
    queue::Recipient receipt;
    receipt.address = mail::format_mailbox(mailbox);
    receipt.original = original;
    receipt.notify = notify;
    receipt.ending = has_ended || reached == 1 ? queue::Ending::here : queue::Ending::expanded;
    decision.receipt = std::move(receipt);
}

} // namespace mbx::smtp
