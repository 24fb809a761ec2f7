// The MTA-STS policies of other domains (RFC 8461): found by DNS, fetched over HTTPS, kept on the disk until their time is
// over, so that who can block our DNS for a while cannot make us forget them (HOSTILE row H11). Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "co/event.hpp"
#include "net/connect.hpp"
#include "net/loop.hpp"
#include "net/resolver.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "smtp/mta_sts.hpp"

namespace mbx::smtp {

struct StsOptions {
    std::string directory;             // made when needed; one file for each domain
    std::string ca_file;               // of the authorities that vouch for mta-sts.DOMAIN
    std::uint16_t port = 443;
    bool allows_private_targets = false;
    std::chrono::seconds time{60};     // for a fetch as a whole (section 3.3)
    std::chrono::seconds retry{300};   // after a fetch that failed (section 3.3)
    std::size_t most_policies = 10'000;  // in memory; on the disk ten times as many
};

// What is known of a domain.
struct StsKnowledge {
    std::optional<StoredPolicy> policy;  // none: it promises nothing, as far as we know
    net::TlsFault fetch_fault = net::TlsFault::none;
    bool has_failed = false;             // a policy was announced, and could not be had just now
    std::string why;                     // one sentence for `check route`
};

class StsPolicies {
public:
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        net::Resolver& resolver;
        FileSystem& files;
        const Clock& clock;
        Log log;
    };

    StsPolicies(Ground ground, StsOptions options);
    StsPolicies(const StsPolicies&) = delete;
    StsPolicies& operator=(const StsPolicies&) = delete;

    // Of a domain in lower case, as A-label. Asks for the TXT record each time (the resolver keeps it), for the policy
    // when its id is new or half of its time is over.
    co::Task<StsKnowledge> policy_of(std::string domain);
    void set_options(StsOptions options) { options_ = std::move(options); }
    // Fetches under way fail.
    void stop() { cancellation_.cancel(); }

private:
    struct Entry {
        std::optional<StoredPolicy> policy;
        WallTime retry_at{};
        std::string failure;  // of the last fetch
        net::TlsFault fault = net::TlsFault::none;
        bool is_busy = false; // being read or fetched
        bool is_loaded = false;
        co::Event changed;
    };
    struct Fetched {
        std::string text;
        std::string failure;  // empty: done
        net::TlsFault fault = net::TlsFault::none;
    };
    std::shared_ptr<Entry> entry_of(const std::string& domain);
    co::Task<void> refresh(std::string domain, std::string id, Entry& entry);
    co::Task<Fetched> fetch(std::string domain);
    co::Task<Fetched> fetch_from(std::string host, net::Endpoint endpoint);
    co::Task<std::optional<StoredPolicy>> load(std::string domain);
    co::Task<void> save(std::string domain, std::string bytes);
    static void purge(FileSystem& files, const std::string& directory, WallTime now, std::size_t most);

    Ground ground_;
    StsOptions options_;
    net::Cancellation cancellation_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    std::uint64_t saves_ = 0;
};

}  // namespace mbx::smtp
