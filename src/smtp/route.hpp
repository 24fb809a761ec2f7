// Where mail for a domain goes: an administrator's routes, and the order of hosts and addresses that the DNS gave
// (RFC 5321 section 5.1). Pure. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "net/address.hpp"
#include "net/dns_record.hpp"

namespace mbx::smtp {

enum class RouteTls : std::uint8_t {
    opportunistic,  // where offered, whatever the certificate
    required,       // always, whatever the certificate
    verified,       // always, with a certificate that authorities vouch for
    implicit,       // as verified, from the first byte on (port 465)
    none,           // never
};

// Mail for `domain`, or of senders of `sender_domain`, goes to one host instead of the domain's MX.
struct Route {
    std::string domain;         // of the recipient: "example.org", ".example.org" (all below it), "*" (all)
    std::string sender_domain;  // of the reverse-path; empty: whoever sends
    std::string host;           // a name, or an address without brackets; lower case
    std::uint16_t port = 25;
    RouteTls tls = RouteTls::opportunistic;
    bool is_lmtp = false;
    std::string user;           // empty: no log-in
    std::string password;

    // What queue::Destination holds of it; two routes that lead to the same place in the same way have the same.
    std::string key() const;
    bool is_for_one_domain() const { return domain != "*" && !domain.starts_with('.'); }
};

// The most specific: a domain by name, then the longest one above it, then all; of equal ones that with the sender's
// domain. Names in lower case, as A-labels. Null: by MX.
const Route* find_route(const std::vector<Route>& routes, std::string_view domain, std::string_view sender_domain);
const Route* find_route_by_key(const std::vector<Route>& routes, std::string_view key);

// "[192.0.2.1]" and "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3).
std::optional<net::IpAddress> parse_literal(std::string_view domain);

// Whether somebody who runs a name server may not send our mail there: this machine, private and link-local networks,
// groups, and what is reserved (RFC 6890; HOSTILE row H3).
bool is_private_target(const net::IpAddress& address);

struct HostOrder {
    enum class Kind : std::uint8_t {
        hosts,
        null_mx,       // the domain takes no mail (RFC 7505)
        loop_to_self,  // the best of them is this server (RFC 5321 section 5.1)
    };
    Kind kind = Kind::hosts;
    std::vector<std::string> hosts;  // the best first; equal ones shuffled; without duplicates
    std::size_t left_out = 0;        // beyond `most`
    bool is_cut_at_self = false;     // this server is a backup: those behind it are left out
};
// `own_names` in lower case. At most `most` hosts.
HostOrder order_exchanges(std::vector<net::MxRecord> records, const std::vector<std::string>& own_names, std::size_t most,
                          Random& random);

enum class AddressFamilies : std::uint8_t { both, ipv4, ipv6 };

// IPv6 and IPv4 in turns, IPv6 first, so that one broken family costs one time-out at most; shuffled within each.
std::vector<net::IpAddress> order_addresses(std::vector<net::IpAddress> addresses, AddressFamilies families, Random& random);

}  // namespace mbx::smtp
