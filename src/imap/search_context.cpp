#include "imap/search_context.hpp"

#include <algorithm>
#include <iterator>

namespace mbx::imap {

namespace {

NumberSet uids_of(const std::vector<KeyedUid>& keyed)
{
    NumberSet set;
    for (const auto& one : keyed) set.push_back({one.uid, one.uid});
    return normalised(std::move(set));
}

NumberSet united(NumberSet a, const NumberSet& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return normalised(std::move(a));
}

}  // namespace

void SearchContext::begin(std::vector<SortCriterion> criteria, std::vector<KeyedUid> found)
{
    criteria_ = std::move(criteria);
    sorted_ = std::move(found);
    std::ranges::sort(sorted_);
    found_ = uids_of(sorted_);
}

std::vector<PlacedResults> SearchContext::remove(const NumberSet& gone)
{
    NumberSet now = intersection(found_, gone);
    if (now.empty()) return {};
    found_ = without(found_, now);
    std::vector<PlacedResults> told;
    if (!is_sorted()) {
        told.push_back({0, {}, std::move(now)});
        return told;
    }
    // From the end, so that what is told next has the places it has now.
    for (auto end = sorted_.size(); end > 0;) {
        auto begin = end;
        while (begin > 0 && contains(now, sorted_[begin - 1].uid)) --begin;
        if (begin == end) {
            --end;
            continue;
        }
        PlacedResults run{begin + 1, {}, {}};
        for (auto i = begin; i < end; ++i) run.order.push_back(sorted_[i].uid);
        told.push_back(std::move(run));
        end = begin;
    }
    std::erase_if(sorted_, [&now](const KeyedUid& one) { return contains(now, one.uid); });
    return told;
}

std::vector<PlacedResults> SearchContext::add(const NumberSet& hits)
{
    NumberSet fresh = without(hits, found_);
    if (fresh.empty()) return {};
    found_ = united(std::move(found_), fresh);
    std::vector<PlacedResults> told;
    told.push_back({0, {}, std::move(fresh)});
    return told;
}

std::vector<PlacedResults> SearchContext::add(std::vector<KeyedUid> hits)
{
    std::erase_if(hits, [this](const KeyedUid& one) { return contains(found_, one.uid); });
    if (hits.empty()) return {};
    std::ranges::sort(hits);
    const NumberSet fresh = uids_of(hits);
    found_ = united(std::move(found_), fresh);
    std::vector<KeyedUid> merged;
    merged.reserve(sorted_.size() + hits.size());
    std::merge(std::make_move_iterator(sorted_.begin()), std::make_move_iterator(sorted_.end()),
               std::make_move_iterator(hits.begin()), std::make_move_iterator(hits.end()), std::back_inserter(merged));
    sorted_ = std::move(merged);
    // From the front: those before are there already when the next ones are put in.
    std::vector<PlacedResults> told;
    bool is_run = false;
    for (std::size_t i = 0; i < sorted_.size(); ++i) {
        const bool is_fresh = contains(fresh, sorted_[i].uid);
        if (is_fresh && !is_run) told.push_back({i + 1, {}, {}});
        if (is_fresh) told.back().order.push_back(sorted_[i].uid);
        is_run = is_fresh;
    }
    return told;
}

}  // namespace mbx::imap
