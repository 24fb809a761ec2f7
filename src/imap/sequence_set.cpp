#include "imap/sequence_set.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "store/uid_table.hpp"

namespace mbx::imap {

namespace {

// 0 stands for `*`; none for what is neither that nor 1 … 2^32-1 without leading zeros.
std::optional<std::uint32_t> parse_bound(std::string_view text)
{
    if (text == "*") return 0;
    if (text.empty() || text.size() > 10 || text.front() == '0') return std::nullopt;
    const auto value = ascii::parse_number(text);
    if (!value || *value > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

}  // namespace

NumberSet normalised(NumberSet ranges)
{
    for (auto& range : ranges) {
        if (range.first > range.last) std::swap(range.first, range.last);
    }
    std::ranges::sort(ranges, {}, &store::UidRange::first);
    NumberSet joined;
    for (const auto& range : ranges) {
        if (!joined.empty() && (joined.back().last == UINT32_MAX || range.first <= joined.back().last + 1)) {
            joined.back().last = std::max(joined.back().last, range.last);
        } else {
            joined.push_back(range);
        }
    }
    return joined;
}

bool contains(const NumberSet& set, std::uint32_t number)
{
    const auto behind = std::ranges::upper_bound(set, number, {}, &store::UidRange::first);
    return behind != set.begin() && std::prev(behind)->last >= number;
}

std::uint64_t count(const NumberSet& set)
{
    std::uint64_t total = 0;
    for (const auto& range : set) total += std::uint64_t{range.last} - range.first + 1;
    return total;
}

NumberSet intersection(const NumberSet& a, const NumberSet& b)
{
    NumberSet both;
    auto left = a.begin();
    auto right = b.begin();
    while (left != a.end() && right != b.end()) {
        const auto first = std::max(left->first, right->first);
        const auto last = std::min(left->last, right->last);
        if (first <= last) both.push_back({first, last});
        if (left->last < right->last) {
            ++left;
        } else {
            ++right;
        }
    }
    return both;
}

NumberSet without(const NumberSet& a, const NumberSet& b)
{
    NumberSet left;
    auto hole = b.begin();
    for (const auto& range : a) {
        std::uint64_t from = range.first;
        while (hole != b.end() && hole->last < from) ++hole;
        for (auto at = hole; at != b.end() && at->first <= range.last; ++at) {
            if (at->first > from) left.push_back({static_cast<std::uint32_t>(from), at->first - 1});
            from = std::uint64_t{at->last} + 1;
        }
        if (from <= range.last) left.push_back({static_cast<std::uint32_t>(from), range.last});
    }
    return left;
}

NumberSet first_of(const NumberSet& set, std::uint64_t most)
{
    NumberSet first;
    for (const auto& range : set) {
        if (most == 0) break;
        const auto last = std::min<std::uint64_t>(range.last, range.first + (most - 1));
        first.push_back({range.first, static_cast<std::uint32_t>(last)});
        most -= last - range.first + 1;
    }
    return first;
}

NumberSet behind(const NumberSet& set, std::uint32_t until)
{
    if (until == UINT32_MAX) return {};
    return intersection(set, {{until + 1, UINT32_MAX}});
}

std::string to_text(const NumberSet& set)
{
    std::string text;
    for (const auto& range : set) {
        if (!text.empty()) text += ',';
        text += std::to_string(range.first);
        if (range.last != range.first) text += ':' + std::to_string(range.last);
    }
    return text;
}

void add_above(NumberSet& set, std::uint32_t number)
{
    store::add_above(set, {number, number});
}

std::optional<SequenceSet> SequenceSet::parse(std::string_view text)
{
    SequenceSet set;
    if (text == "$") {
        set.saved_ = true;
        return set;
    }
    while (true) {
        const auto comma = text.find(',');
        const auto item = text.substr(0, comma);
        const auto colon = item.find(':');
        const auto first = parse_bound(item.substr(0, colon));
        const auto last = colon == std::string_view::npos ? first : parse_bound(item.substr(colon + 1));
        if (!first || !last) return std::nullopt;
        if (*first != 0 && *last != 0) {
            set.fixed_.push_back({*first, *last});
        } else {
            set.has_star_ = true;
            const auto partner = std::max(*first, *last);
            if (partner != 0) {
                set.lowest_partner_ = std::min(set.lowest_partner_, partner);
                set.highest_partner_ = std::max(set.highest_partner_, partner);
            }
        }
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    set.fixed_ = normalised(std::move(set.fixed_));
    return set;
}

NumberSet SequenceSet::resolve(std::uint32_t largest) const
{
    if (!has_star_ || largest == 0) return fixed_;
    NumberSet all = fixed_;
    all.push_back({std::min(lowest_partner_, largest), std::max(highest_partner_, largest)});
    return normalised(std::move(all));
}

bool SequenceSet::exceeds(std::uint32_t largest) const
{
    if (has_star_ && largest == 0) return true;
    return highest_partner_ > largest || (!fixed_.empty() && fixed_.back().last > largest);
}

}  // namespace mbx::imap
