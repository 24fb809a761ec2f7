// net::Resolver over libunbound, which asks, follows, caches and validates on a thread of its own: neither a slow name
// server nor a costly signature (HOSTILE row H5) holds the loop. Loop thread; open() and the destructor may block for some
// milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "net/dns_cache.hpp"
#include "net/loop.hpp"
#include "net/resolver.hpp"

namespace mbx::net {

enum class DnsSource : std::uint8_t {
    system,     // the name servers of resolv.conf; where it names none, recursive
    recursive,  // from the root servers on
};

enum class DnsValidation : std::uint8_t {
    // As strict, but where the name servers turn out to withhold signatures altogether, answers count as insecure
    // for ten minutes at a time, and the log says so. Once one answer has been secure it is strict for good, and with a
    // trust anchor file it is from the start.
    automatic,
    strict,  // what cannot be validated and should be is bogus
    off,     // nothing is secure
};

struct ResolverOptions {
    std::vector<Endpoint> servers;  // to ask instead of `source`
    DnsSource source = DnsSource::system;
    DnsValidation validation = DnsValidation::automatic;
    std::string trust_anchor_file;  // DS or DNSKEY records; empty: the distribution's, else the root's keys that are built in
    struct Zone {
        std::string name;
        Endpoint server;
    };
    std::vector<Zone> zones;  // whose own servers are asked directly
    std::string resolv_conf = "/etc/resolv.conf";
    std::chrono::milliseconds time{20'000};  // of one look-up
    std::size_t cache_bytes = std::size_t{8} * 1024 * 1024;  // ours; libunbound has 12 MiB of its own
    std::size_t most_under_way = 2'000;
};

class UnboundResolver final : public Resolver {
public:
    struct Ground {
        Loop& loop;
        const Clock& clock;
        Log log;
    };

    // The error names the option that libunbound does not take (a trust anchor file that cannot be read).
    static Result<std::unique_ptr<UnboundResolver>, Error> open(Ground ground, ResolverOptions options);
    // No look-up may be under way: after stop() they end in the loop's next turn.
    ~UnboundResolver() override;
    UnboundResolver(const UnboundResolver&) = delete;
    UnboundResolver& operator=(const UnboundResolver&) = delete;

    co::Task<DnsAnswer> look_up(std::string name, DnsType type) override;
    // Look-ups under way, and all later ones, are failures.
    void stop();
    std::size_t under_way() const;

private:
    class Context;

    UnboundResolver(Ground ground, ResolverOptions options);
    co::Task<DnsAnswer> ask_leniently(std::string name, DnsType type, DnsAnswer strict_answer);

    Ground ground_;
    ResolverOptions options_;
    DnsCache cache_;
    std::shared_ptr<Context> validating_;  // null: validation is off
    std::shared_ptr<Context> trusting_;    // null: validation is strict
    bool has_validated_ = false;           // signatures do come through
    SteadyTime lenient_until_{};
    bool is_stopping_ = false;
};

}  // namespace mbx::net
