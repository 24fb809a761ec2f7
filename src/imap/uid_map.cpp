#include "imap/uid_map.hpp"

#include <algorithm>

namespace mbx::imap {

UidMap::UidMap(const std::vector<store::Uid>& ascending)
{
    for (const auto uid : ascending) append(uid);
    runs_.shrink_to_fit();
}

std::uint32_t UidMap::length(std::size_t run) const
{
    const auto behind = run + 1 < runs_.size() ? runs_[run + 1].sequence : size_ + 1;
    return behind - runs_[run].sequence;
}

store::Uid UidMap::last() const { return runs_.empty() ? 0 : runs_.back().first + length(runs_.size() - 1) - 1; }

store::Uid UidMap::uid(std::uint32_t sequence) const
{
    const auto behind = std::ranges::upper_bound(runs_, sequence, {}, &Run::sequence);
    const auto& run = *std::prev(behind);
    return run.first + (sequence - run.sequence);
}

std::optional<std::uint32_t> UidMap::sequence(store::Uid uid) const
{
    const auto behind = std::ranges::upper_bound(runs_, uid, {}, &Run::first);
    if (behind == runs_.begin()) return std::nullopt;
    const auto index = static_cast<std::size_t>(behind - runs_.begin()) - 1;
    const auto offset = uid - runs_[index].first;
    if (offset >= length(index)) return std::nullopt;
    return runs_[index].sequence + offset;
}

void UidMap::append(store::Uid uid)
{
    ++size_;
    // `size_` counts the new one already: the run reaches up to the message before it.
    if (!runs_.empty() && uid == runs_.back().first + (size_ - runs_.back().sequence)) return;
    runs_.push_back({uid, size_});
}

void UidMap::remove(const NumberSet& uids_to_go)
{
    NumberSet kept;
    auto gone = uids_to_go.begin();
    for (const auto& range : uids()) {
        auto from = std::uint64_t{range.first};
        while (gone != uids_to_go.end() && gone->last < from) ++gone;
        auto hole = gone;
        while (hole != uids_to_go.end() && hole->first <= range.last) {
            if (hole->first > from) kept.push_back({static_cast<store::Uid>(from), hole->first - 1});
            from = std::max(from, std::uint64_t{hole->last} + 1);
            ++hole;
        }
        if (from <= range.last) kept.push_back({static_cast<store::Uid>(from), range.last});
    }
    runs_.clear();
    size_ = 0;
    for (const auto& range : kept) {
        runs_.push_back({range.first, size_ + 1});
        size_ += range.last - range.first + 1;
    }
}

NumberSet UidMap::uids() const
{
    NumberSet all;
    all.reserve(runs_.size());
    for (std::size_t i = 0; i < runs_.size(); ++i) all.push_back({runs_[i].first, runs_[i].first + length(i) - 1});
    return all;
}

NumberSet UidMap::uids_of(const NumberSet& sequences) const
{
    NumberSet found;
    for (const auto& range : sequences) {
        if (range.first > size_) break;
        const auto last = std::min(range.last, size_);
        auto run = static_cast<std::size_t>(std::ranges::upper_bound(runs_, range.first, {}, &Run::sequence) -
                                            runs_.begin()) -
                   1;
        for (; run < runs_.size() && runs_[run].sequence <= last; ++run) {
            const auto from = std::max(range.first, runs_[run].sequence);
            const auto to = std::min(last, runs_[run].sequence + length(run) - 1);
            found.push_back({runs_[run].first + (from - runs_[run].sequence),
                             runs_[run].first + (to - runs_[run].sequence)});
        }
    }
    return normalised(std::move(found));
}

NumberSet UidMap::sequences_of(const NumberSet& wanted) const
{
    NumberSet found;
    for (const auto& range : intersection(uids(), wanted)) {
        const auto first = *sequence(range.first);
        found.push_back({first, first + (range.last - range.first)});
    }
    return normalised(std::move(found));
}

}  // namespace mbx::imap
