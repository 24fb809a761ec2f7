#include "mail/sort_key.hpp"

#include <algorithm>

#include "mail/collation.hpp"

namespace mbx::mail {

namespace {

constexpr std::size_t kBegin = 8;

void add_big_endian(std::string& out, std::uint64_t value)
{
    for (unsigned shift = 64; shift > 0; shift -= 8) out += static_cast<char>(value >> (shift - 8));
}

void turn(std::string& key, std::size_t from)
{
    for (auto i = from; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
}

std::uint64_t hash_of(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

}  // namespace

std::string sort_text(std::string_view utf8)
{
    std::string key = collation_key(utf8);
    if (key.size() <= kMaxSortText) return key;
    const auto hash = hash_of(key);
    key.resize(kMaxSortText - sizeof hash);
    add_big_endian(key, hash);
    return key;
}

void add_sort_number(std::string& key, std::int64_t value, bool reverse)
{
    const auto from = key.size();
    add_big_endian(key, static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63U));
    if (reverse) turn(key, from);
}

void add_sort_text(std::string& key, std::string_view sort_text, bool reverse)
{
    // A text ends with two zeros; a zero inside stands as 0 and 255, so that a shorter text comes before a longer one.
    const auto from = key.size();
    for (const char c : sort_text) {
        key += c;
        if (c == '\0') key += '\xff';
    }
    key.append(2, '\0');
    if (reverse) turn(key, from);
}

void SortTable::add(std::uint32_t number, std::string_view key)
{
    Entry entry;
    for (std::size_t i = 0; i < kBegin; ++i) {
        entry.begin = entry.begin << 8U | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0U);
    }
    entry.at = keys_.size();
    if (key.size() > kBegin) keys_ += key.substr(kBegin);
    entry.size = static_cast<std::uint32_t>(keys_.size() - entry.at);
    entry.number = number;
    entry.place = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(entry);
}

void SortTable::sort()
{
    const auto comes_before = [this](const Entry& a, const Entry& b) {
        if (a.begin != b.begin) return a.begin < b.begin;
        const auto order = rest(a).compare(rest(b));
        return order != 0 ? order < 0 : a.place < b.place;
    };
    const auto fresh = entries_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    std::sort(fresh, entries_.end(), comes_before);
    if (sorted_ != 0 && sorted_ != entries_.size()) {
        std::vector<Entry> merged(entries_.size());
        std::merge(entries_.begin(), fresh, fresh, entries_.end(), merged.begin(), comes_before);
        entries_ = std::move(merged);
    }
    sorted_ = entries_.size();
}

}  // namespace mbx::mail
