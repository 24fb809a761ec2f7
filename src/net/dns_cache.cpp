#include "net/dns_cache.hpp"

#include <algorithm>

namespace mbx::net {
namespace {

constexpr std::chrono::hours kMostTime{24};
constexpr std::chrono::hours kMostNegativeTime{1};  // RFC 2308 section 5 asks for one to three hours at most
constexpr std::size_t kEntryOverhead = 256;

std::size_t size_of(const std::string& name, const DnsAnswer& answer)
{
    std::size_t bytes = kEntryOverhead + 2 * name.size() + answer.canonical_name.size() + answer.why.size();
    for (const std::string& record : answer.records) bytes += sizeof(std::string) + record.size();
    return bytes;
}

}  // namespace

void DnsCache::drop(Place entry)
{
    bytes_ -= entry->bytes;
    places_.erase(entry->key);
    entries_.erase(entry);
}

std::optional<DnsAnswer> DnsCache::find(const std::string& name, DnsType type, SteadyTime now)
{
    const auto found = places_.find(Key{name, type});
    if (found == places_.end()) return std::nullopt;
    const Place entry = found->second;
    if (entry->until <= now) {
        drop(entry);
        return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    DnsAnswer answer = entry->answer;
    answer.ttl = std::chrono::ceil<std::chrono::seconds>(entry->until - now);
    return answer;
}

void DnsCache::put(const std::string& name, DnsType type, const DnsAnswer& answer, SteadyTime now)
{
    if (answer.outcome == DnsOutcome::failure || answer.outcome == DnsOutcome::bogus || answer.ttl.count() <= 0) return;
    const bool is_found = answer.outcome == DnsOutcome::found;
    const std::chrono::seconds most = is_found ? kMostTime : kMostNegativeTime;
    Key key{name, type};
    if (const auto old = places_.find(key); old != places_.end()) drop(old->second);
    const std::size_t bytes = size_of(name, answer);
    if (bytes > most_bytes_ / 4) return;
    while (bytes_ + bytes > most_bytes_) drop(std::prev(entries_.end()));
    entries_.push_front(Entry{key, answer, now + std::min(answer.ttl, most), bytes});
    places_.emplace(std::move(key), entries_.begin());
    bytes_ += bytes;
}

}  // namespace mbx::net
