// A search whose results the client is told the changes of: RETURN (UPDATE) (RFC 5267 section 4.3). Pure; what matches is
// found by the session. Loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "imap/search.hpp"
#include "imap/sort.hpp"

namespace mbx::imap {

// Results that come or go together: one pair of ADDTO or REMOVEFROM (RFC 5267 sections 4.3.3 and 4.3.4).
struct PlacedResults {
    std::uint64_t position = 0;     // 0: wherever they belong in the mailbox's order
    std::vector<store::Uid> order;  // of a SORT
    NumberSet set;                  // of a SEARCH
};

class SearchContext {
public:
    // `program` is good for messages to come, compiled to last.
    SearchContext(std::string tag, bool by_uid, SearchProgram program, std::vector<FetchItem> items)
        : tag_(std::move(tag)), by_uid_(by_uid), program_(std::move(program)), items_(std::move(items))
    {
    }

    const std::string& tag() const { return tag_; }
    bool by_uid() const { return by_uid_; }
    const SearchProgram& program() const { return program_; }
    // What is told of messages that come (RFC 5465 section 7).
    const std::vector<FetchItem>& items() const { return items_; }
    // SORT's; empty: a SEARCH.
    const std::vector<SortCriterion>& criteria() const { return criteria_; }
    bool is_sorted() const { return !criteria_.empty(); }

    void begin(NumberSet found) { found_ = std::move(found); }
    // With the keys that the criteria make, in any order.
    void begin(std::vector<SortCriterion> criteria, std::vector<KeyedUid> found);
    std::size_t kept() const { return sorted_.size(); }  // keys in memory

    // These messages no longer match, or are gone. What that takes away, in the order in which the client is to be told.
    std::vector<PlacedResults> remove(const NumberSet& gone);
    // These match; those that are not there yet.
    std::vector<PlacedResults> add(const NumberSet& hits);
    std::vector<PlacedResults> add(std::vector<KeyedUid> hits);

private:
    std::string tag_;
    bool by_uid_;
    SearchProgram program_;
    std::vector<FetchItem> items_;
    std::vector<SortCriterion> criteria_;
    NumberSet found_;               // UIDs, also of a SORT
    std::vector<KeyedUid> sorted_;  // of a SORT
};

}  // namespace mbx::imap
