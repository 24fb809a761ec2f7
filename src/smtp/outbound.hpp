// Mail to other servers: queue::Transport by routes, DNS, DANE and MTA-STS, and smtp::open_conversation. Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "net/connect.hpp"
#include "net/loop.hpp"
#include "queue/transport.hpp"
#include "smtp/client.hpp"
#include "smtp/host_search.hpp"
#include "smtp/tls_report.hpp"

namespace mbx::smtp {

struct OutboundOptions {
    SearchOptions search;
    std::optional<net::IpAddress> source_ipv4;  // from which address connections are made
    std::optional<net::IpAddress> source_ipv6;
    std::chrono::seconds connect_time{30};      // to one address
    std::chrono::seconds open_time{300};        // for all hosts and addresses of a destination together
    ClientOptions client;                       // hostname, max_messages and time-outs; the rest is filled in
};

// What `mailboxctl check route` shows.
struct RouteExplanation {
    Steps steps;
    std::string verdict;  // one sentence
    bool is_reachable = false;
};

class Outbound final : public queue::Transport {
public:
    struct Ground {
        net::Loop& loop;
        net::Resolver& resolver;
        StsPolicies* policies;  // null: no MTA-STS
        const Clock& clock;
        Random& random;
        Log log;
    };
    using OpenResult = Result<std::unique_ptr<queue::Conversation>, ClientFailure>;
    // smtp::open_conversation with the daemon's workers, files and clock; a double in tests.
    using Opener = std::function<co::Task<OpenResult>(std::unique_ptr<net::ByteStream>, ClientOptions)>;

    Outbound(Ground ground, OutboundOptions options, Opener opener);
    Outbound(const Outbound&) = delete;
    Outbound& operator=(const Outbound&) = delete;

    queue::Destination destination_of(const queue::Envelope& envelope, const queue::Recipient& recipient) const override;
    co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>> open(queue::Destination destination) override;

    // The same walk without a connection. `sender` may be empty.
    co::Task<RouteExplanation> explain(std::string address, std::string sender);

    // For attempts from now on.
    void set_options(OutboundOptions options) { options_ = std::make_shared<const OutboundOptions>(std::move(options)); }
    // What is being opened fails soon, and everything later at once.
    void stop();
    // The queue stops: it knows by itself that answers from here on say nothing about the hosts.
    void interrupt() override { stop(); }
    TlsReports& reports() { return reports_; }

private:
    using Conversation = std::unique_ptr<queue::Conversation>;
    struct Attempt;
    co::Task<Result<Conversation, queue::Answer>> try_host(Attempt& attempt, std::string host);
    co::Task<Result<Conversation, queue::Answer>> try_endpoint(Attempt& attempt, const FoundTarget& target, std::string host,
                                                               net::Endpoint endpoint);
    co::Task<Result<Conversation, ClientFailure>> try_plan(Attempt& attempt, TlsPlan plan, std::string host,
                                                           net::Endpoint endpoint);
    void report(const Attempt& attempt, const FoundTarget& target, const std::string& host, net::Endpoint endpoint,
                const ClientFailure* failure, const net::TlsOutcome& outcome);

    Ground ground_;
    std::shared_ptr<const OutboundOptions> options_;
    Opener opener_;
    HostSearch search_;
    TlsReports reports_;
    std::set<net::Cancellation*> openings_;
    bool is_stopping_ = false;
};

}  // namespace mbx::smtp
