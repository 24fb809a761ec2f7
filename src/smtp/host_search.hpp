// Which hosts take a destination's mail, at which addresses, and how each must be encrypted; and why, in words, step by
// step: one walk for the queue's attempts and for `mailboxctl check route`. Loop thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "net/resolver.hpp"
#include "queue/transport.hpp"
#include "smtp/route.hpp"
#include "smtp/sts_policies.hpp"
#include "smtp/tls_policy.hpp"

namespace mbx::smtp {

struct SearchOptions {
    std::vector<std::string> own_names;         // of this server, lower case
    std::vector<net::IpAddress> own_addresses;  // where it listens for mail
    std::vector<Route> routes;
    std::uint16_t port = 25;                    // of hosts that the DNS names
    AddressFamilies families = AddressFamilies::both;
    bool allows_private_targets = false;        // of hosts that the DNS names; a route may always lead there
    bool uses_dane = true;
    bool uses_mta_sts = true;
    std::string ca_file;
    std::size_t most_hosts = 10;
    std::size_t most_addresses = 10;            // of one host
};

// Sentences, in the order of the decisions.
using Steps = std::vector<std::string>;

struct FoundHosts {
    std::optional<queue::Answer> failure;  // then nothing else counts
    std::vector<std::string> hosts;        // the best first; of a literal its one address
    std::size_t left_out = 0;              // more of them, which are not asked
    std::string domain;                    // of the recipients
    std::optional<Route> route;
    bool is_literal = false;
    bool is_mx_secure = false;
    bool require_tls = false;
    std::optional<StsKnowledge> sts;
};

struct FoundTarget {
    std::optional<queue::Answer> failure;
    std::vector<net::Endpoint> endpoints;
    TlsDecision tls;
};

class HostSearch {
public:
    // `policies` may be null: no MTA-STS. All outlive the search's tasks.
    HostSearch(net::Resolver& resolver, StsPolicies* policies, Random& random)
        : resolver_(resolver), policies_(policies), random_(random)
    {
    }

    co::Task<FoundHosts> find(const SearchOptions& options, queue::Destination destination, Steps& steps);
    // One of found.hosts.
    co::Task<FoundTarget> target(const SearchOptions& options, const FoundHosts& found, std::string host, Steps& steps);

private:
    struct Addresses {
        std::vector<net::IpAddress> all;
        std::string canonical;
        bool is_secure = true;
        std::optional<queue::Answer> failure;
    };
    co::Task<void> find_by_mx(const SearchOptions& options, FoundHosts& found, Steps& steps);
    co::Task<Addresses> addresses_of(const SearchOptions& options, std::string host, Steps& steps);
    co::Task<void> find_tlsa(const SearchOptions& options, const Addresses& addresses, TlsGround& ground, Steps& steps);

    net::Resolver& resolver_;
    StsPolicies* policies_;
    Random& random_;
};

// An answer in our own words. `enhanced` says by its first digit whether it is for ever.
queue::Answer own_answer(std::string enhanced, std::string text, std::string host = {});

}  // namespace mbx::smtp
