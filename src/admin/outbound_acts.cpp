// The acts about mail to other servers: what the DNS says, and where a message would go.
#include <nlohmann/json.hpp>

#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "base/ascii.hpp"
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

// A mailbox of our own: nothing leaves.
RouteFacts local_route(const directory::Snapshot& snapshot, const mail::Mailbox& mailbox)
{
    RouteFacts facts;
    facts.steps.push_back(mailbox.domain + " is a domain of this server");
    const directory::Recipients found = snapshot.resolve(mailbox.local_part, mailbox.domain);
    for (const directory::AccountId id : found.accounts) {
        const directory::Account* account = snapshot.find(id);
        if (account != nullptr) facts.steps.push_back("it reaches the account " + account->local_part + "@" + account->domain);
    }
    for (const std::string& address : found.remote) facts.steps.push_back("it leads on to " + address);
    facts.is_reachable = !found.accounts.empty() || !found.remote.empty();
    facts.verdict = facts.is_reachable ? "A message would be delivered here." : "A message would be refused: the address reaches nobody.";
    if (!found.remote.empty()) facts.verdict = "A message would be sent on; ask for the way of those addresses.";
    return facts;
}

}  // namespace

co::Task<http::Response> Administration::look_up_name(const http::Request& request)
{
    const std::string name = request.parameter("name");
    const std::string attempted = "looking up " + ascii::printable(name, 260);
    if (!hooks_.look_up) co_return no_outbound(attempted);
    const std::string* wanted = request.target.query_value("type");
    const auto type = net::parse_dns_type(wanted == nullptr ? "A" : *wanted);
    if (!type) {
        co_return http::problem(400, Error{attempted, "there is no such type of record here",
                                           "ask for A, AAAA, MX, TXT, CNAME, NS, PTR, SRV, SOA or TLSA"});
    }
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
    const auto mailbox = mail::parse_mailbox(address);
    if (!mailbox) {
        co_return http::problem(400, Error{"finding the way of " + ascii::printable(address, 320),
                                           std::string(mail::describe(mailbox.error())), "write it like ann@example.org"});
    }
    RouteFacts facts;
    const auto snapshot = deps_.directory.snapshot();
    if (snapshot->is_local_domain(mailbox->domain)) {
        facts = local_route(*snapshot, *mailbox);
    } else {
        if (!hooks_.explain_route) co_return no_outbound("finding the way of " + address);
        const std::string* given = request.target.query_value("sender");
        std::string sender = given == nullptr ? std::string() : *given;
        facts = co_await hooks_.explain_route(mail::format_mailbox(*mailbox), std::move(sender));
    }
    const Document document{{"address", address}, {"reachable", facts.is_reachable}, {"verdict", facts.verdict}, {"steps", facts.steps}};
    co_return http::json_response(200, written(document));
}

}  // namespace mbx::admin
