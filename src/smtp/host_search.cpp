#include "smtp/host_search.hpp"

#include <algorithm>
#include <utility>

namespace mbx::smtp {
namespace {

using net::DnsOutcome;
using net::DnsType;

bool is_failure(const net::DnsAnswer& answer)
{
    return answer.outcome == DnsOutcome::failure || answer.outcome == DnsOutcome::bogus;
}

std::string failure_text(const std::string& what, const net::DnsAnswer& answer)
{
    const std::string_view kind = answer.outcome == DnsOutcome::bogus ? " is bogus (DNSSEC): " : " failed: ";
    return "looking up " + what + std::string(kind) + answer.why;
}

std::string_view secure_text(const net::DnsAnswer& answer) { return answer.is_secure ? " (signed, DNSSEC)" : ""; }

std::string join(const std::vector<std::string>& parts)
{
    std::string all;
    for (const std::string& part : parts) all += (all.empty() ? "" : ", ") + part;
    return all;
}

std::string list_addresses(const std::vector<net::IpAddress>& addresses)
{
    std::vector<std::string> texts;
    for (const net::IpAddress& address : addresses) texts.push_back(address.text());
    return join(texts);
}

// What is left of a host's addresses; the failure where nothing is.
std::optional<queue::Answer> drop_forbidden(const SearchOptions& options, const std::string& host,
                                            std::vector<net::IpAddress>& addresses, Steps& steps)
{
    const auto is_own = [&](const net::IpAddress& address) {
        return std::ranges::find(options.own_addresses, address) != options.own_addresses.end();
    };
    if (std::erase_if(addresses, is_own) != 0) {
        steps.push_back("left out addresses of " + host + " that are this server's own");
        if (addresses.empty()) return own_answer("5.4.6", "the host " + host + " is this server itself: mail would go in a circle", host);
    }
    if (options.allows_private_targets || std::erase_if(addresses, is_private_target) == 0) return std::nullopt;
    steps.push_back("left out addresses of " + host + " on private networks (outbound.private_targets)");
    if (!addresses.empty()) return std::nullopt;
    return own_answer("5.4.4", "the host " + host + " has none but private addresses, which are not asked", host);
}

}  // namespace

queue::Answer own_answer(std::string enhanced, std::string text, std::string host)
{
    queue::Answer answer;
    answer.verdict = enhanced.starts_with('5') ? queue::Answer::Verdict::permanent : queue::Answer::Verdict::temporary;
    answer.enhanced = std::move(enhanced);
    answer.text = std::move(text);
    answer.host = std::move(host);
    return answer;
}

co::Task<FoundHosts> HostSearch::find(const SearchOptions& options, queue::Destination destination, Steps& steps)
{
    FoundHosts found;
    found.domain = destination.domain;
    found.require_tls = destination.require_tls;
    if (found.require_tls) steps.emplace_back("the sender requires TLS on the whole way (REQUIRETLS)");
    if (!destination.route.empty()) {
        const Route* route = find_route_by_key(options.routes, destination.route);
        if (route == nullptr) {
            found.failure = own_answer("4.3.5", "the route " + destination.route + " is not in the configuration any more");
            co_return found;
        }
        steps.push_back("a route of the configuration (for " + route->domain +
                        (route->sender_domain.empty() ? "" : ", senders of " + route->sender_domain) + ") leads to " + route->key());
        found.route = *route;
        found.hosts = {route->host};
        co_return found;
    }
    if (const auto literal = parse_literal(destination.domain)) {
        steps.push_back(destination.domain + " is an address: no look-up");
        found.is_literal = true;
        found.hosts = {literal->text()};
        co_return found;
    }
    co_await find_by_mx(options, found, steps);
    if (!found.failure && options.uses_mta_sts && policies_ != nullptr) {
        found.sts = co_await policies_->policy_of(found.domain);
        steps.push_back(found.sts->why);
    }
    co_return found;
}

// RFC 5321 section 5.1.
co::Task<void> HostSearch::find_by_mx(const SearchOptions& options, FoundHosts& found, Steps& steps)
{
    const net::DnsAnswer answer = co_await resolver_.look_up(found.domain, DnsType::mx);
    found.is_mx_secure = answer.is_secure;
    if (is_failure(answer)) {
        found.failure = own_answer("4.4.3", failure_text("the mail servers (MX) of " + found.domain, answer));
        steps.push_back(found.failure->text);
        co_return;
    }
    if (answer.outcome == DnsOutcome::no_such_name) {
        found.failure = own_answer("5.1.2", "there is no domain " + found.domain);
        steps.push_back(found.failure->text + " (NXDOMAIN)" + std::string(secure_text(answer)));
        co_return;
    }
    if (answer.outcome == DnsOutcome::no_data) {
        steps.push_back(found.domain + " names no mail server (MX)" + std::string(secure_text(answer)) + ": the host of that name is asked itself");
        found.hosts = {found.domain};
        co_return;
    }
    std::vector<net::MxRecord> records;
    for (const std::string& record : answer.records) {
        if (auto mx = net::parse_mx(record)) records.push_back(std::move(*mx));
    }
    HostOrder order = order_exchanges(std::move(records), options.own_names, options.most_hosts, random_);
    if (order.kind == HostOrder::Kind::null_mx) {
        found.failure = own_answer("5.1.10", "the domain " + found.domain + " takes no mail (null MX)");
    } else if (order.kind == HostOrder::Kind::loop_to_self) {
        found.failure = own_answer("5.4.6", "this server is named as the first mail server (MX) of " + found.domain +
                                                ", which is none of its domains: mail would go in a circle");
    } else if (order.hosts.empty()) {
        found.failure = own_answer("4.4.4", "none of the mail servers (MX) of " + found.domain + " has a usable name");
    }
    if (found.failure) {
        steps.push_back(found.failure->text);
        co_return;
    }
    found.hosts = std::move(order.hosts);
    found.left_out = order.left_out;
    const char* in_turn = found.hosts.size() > 1 ? ", asked in this order" : "";
    steps.push_back("the mail servers (MX) of " + found.domain + std::string(secure_text(answer)) + ": " + join(found.hosts) + in_turn);
    if (order.is_cut_at_self) steps.emplace_back("this server is one of them itself, a backup: only those before it are asked");
    if (order.left_out != 0) steps.push_back(std::to_string(order.left_out) + " more of them are not asked");
}

co::Task<HostSearch::Addresses> HostSearch::addresses_of(const SearchOptions& options, std::string host, Steps& steps)
{
    Addresses found;
    found.canonical = host;
    if (const auto literal = net::IpAddress::parse(host)) {
        found.all = {*literal};
        found.is_secure = false;
        co_return found;
    }
    bool is_absent = true;
    for (const DnsType type : {DnsType::aaaa, DnsType::a}) {
        if (options.families == (type == DnsType::a ? AddressFamilies::ipv6 : AddressFamilies::ipv4)) continue;
        const net::DnsAnswer answer = co_await resolver_.look_up(host, type);
        if (is_failure(answer)) {
            is_absent = false;
            found.failure = own_answer("4.4.3", failure_text("the address of " + host, answer), host);
            steps.push_back(found.failure->text);
        }
        if (answer.outcome != DnsOutcome::found) continue;
        found.is_secure = found.is_secure && answer.is_secure;
        found.canonical = answer.canonical_name;
        for (const std::string& record : answer.records) {
            if (const auto address = net::parse_address_record(record)) found.all.push_back(*address);
        }
    }
    if (found.all.empty() && is_absent) {
        found.failure = own_answer("5.4.4", "the host " + host + " has no address", host);
        steps.push_back(found.failure->text);
    } else if (!found.all.empty()) {
        found.failure.reset();
    }
    co_return found;
}

// RFC 7672 section 2.2: at the name to which aliases lead as far as they are secure, else at the host's own.
co::Task<void> HostSearch::find_tlsa(const SearchOptions& options, const Addresses& addresses, TlsGround& ground, Steps& steps)
{
    std::vector<std::string> bases;
    const bool is_alias = addresses.canonical != ground.host;
    if (addresses.is_secure && is_alias) bases.push_back(addresses.canonical);
    bool is_own_secure = addresses.is_secure;
    if (!is_own_secure && is_alias) {
        const net::DnsAnswer alias = co_await resolver_.look_up(ground.host, DnsType::cname);
        if (is_failure(alias)) {
            // Section 2.1.2: whoever can take this answer away must not be able to take DANE away with it.
            ground.is_tlsa_unknown = true;
            steps.push_back(failure_text("whether the name " + ground.host + " is signed", alias));
            co_return;
        }
        is_own_secure = alias.is_secure;
    }
    if (is_own_secure) bases.push_back(ground.host);
    for (const std::string& base : bases) {
        const std::string name = "_" + std::to_string(options.port) + "._tcp." + base;
        const net::DnsAnswer answer = co_await resolver_.look_up(name, DnsType::tlsa);
        if (is_failure(answer)) {
            ground.is_tlsa_unknown = true;
            steps.push_back(failure_text("the TLSA records of " + base, answer));
            co_return;
        }
        if (answer.outcome != DnsOutcome::found || !answer.is_secure) continue;
        for (const std::string& record : answer.records) {
            if (auto tlsa = net::parse_tlsa(record)) ground.tlsa.push_back(std::move(*tlsa));
        }
        steps.push_back("the host " + ground.host + " has " + std::to_string(ground.tlsa.size()) + " TLSA records at " + name);
        ground.host = base;
        co_return;
    }
}

co::Task<FoundTarget> HostSearch::target(const SearchOptions& options, const FoundHosts& found, std::string host, Steps& steps)
{
    FoundTarget target;
    Addresses addresses = co_await addresses_of(options, host, steps);
    if (addresses.failure) {
        target.failure = std::move(addresses.failure);
        // A route whose host is gone is a matter of the configuration, not of the message.
        if (found.route && target.failure->enhanced.starts_with('5')) {
            target.failure = own_answer("4.3.5", target.failure->text, host);
        }
        co_return target;
    }
    if (!found.route) target.failure = drop_forbidden(options, host, addresses.all, steps);
    if (target.failure) co_return target;
    TlsGround ground;
    ground.domain = found.domain;
    ground.host = host;
    ground.ca_file = options.ca_file;
    ground.is_mx_secure = found.is_mx_secure;
    ground.require_tls = found.require_tls;
    if (found.route) ground.route = &*found.route;
    if (found.sts && found.sts->policy) ground.sts = found.sts->policy->policy;
    const bool may_have_tlsa = options.uses_dane && !found.route && !found.is_literal && found.is_mx_secure;
    if (may_have_tlsa) co_await find_tlsa(options, addresses, ground, steps);
    target.tls = decide_tls(ground);
    auto ordered = order_addresses(std::move(addresses.all), options.families, random_);
    if (ordered.size() > options.most_addresses) ordered.resize(options.most_addresses);
    const std::uint16_t port = found.route ? found.route->port : options.port;
    for (const net::IpAddress& address : ordered) target.endpoints.push_back({address, port});
    steps.push_back(host + " port " + std::to_string(port) + " at " + list_addresses(ordered) + ": " + target.tls.why);
    if (!target.tls.is_allowed) target.failure = own_answer(target.tls.enhanced, host + ": " + target.tls.why, host);
    if (target.endpoints.empty()) {
        target.failure = own_answer("5.4.4", "the host " + host + " has no address of the families that are in use", host);
    }
    co_return target;
}

}  // namespace mbx::smtp
