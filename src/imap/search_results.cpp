#include "imap/search_results.hpp"

#include <algorithm>

namespace mbx::imap {

std::string in_order_text(const std::vector<std::uint32_t>& numbers)
{
    std::string text;
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && numbers[end - 1] != UINT32_MAX && numbers[end] == numbers[end - 1] + 1) ++end;
        if (!text.empty()) text += ',';
        text += std::to_string(numbers[i]);
        if (end - i > 1) text += ':' + std::to_string(numbers[end - 1]);
        i = end;
    }
    return text;
}

std::string ResultList::text(std::uint64_t first, std::uint64_t last) const
{
    last = std::min(last, size_);
    if (first > last) return {};
    if (ordered_ == nullptr) return to_text(numbers(first, last));
    if (first == 1 && last == size_) return in_order_text(*ordered_);
    return in_order_text({ordered_->begin() + static_cast<std::ptrdiff_t>(first - 1),
                          ordered_->begin() + static_cast<std::ptrdiff_t>(last)});
}

NumberSet ResultList::numbers(std::uint64_t first, std::uint64_t last) const
{
    last = std::min(last, size_);
    if (first > last) return {};
    if (ordered_ == nullptr) {
        if (first == 1 && last == size_) return *set_;
        return without(first_of(*set_, last), first_of(*set_, first - 1));
    }
    NumberSet set;
    for (auto i = first; i <= last; ++i) set.push_back({(*ordered_)[i - 1], (*ordered_)[i - 1]});
    return normalised(std::move(set));
}

std::vector<std::uint32_t> ResultList::list(std::uint64_t first, std::uint64_t last) const
{
    std::vector<std::uint32_t> all;
    if (ordered_ != nullptr) {
        for (auto i = first; i <= std::min(last, size_); ++i) all.push_back((*ordered_)[i - 1]);
        return all;
    }
    for (const auto& range : numbers(first, last)) {
        for (std::uint64_t number = range.first; number <= range.last; ++number) all.push_back(static_cast<std::uint32_t>(number));
    }
    return all;
}

std::string relevancy_data(const SearchReturn& wanted, const ResultList& uids, const std::vector<Relevancy>& scores)
{
    if (!wanted.relevancy) return {};
    const auto told = wanted.partial ? uids.list(wanted.partial->first, wanted.partial->last) : uids.list(1, uids.size());
    std::string text = " RELEVANCY (";
    for (const auto uid : told) {
        const auto it = std::ranges::lower_bound(scores, uid, {}, &Relevancy::uid);
        if (text.back() != '(') text += ' ';
        text += std::to_string(it != scores.end() && it->uid == uid ? it->score : 100);
    }
    return text + ")";
}

std::string esearch_data(const SearchReturn& wanted, const ResultList& results)
{
    std::string text;
    if (wanted.min && results.size() != 0) text += " MIN " + results.text(1, 1);
    if (wanted.max && results.size() != 0) text += " MAX " + results.text(results.size(), results.size());
    if (wanted.count) text += " COUNT " + std::to_string(results.size());
    if (wanted.all && results.size() != 0) text += " ALL " + results.text(1, results.size());
    if (wanted.partial) {
        const auto part = results.text(wanted.partial->first, wanted.partial->last);
        text += " PARTIAL (" + std::to_string(wanted.partial->first) + ":" + std::to_string(wanted.partial->last) + " " +
                (part.empty() ? "NIL" : part) + ")";
    }
    return text;
}

NumberSet saved_by(const SearchReturn& wanted, const ResultList& uids)
{
    const bool is_part = (wanted.min || wanted.max || wanted.partial) && !wanted.all && !wanted.count;
    if (!is_part) return uids.numbers(1, uids.size());
    NumberSet kept;
    const auto keep = [&kept, &uids](std::uint64_t first, std::uint64_t last) {
        for (const auto& range : uids.numbers(first, last)) kept.push_back(range);
    };
    if (wanted.min) keep(1, 1);
    if (wanted.max && uids.size() != 0) keep(uids.size(), uids.size());
    if (wanted.partial) keep(wanted.partial->first, wanted.partial->last);
    return normalised(std::move(kept));
}

}  // namespace mbx::imap
