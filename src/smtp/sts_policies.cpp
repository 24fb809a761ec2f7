#include "smtp/sts_policies.hpp"

#include <utility>

#include "base/ascii.hpp"
#include "http/client.hpp"
#include "net/dns_record.hpp"
#include "smtp/route.hpp"

namespace mbx::smtp {
namespace {

constexpr std::string_view kPath = "/.well-known/mta-sts.txt";
constexpr std::size_t kMostStored = kMaxStsPolicy + 1024;
constexpr std::size_t kMostAddresses = 6;
constexpr std::uint64_t kSavesBetweenPurges = 1'000;

std::string_view describe(http::ClientError error)
{
    switch (error) {
    case http::ClientError::unreachable: return "the connection broke";
    case http::ClientError::timed_out: return "it took too long";
    case http::ClientError::malformed: return "the answer is not HTTP";
    case http::ClientError::too_large: return "the policy is longer than 64 KiB";
    }
    return "";
}

// What is wrong with an answer; empty: nothing. Redirects are not followed (RFC 8461 section 3.3).
std::string complaint_about(const http::ClientResponse& response)
{
    if (response.status != 200) return "the web server answered " + std::to_string(response.status) + " instead of 200";
    const std::string* field = response.fields.find("Content-Type");
    const std::string_view given = field == nullptr ? "" : std::string_view(*field);
    const std::string_view type = ascii::trim(given.substr(0, given.find(';')));
    if (!ascii::same(type, "text/plain")) return "the policy is not served as text/plain";
    return {};
}

// Of a domain that was judged by is_dns_name() a safe file name, but for a slash in it.
bool is_file_name(const std::string& domain)
{
    return net::is_dns_name(domain) && domain.find('/') == std::string::npos && !domain.starts_with('.');
}

}  // namespace

StsPolicies::StsPolicies(Ground ground, StsOptions options) : ground_(std::move(ground)), options_(std::move(options)) {}

std::shared_ptr<StsPolicies::Entry> StsPolicies::entry_of(const std::string& domain)
{
    auto& entry = entries_[domain];
    if (entry) return entry;
    entry = std::make_shared<Entry>();
    const auto made = entry;
    if (entries_.size() <= options_.most_policies) return made;
    // Any other one goes: what counts of it is on the disk.
    auto victim = entries_.begin();
    if (victim->second == made) ++victim;
    if (!victim->second->is_busy) entries_.erase(victim);
    return made;
}

co::Task<StsKnowledge> StsPolicies::policy_of(std::string domain)
{
    StsKnowledge known;
    if (!is_file_name(domain)) {
        known.why = "no name that could have an MTA-STS policy";
        co_return known;
    }
    const net::DnsAnswer announced = co_await ground_.resolver.look_up("_mta-sts." + domain, net::DnsType::txt);
    std::vector<std::string> texts;
    for (const std::string& record : announced.records) {
        if (auto text = net::parse_txt(record)) texts.push_back(std::move(*text));
    }
    const auto id = parse_sts_record(texts);
    const auto entry = entry_of(domain);
    while (entry->is_busy) co_await entry->changed.wait();
    entry->is_busy = true;
    if (!entry->is_loaded) {
        entry->policy = co_await load(domain);
        entry->is_loaded = true;
    }
    const WallTime now = ground_.clock.wall();
    if (entry->policy && entry->policy->expires() <= now) entry->policy.reset();
    if (id && now >= entry->retry_at) co_await refresh(domain, *id, *entry);
    entry->is_busy = false;
    entry->changed.notify_all();
    known.policy = entry->policy;
    known.has_failed = id && !entry->failure.empty();
    known.fetch_fault = known.has_failed ? entry->fault : net::TlsFault::none;
    if (known.policy) {
        known.why = domain + " has an MTA-STS policy in mode " + std::string(describe(known.policy->policy.mode));
        if (!id) known.why += ", remembered: the DNS does not announce it now";
    } else if (!id) {
        known.why = domain + " announces no MTA-STS policy";
    } else {
        known.why = domain + " announces an MTA-STS policy, which cannot be had: " + entry->failure;
    }
    co_return known;
}

// Fetches where the id is new, or half of the time is over; a failure leaves what is known.
co::Task<void> StsPolicies::refresh(std::string domain, std::string id, Entry& entry)
{
    const WallTime now = ground_.clock.wall();
    if (entry.policy && entry.policy->id == id && now < entry.policy->fetched + entry.policy->policy.max_age / 2) co_return;
    const Fetched fetched = co_await fetch(domain);
    std::string failure = fetched.failure;
    if (failure.empty()) {
        auto policy = parse_sts_policy(fetched.text);
        if (policy) {
            entry.policy = StoredPolicy{id, now, fetched.text, std::move(*policy)};
            entry.failure.clear();
            entry.fault = net::TlsFault::none;
            // A policy of no age is used once and not kept (section 3.2: max_age).
            const std::string bytes = write_stored_policy(*entry.policy);
            co_await save(std::move(domain), bytes);
            co_return;
        }
        failure = policy.error();
    }
    entry.failure = failure;
    entry.fault = fetched.fault;
    entry.retry_at = now + options_.retry;
    ground_.log.info("an MTA-STS policy could not be had", {{"domain", domain}, {"why", failure}});
}

co::Task<StsPolicies::Fetched> StsPolicies::fetch(std::string domain)
{
    const std::string host = "mta-sts." + domain;
    std::vector<net::Endpoint> endpoints;
    for (const net::DnsType type : {net::DnsType::a, net::DnsType::aaaa}) {
        const net::DnsAnswer answer = co_await ground_.resolver.look_up(host, type);
        for (const std::string& record : answer.records) {
            const auto address = net::parse_address_record(record);
            const bool is_fine = address && (options_.allows_private_targets || !is_private_target(*address));
            if (is_fine && endpoints.size() < kMostAddresses) endpoints.push_back({*address, options_.port});
        }
    }
    Fetched last;
    last.failure = host + " has no address that may be asked";
    for (const net::Endpoint& endpoint : endpoints) {
        last = co_await fetch_from(host, endpoint);
        if (last.failure.empty()) break;
    }
    co_return last;
}

co::Task<StsPolicies::Fetched> StsPolicies::fetch_from(std::string host, net::Endpoint endpoint)
{
    Fetched outcome;
    const net::Deadline deadline = net::Deadline::after(options_.time);
    auto plain = co_await net::connect_tcp(ground_.loop, endpoint, std::nullopt, cancellation_, deadline);
    if (!plain) {
        outcome.failure = "connecting to " + endpoint.text() + ": " + std::string(net::describe(plain.error()));
        co_return outcome;
    }
    net::TlsClientOptions tls;
    tls.server_name = host;
    tls.ca_file = options_.ca_file;
    tls.alpn = {"http/1.1"};
    tls.outcome = std::make_shared<net::TlsOutcome>();
    const auto verdict = tls.outcome;
    auto stream = co_await net::connect_tls(ground_.workers, std::move(*plain), std::move(tls), deadline);
    if (!stream) {
        outcome.failure = verdict->why;
        outcome.fault = verdict->fault;
        co_return outcome;
    }
    http::ClientRequest request;
    request.target = kPath;
    request.host = host;
    http::ClientLimits limits;
    limits.body_bytes = kMaxStsPolicy;
    limits.time = options_.time;
    auto response = co_await http::fetch(**stream, std::move(request), limits);
    if (!response) outcome.failure = describe(response.error());
    else outcome.failure = complaint_about(*response);
    if (outcome.failure.empty()) outcome.text = std::move(response->body);
    co_return outcome;
}

co::Task<std::optional<StoredPolicy>> StsPolicies::load(std::string domain)
{
    auto job = [&files = ground_.files, path = options_.directory + "/" + domain]() -> std::optional<StoredPolicy> {
        const auto bytes = read_whole(files, path, kMostStored);
        if (!bytes) return std::nullopt;
        return read_stored_policy(*bytes);
    };
    co_return co_await ground_.workers.run(net::WorkClass::bulk, std::move(job));
}

co::Task<void> StsPolicies::save(std::string domain, std::string bytes)
{
    // A failure is none of mail: the policy is fetched again after a restart.
    const std::size_t most = saves_++ % kSavesBetweenPurges == 0 ? options_.most_policies * 10 : 0;
    auto job = [&files = ground_.files, directory = options_.directory, domain, bytes = std::move(bytes), most,
                now = ground_.clock.wall()]() -> bool {
        constexpr std::uint32_t kDirectoryMode = 0700;
        constexpr std::uint32_t kFileMode = 0600;
        (void)files.make_directory(directory, kDirectoryMode);
        if (most != 0) purge(files, directory, now, most);
        return static_cast<bool>(replace_whole(files, directory + "/" + domain, bytes, kFileMode));
    };
    const bool is_saved = co_await ground_.workers.run(net::WorkClass::bulk, std::move(job));
    if (!is_saved) ground_.log.warning("an MTA-STS policy could not be kept on the disk", {{"domain", domain}});
}

// What is over or cannot be read goes; of what is more than `most`, any.
void StsPolicies::purge(FileSystem& files, const std::string& directory, WallTime now, std::size_t most)
{
    const auto listed = files.list(directory);
    if (!listed) return;
    std::size_t kept = 0;
    for (const DirectoryEntry& entry : *listed) {
        const std::string path = directory + "/" + entry.name;
        const auto bytes = read_whole(files, path, kMostStored);
        const auto stored = bytes ? read_stored_policy(*bytes) : std::nullopt;
        if (stored && stored->expires() > now && kept < most) ++kept;
        else (void)files.unlink(path);
    }
}

}  // namespace mbx::smtp
