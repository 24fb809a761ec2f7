// The acts about mail to other servers: what the DNS says, and where a message would go.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "base/legible.hpp"
#include "mail/address.hpp"

namespace mbx::admin {
namespace {

using Document = nlohmann::ordered_json;

std::string written(const Document& document)
{
    return document.dump(-1, ' ', false, Document::error_handler_t::replace) + "\n";
}

std::string_view outcome_text(net::DnsOutcome outcome)
{
    switch (outcome) {
    case net::DnsOutcome::found: return "found";
    case net::DnsOutcome::no_data: return "no_data";
    case net::DnsOutcome::no_such_name: return "no_such_name";
    case net::DnsOutcome::failure: return "failure";
    case net::DnsOutcome::bogus: return "bogus";
    }
    return "failure";
}

// Why it can be no name of the DNS (RFC 1035 section 2.3.4); empty: it can. A dot at its end is allowed.
std::string_view fault_of_name(std::string_view name)
{
    constexpr std::size_t kMostName = 253;
    constexpr std::size_t kMostLabel = 63;
    if (name == ".") return "";
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) return "the name is empty";
    if (name.size() > kMostName) return "a name has 253 characters at most";
    while (true) {
        const auto dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        if (label.empty()) return "a dot is there too many: something must stand before and between the dots";
        if (label.size() > kMostLabel) return "a part between dots has 63 characters at most";
        if (dot == std::string_view::npos) return "";
        name.remove_prefix(dot + 1);
    }
}

http::Response no_outbound(std::string attempted)
{
    return http::problem(503, Error{std::move(attempted), "this server sends no mail to others", ""});
}

std::string named(const directory::Expansion& one)
{
    std::string words;
    for (const std::string& address : one.first) words += (words.empty() ? "" : ", ") + address;
    if (one.count > one.first.size()) words += " and " + std::to_string(one.count - one.first.size()) + " others";
    return words;
}

std::string step_of(const directory::Expansion& one)
{
    using Kind = directory::Expansion::Kind;
    switch (one.kind) {
    case Kind::alias: return one.address + " is an alias for " + named(one);
    case Kind::list: return one.address + " is a list of " + std::to_string(one.count) + ": " + named(one);
    case Kind::forward: return one.address + " forwards to " + named(one) + " and keeps no copy";
    case Kind::forward_and_copy: return one.address + " keeps a copy and forwards to " + named(one);
    case Kind::catch_all: return one.address + " is nobody's own: the catch-all of its domain is " + named(one);
    case Kind::administrators: return one.address + " is the administrators': " + named(one);
    case Kind::kept: return one.address + " gets it itself, because its forwarding reaches nobody";
    }
    return {};
}

std::string step_of(const directory::Outside& one)
{
    if (!one.owner.empty()) return "it leads on to " + one.address + ", under the name of the list's owner " + one.owner;
    if (!one.forwarders.empty())
        return "it leads on to " + one.address + ", under an address that stands for the account: that hears of what cannot be delivered, the sender does not";
    return "it leads on to " + one.address + "; mail of a sender who is not of this server leaves under a rewritten one (SRS), and where it cannot be delivered the sender reads that address; give the alias an owner, who hears of it instead, where it is nobody's to know";
}

std::string counted(std::size_t count, const char* one, const char* many) { return std::to_string(count) + (count == 1 ? one : many); }

std::string fate_of(const RecipientFacts& found)
{
    const bool is_for_now = found.refusal.starts_with('4');
    if (!found.refusal.empty()) return (is_for_now ? "be put off: " : "be refused: ") + found.refusal;
    if (found.is_direct) return "be sent on to another server";
    std::string fate;
    if (!found.accounts.empty()) fate = "be delivered here, to " + counted(found.accounts.size(), " mailbox", " mailboxes");
    if (!found.accounts.empty() && !found.outside.empty()) fate += ", and ";
    if (!found.outside.empty()) {
        if (found.accounts.empty()) fate = "be ";
        fate += "sent on to " + counted(found.outside.size(), " address elsewhere", " addresses elsewhere");
    }
    return fate;
}

// The same answer, and the same people.
bool is_same(const RecipientFacts& one, const RecipientFacts& other)
{
    const auto address = [](const directory::Outside& outside) { return std::string_view(outside.address); };
    return one.refusal == other.refusal && one.is_direct == other.is_direct && one.accounts == other.accounts &&
           std::ranges::equal(one.outside, other.outside, {}, address, address);
}

struct Judged {
    Asker asker;
    const char* who;
    RecipientFacts found;
};

// One sentence for each fate, and in it all that share it.
std::string verdict_of(const std::vector<Judged>& all)
{
    std::string verdict;
    std::vector<bool> is_told(all.size());
    for (std::size_t n = 0; n < all.size(); ++n) {
        if (is_told[n]) continue;
        std::string who;
        std::size_t count = 0;
        for (std::size_t other = n; other < all.size(); ++other) {
            if (!is_same(all[n].found, all[other].found)) continue;
            is_told[other] = true;
            who += (count++ == 0 ? "" : " or ") + std::string(all[other].who);
        }
        const std::string whose = count == all.size() ? "A message" : "A message of " + who;
        verdict += (verdict.empty() ? "" : " ") + whose + " would " + fate_of(all[n].found) + ".";
    }
    return verdict;
}

// Within our own house, step by step; what leaves it is `found.outside`.
void tell_steps(const directory::Snapshot& snapshot, const RecipientFacts& found, RouteFacts& facts)
{
    constexpr std::size_t kMostShown = 20;
    for (const directory::Expansion& one : found.expansions) {
        if (facts.steps.size() < 2 * kMostShown) facts.steps.push_back(step_of(one));
    }
    for (const directory::AccountId id : found.accounts) {
        const directory::Account* account = snapshot.find(id);
        if (account != nullptr && facts.steps.size() < 3 * kMostShown)
            facts.steps.push_back("it reaches the account " + account->address() +
                                  (std::ranges::count(found.full, id) != 0 ? ", whose mailbox is full" : ""));
    }
    for (const directory::Outside& one : found.outside) {
        if (facts.steps.size() < 4 * kMostShown) facts.steps.push_back(step_of(one));
    }
}

// Of those that are not told yet: what is different for them.
RouteFacts local_route(const directory::Snapshot& snapshot, const mail::Mailbox& mailbox, const std::vector<Judged>& all)
{
    RouteFacts facts;
    const bool is_domain = snapshot.is_local_domain(mailbox.domain);
    if (mailbox.is_bare_postmaster()) facts.steps.push_back("postmaster needs no domain: it is whoever looks after this server (RFC 5321 section 4.5.1)");
    else facts.steps.push_back(is_domain ? mailbox.domain + " is a domain of this server" : mailbox.domain + " is this server itself, and none of its domains");
    for (std::size_t n = 0; n < all.size(); ++n) {
        const auto is_like = [&](const Judged& earlier) { return is_same(earlier.found, all[n].found); };
        const auto here = all.begin() + static_cast<std::ptrdiff_t>(n);
        if (std::any_of(all.begin(), here, is_like)) continue;
        tell_steps(snapshot, all[n].found, facts);
        facts.is_reachable = facts.is_reachable || all[n].found.refusal.empty();
    }
    facts.verdict = verdict_of(all);
    return facts;
}

// As the session: one full mailbox puts off whom it is for, and others with it, but for programs, which are answered at the end:
// when nobody has room, and nothing goes elsewhere.
co::Task<void> judge_room(const Hooks& hooks, Asker asker, RecipientFacts& found)
{
    if (!hooks.refusal_for_room || !found.refusal.empty()) co_return;
    std::string why;
    for (const directory::AccountId id : found.accounts) {
        std::string refusal = co_await hooks.refusal_for_room(id);
        if (refusal.empty()) continue;
        found.full.push_back(id);
        why = std::move(refusal);
    }
    const bool is_taken = asker == Asker::program && (found.full.size() < found.accounts.size() || !found.outside.empty());
    if (!is_taken) found.refusal = std::move(why);
}

// What RCPT takes between < and >: with a source route too, and postmaster without a domain.
Result<mail::Mailbox, mail::PathError> read_recipient(const std::string& address)
{
    auto mailbox = mail::parse_mailbox(address);
    if (mailbox) return mailbox;
    auto path = mail::parse_forward_path("<" + address + ">");
    return path ? path : mailbox;
}

// Of the message whose way is asked for; empty: nobody's, or not said. None: it is no address.
std::optional<std::string> read_sender(const http::Target& target)
{
    const std::string* given = target.query_value("sender");
    if (given == nullptr || given->empty() || *given == "<>") return std::string();
    const auto mailbox = mail::parse_mailbox(*given);
    return mailbox ? std::optional(mail::format_mailbox(*mailbox)) : std::nullopt;
}

// Programs of this machine reach its own names under ones that are elsewhere's for everybody else (root@localhost).
void tell_of_programs(const directory::Snapshot& snapshot, const mail::Mailbox& mailbox, const RecipientFacts& found, RouteFacts& facts)
{
    RouteFacts here;
    here.steps.push_back("for programs of this machine " + mailbox.domain + " is this machine itself");
    tell_steps(snapshot, found, here);
    for (const std::string& step : facts.steps) here.steps.push_back("for others: " + step);
    here.is_reachable = facts.is_reachable || found.refusal.empty();
    here.verdict = "A message of a program of this machine would " + fate_of(found) + ". For users who have logged in: " + facts.verdict;
    facts = std::move(here);
}

}  // namespace

