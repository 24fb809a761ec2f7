// Answers of the DNS kept for as long as they allow, in bounded memory: the least lately used goes first. Failures are
// never kept. No lock: one thread.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "net/resolver.hpp"

namespace mbx::net {

class DnsCache {
public:
    explicit DnsCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    // With the time that is left as its TTL; none when there is no answer, or its time is over.
    std::optional<DnsAnswer> find(const std::string& name, DnsType type, SteadyTime now);
    // Found, no_data and no_such_name only; at most a day, an answer that there is nothing at most an hour.
    void put(const std::string& name, DnsType type, const DnsAnswer& answer, SteadyTime now);

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return entries_.size(); }

private:
    using Key = std::pair<std::string, DnsType>;
    struct Entry {
        Key key;
        DnsAnswer answer;
        SteadyTime until;
        std::size_t bytes = 0;
    };
    using Place = std::list<Entry>::iterator;
    void drop(Place entry);

    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::list<Entry> entries_;  // the one used last in front
    std::map<Key, Place> places_;
};

}  // namespace mbx::net
