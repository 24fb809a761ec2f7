// What SORT compares (RFC 5256 section 3): one run of bytes for each message, such that the bytes order as the criteria
// say, the first criterion first. Pure. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

// A text as it is compared, i;unicode-casemap (RFC 5256 section 7). What goes beyond kMaxSortText bytes of it counts for
// being the same, not for the order.
inline constexpr std::size_t kMaxSortText = 255;
std::string sort_text(std::string_view utf8);

// Appends to a key. `reverse`: the criterion is REVERSE, greater values come first.
void add_sort_number(std::string& key, std::int64_t value, bool reverse);
void add_sort_text(std::string& key, std::string_view sort_text, bool reverse);

// Messages and their keys. Those with equal keys stay in the order in which they were added (the implicit criterion of
// RFC 5256 section 3). More may be added after sort(): the next one sorts only these, and merges.
class SortTable {
public:
    void add(std::uint32_t number, std::string_view key);
    std::size_t size() const { return entries_.size(); }
    std::size_t bytes() const { return entries_.capacity() * sizeof(Entry) + keys_.capacity(); }
    void sort();
    std::uint32_t number(std::size_t index) const { return entries_[index].number; }

private:
    struct Entry {
        std::uint64_t begin = 0;  // the key's first eight bytes, the first one highest
        std::size_t at = 0;       // of the others in keys_
        std::uint32_t size = 0;
        std::uint32_t number = 0;
        std::uint32_t place = 0;
    };
    std::string_view rest(const Entry& entry) const { return std::string_view(keys_).substr(entry.at, entry.size); }
    std::vector<Entry> entries_;
    std::size_t sorted_ = 0;  // so many at the front are in order
    std::string keys_;
};

}  // namespace mbx::mail
