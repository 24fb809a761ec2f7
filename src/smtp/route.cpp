#include "smtp/route.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::smtp {
namespace {

constexpr std::array<std::string_view, 25> kPrivateNetworks{
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",  "127.0.0.0/8",      "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",   "192.168.0.0/16", "198.18.0.0/15",  "224.0.0.0/4",      "240.0.0.0/4",    "::/128",
    "::1/128",        "fc00::/7",       "fe80::/10",      "fec0::/10",        "ff00::/8",       "100::/64",
    // What would be translated to IPv4 addresses of the kinds above.
    "64:ff9b::a00:0/104",   "64:ff9b::7f00:0/104", "64:ff9b::c0a8:0/112", "64:ff9b::ac10:0/108", "64:ff9b:1::/48",
    "2002:7f00::/24", "2002:a00::/24"};

const std::vector<net::IpNetwork>& private_networks()
{
    static const std::vector<net::IpNetwork> networks = [] {
        std::vector<net::IpNetwork> all;
        for (const std::string_view text : kPrivateNetworks) {
            if (const auto network = net::IpNetwork::parse(text)) all.push_back(*network);
        }
        return all;
    }();
    return networks;
}

template <typename Item>
void shuffle(std::vector<Item>& items, std::size_t from, std::size_t to, Random& random)
{
    for (std::size_t left = to - from; left > 1; --left) {
        std::swap(items[from + left - 1], items[from + random.number() % left]);
    }
}

// How well a route's domain fits; 0: not at all.
std::size_t rank(const Route& route, std::string_view domain)
{
    constexpr std::size_t kByName = 10'000;
    if (route.domain == domain) return kByName;
    if (route.domain == "*") return 1;
    const bool is_above = route.domain.starts_with('.') && domain.size() > route.domain.size() && domain.ends_with(route.domain);
    return is_above ? 1 + route.domain.size() : 0;
}

}  // namespace

std::string Route::key() const
{
    const bool is_v6 = host.find(':') != std::string::npos;
    std::string text = (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
    if (!user.empty()) text = user + "@" + text;
    constexpr std::array<std::string_view, 5> kHow{"", "/tls", "/verified", "/implicit", "/clear"};
    text += kHow.at(static_cast<std::size_t>(tls));
    return is_lmtp ? text + "/lmtp" : text;
}

const Route* find_route(const std::vector<Route>& routes, std::string_view domain, std::string_view sender_domain)
{
    const Route* best = nullptr;
    std::size_t best_rank = 0;
    for (const Route& route : routes) {
        if (!route.sender_domain.empty() && route.sender_domain != sender_domain) continue;
        const std::size_t fit = rank(route, domain);
        const std::size_t weight = fit == 0 ? 0 : fit * 2 + (route.sender_domain.empty() ? 0 : 1);
        if (weight <= best_rank) continue;
        best = &route;
        best_rank = weight;
    }
    return best;
}

const Route* find_route_by_key(const std::vector<Route>& routes, std::string_view key)
{
    const auto found = std::ranges::find(routes, key, &Route::key);
    return found == routes.end() ? nullptr : &*found;
}

std::optional<net::IpAddress> parse_literal(std::string_view domain)
{
    if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']') return std::nullopt;
    domain = domain.substr(1, domain.size() - 2);
    const bool is_v6 = ascii::starts_with(domain, "IPv6:");
    if (is_v6) domain.remove_prefix(5);
    const auto address = net::IpAddress::parse(domain);
    if (!address || is_v6 != (domain.find(':') != std::string_view::npos)) return std::nullopt;
    return address;
}

bool is_private_target(const net::IpAddress& address)
{
    return std::ranges::any_of(private_networks(), [&](const net::IpNetwork& network) { return network.contains(address); });
}

HostOrder order_exchanges(std::vector<net::MxRecord> records, const std::vector<std::string>& own_names, std::size_t most,
                          Random& random)
{
    HostOrder order;
    // RFC 7505 section 3: a null MX stands alone; among others it is nonsense.
    if (records.size() == 1 && records.front().exchange.empty()) {
        order.kind = HostOrder::Kind::null_mx;
        return order;
    }
    std::erase_if(records, [](const net::MxRecord& record) { return record.exchange.empty(); });
    std::ranges::sort(records);
    for (std::size_t i = 0; i < records.size();) {
        std::size_t end = i;
        while (end < records.size() && records[end].preference == records[i].preference) ++end;
        shuffle(records, i, end, random);
        i = end;
    }
    // RFC 5321 section 5.1: where this server is among them, only better ones may be asked.
    const auto own = std::ranges::find_if(records, [&](const net::MxRecord& record) {
        return std::ranges::find(own_names, record.exchange) != own_names.end();
    });
    if (own != records.end()) {
        const std::uint16_t limit = own->preference;
        std::erase_if(records, [limit](const net::MxRecord& record) { return record.preference >= limit; });
        order.is_cut_at_self = true;
        if (records.empty()) {
            order.kind = HostOrder::Kind::loop_to_self;
            return order;
        }
    }
    for (net::MxRecord& record : records) {
        if (std::ranges::find(order.hosts, record.exchange) != order.hosts.end()) continue;
        if (order.hosts.size() < most) order.hosts.push_back(std::move(record.exchange));
        else ++order.left_out;
    }
    return order;
}

std::vector<net::IpAddress> order_addresses(std::vector<net::IpAddress> addresses, AddressFamilies families, Random& random)
{
    std::vector<net::IpAddress> v4;
    std::vector<net::IpAddress> v6;
    for (const net::IpAddress& address : addresses) {
        if (families != (address.is_v4() ? AddressFamilies::ipv6 : AddressFamilies::ipv4)) {
            (address.is_v4() ? v4 : v6).push_back(address);
        }
    }
    shuffle(v4, 0, v4.size(), random);
    shuffle(v6, 0, v6.size(), random);
    std::vector<net::IpAddress> order;
    for (std::size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
        if (i < v6.size()) order.push_back(v6[i]);
        if (i < v4.size()) order.push_back(v4[i]);
    }
    return order;
}

}  // namespace mbx::smtp