co::Task<http::Response> Administration::look_up_name(const http::Request& request)
{
    std::string name = request.parameter("name");
    const std::string attempted = "looking up " + ascii::legible(name, 260);
    if (!hooks_.look_up) co_return no_outbound(attempted);
    const std::string* wanted = request.target.query_value("type");
    const auto type = net::parse_dns_type(wanted == nullptr ? "A" : *wanted);
    if (!type) {
        co_return http::problem(400, Error{attempted, "there is no such type of record here",
                                           "ask for A, AAAA, MX, TXT, CNAME, NS, PTR, SRV, SOA or TLSA"});
    }
    // Who asks whose an address is means the name that the DNS has for it.
    const auto literal = *type == net::DnsType::ptr ? net::IpAddress::parse(name) : std::nullopt;
    if (literal) name = net::reverse_name(*literal);
    if (const auto fault = fault_of_name(name); !fault.empty())
        co_return http::problem(400, Error{attempted, std::string(fault), "write it like example.org"});
    const net::DnsAnswer answer = co_await hooks_.look_up(name, *type);
    Document document{{"name", name},
                      {"type", net::dns_type_name(*type)},
                      {"outcome", outcome_text(answer.outcome)},
                      {"secure", answer.is_secure},
                      {"canonical_name", answer.canonical_name},
                      {"ttl", answer.ttl.count()},
                      {"records", Document::array()},
                      {"why", answer.why}};
    for (const std::string& record : answer.records) document["records"].push_back(net::describe_record(*type, record));
    co_return http::json_response(200, written(document));
}

