// What SORT, THREAD and SEARCH compare, kept of whole mailboxes between commands: a message never changes, so its keys hold as long as
// its UID does, and only those of new messages are added. One table for all sessions of the server, bounded in memory, the
// least used given up first. Loop thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "imap/field_harvest.hpp"
#include "imap/sort.hpp"
#include "store/types.hpp"

namespace mbx::imap {

// The keys of one mailbox for one order (or kind of threads, or header field): of its messages up to `highest`.
struct KeptHarvest {
    std::unique_ptr<SortHarvest> sort;      // one of the three
    std::unique_ptr<ThreadHarvest> thread;
    std::unique_ptr<FieldHarvest> texts;
    store::Uid highest = 0;

    Harvest& harvest() const;
    std::size_t size() const;  // messages
    std::size_t bytes() const;
};

class KeptKeys {
public:
    struct Of {
        std::int64_t account = 0;
        std::int64_t mailbox = 0;
        std::uint32_t uidvalidity = 0;
        std::string order;  // order_name()
        auto operator<=>(const Of&) const = default;
    };

    explicit KeptKeys(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    // Taken out while somebody works with it; null: nobody kept it, or another session has it just now.
    std::unique_ptr<KeptHarvest> take(const Of& of);
    // Back, unless it is larger than a quarter of all.
    void put(Of of, std::unique_ptr<KeptHarvest> kept);
    bool has(const Of& of) const { return entries_.contains(of); }
    std::size_t bytes() const { return bytes_; }

private:
    struct Entry {
        std::unique_ptr<KeptHarvest> kept;
        std::size_t bytes = 0;
        std::list<Of>::iterator place;
    };
    void drop(std::map<Of, Entry>::iterator it);
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::map<Of, Entry> entries_;
    std::list<Of> order_;  // the last used first
};

// Names what is kept; empty: an order that depends on the search (RELEVANCY), which cannot be kept.
std::string order_name(const std::vector<SortCriterion>& criteria);
std::string order_name(ThreadAlgorithm algorithm);
std::string texts_name(std::string_view field);  // in lower case

}  // namespace mbx::imap
