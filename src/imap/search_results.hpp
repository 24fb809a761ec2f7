// What a searching command found, as ESEARCH tells it (RFC 4731, RFC 5267). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/search.hpp"
#include "imap/sequence_set.hpp"

namespace mbx::imap {

// "5,7:9,3": numbers in their order; ranges where they go up one by one (RFC 5267 section 3.2).
std::string in_order_text(const std::vector<std::uint32_t>& numbers);

// Numbers in the order of the results: the mailbox's, or that of a SORT. Points at what it was made of.
class ResultList {
public:
    explicit ResultList(const NumberSet& ascending) : set_(&ascending), size_(count(ascending)) {}
    explicit ResultList(const std::vector<std::uint32_t>& ordered) : ordered_(&ordered), size_(ordered.size()) {}

    std::uint64_t size() const { return size_; }
    // Those at the places first … last, from 1, as far as they exist; the whole list is 1 … size().
    std::string text(std::uint64_t first, std::uint64_t last) const;
    NumberSet numbers(std::uint64_t first, std::uint64_t last) const;
    std::vector<std::uint32_t> list(std::uint64_t first, std::uint64_t last) const;

private:
    const NumberSet* set_ = nullptr;
    const std::vector<std::uint32_t>* ordered_ = nullptr;
    std::uint64_t size_ = 0;
};

// " MIN 2 COUNT 3 ALL 2,10:11": RFC 4731 section 3.1, RFC 5267 sections 3.1 and 4.4.
std::string esearch_data(const SearchReturn& wanted, const ResultList& results);

// " RELEVANCY (4 99 42)" (RFC 6203 section 4): of the results that are told by number, in their order. `scores` ascending
// by UID.
std::string relevancy_data(const SearchReturn& wanted, const ResultList& uids, const std::vector<Relevancy>& scores);

// What SAVE keeps of these UIDs (RFC 5182 section 2.4).
NumberSet saved_by(const SearchReturn& wanted, const ResultList& uids);

}  // namespace mbx::imap