co::Task<http::Response> Administration::explain_route(const http::Request& request)
{
    const std::string address = request.parameter("address");
    const auto mailbox = read_recipient(address);
    if (!mailbox) {
        co_return http::problem(400, Error{"finding the way of " + ascii::legible(address, 320),
                                           std::string(mail::describe(mailbox.error())), "write it like ann@example.org"});
    }
    auto given = read_sender(request.target);
    if (!given) {
        co_return http::problem(400, Error{"finding the way of " + ascii::legible(address, 320), "the sender is neither an address nor <>",
                                           "write it like ann@example.org"});
    }
    if (!hooks_.judge_recipient || !hooks_.explain_route) co_return no_outbound("finding the way of " + address);
    RouteFacts facts;
    std::vector<Judged> all{{Asker::user, "a user who has logged in", {}},
                            {Asker::stranger, "a stranger", {}},
                            {Asker::program, "a program of this machine", {}},
                            {Asker::bounce, "nobody (a bounce, from <>)", {}}};
    for (Judged& one : all) {
        one.found = hooks_.judge_recipient(*mailbox, one.asker);
        co_await judge_room(hooks_, one.asker, one.found);
    }
    if (!all.front().found.is_direct) {
        const auto snapshot = deps_.directory.snapshot();
        facts = local_route(*snapshot, *mailbox, all);
        std::vector<directory::Outside> outside;
        for (const Judged& one : all) {
            if (outside.empty()) outside = one.found.outside;
        }
        constexpr std::size_t kMostFollowed = 3;
        for (std::size_t n = 0; n < std::min(outside.size(), kMostFollowed); ++n) {
            const directory::Outside& on = outside[n];
            std::string to = on.address;
            // Its domain is what routes are chosen by.
            const directory::Account* forwarder = on.forwarders.empty() ? nullptr : snapshot->find(on.forwarders.front());
            std::string sender = forwarder == nullptr || !on.owner.empty() ? on.owner : forwarder->address();
            const RouteFacts further = co_await hooks_.explain_route(std::move(to), std::move(sender));
            for (const std::string& step : further.steps) facts.steps.push_back(on.address + ": " + step);
            facts.steps.push_back(on.address + ": " + further.verdict);
        }
    } else {
        std::string sender = *std::move(given);
        facts = co_await hooks_.explain_route(mail::format_mailbox(*mailbox), std::move(sender));
        const auto program = std::ranges::find(all, Asker::program, &Judged::asker);
        if (!program->found.is_direct) tell_of_programs(*deps_.directory.snapshot(), *mailbox, program->found, facts);
    }
    if (address.starts_with('@')) facts.steps.insert(facts.steps.begin(), "the route before the colon is left out (RFC 5321 appendix C)");
    const Document document{{"address", address}, {"reachable", facts.is_reachable}, {"verdict", facts.verdict}, {"steps", facts.steps}};
    co_return http::json_response(200, written(document));
}

}  // namespace mbx::admin
