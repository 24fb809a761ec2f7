#include "store/uid_table.hpp"

#include <algorithm>
#include <utility>

namespace mbx::store {

void add_above(UidSet& set, const UidRange& range)
{
    if (!set.empty() && set.back().last != UINT32_MAX && set.back().last + 1 == range.first) {
        set.back().last = range.last;
    } else {
        set.push_back(range);
    }
}

namespace {

// Calls keep(part) for what is left of `range` without `holes`; `hole` moves on and never back.
template <typename Keep>
void cut(const UidRange& range, const UidSet& holes, UidSet::const_iterator& hole, Keep keep)
{
    std::uint64_t from = range.first;
    while (hole != holes.end() && hole->last < from) ++hole;
    for (auto at = hole; at != holes.end() && at->first <= range.last; ++at) {
        if (at->first > from) keep(UidRange{static_cast<Uid>(from), at->first - 1});
        from = std::uint64_t{at->last} + 1;
    }
    if (from <= range.last) keep(UidRange{static_cast<Uid>(from), range.last});
}

UidSet minus(const UidSet& from, const UidSet& holes)
{
    UidSet left;
    auto hole = holes.begin();
    for (const auto& range : from) cut(range, holes, hole, [&left](const UidRange& part) { add_above(left, part); });
    return left;
}

}  // namespace

std::uint32_t UidTable::Chunk::length(std::size_t run) const
{
    return (run + 1 < runs.size() ? runs[run + 1].before : size) - runs[run].before;
}

UidRange UidTable::Chunk::range(std::size_t run) const
{
    return {runs[run].first, runs[run].first + (length(run) - 1)};
}

// Takes ranges and whole chunks in ascending order. Two chunks never touch: what follows on a run joins it.
class UidTable::Builder {
public:
    void add(const UidRange& range)
    {
        const std::uint32_t count = range.last - range.first + 1;
        if (!open_.runs.empty() && open_.last() + 1 == range.first) {
            open_.size += count;
            return;
        }
        if (open_.runs.size() == kMaxRuns) close();
        open_.runs.push_back({range.first, open_.size});
        open_.size += count;
    }
    void add(const ChunkPtr& chunk)
    {
        const bool is_small = open_.runs.size() < kMinRuns || chunk->runs.size() < kMinRuns;
        if (!open_.runs.empty() && is_small) {
            add_runs(*chunk);
            return;
        }
        close();
        place(chunk);
    }
    void add_runs(const Chunk& chunk)
    {
        for (std::size_t i = 0; i < chunk.runs.size(); ++i) add(chunk.range(i));
    }
    void reserve(std::size_t places) { root_.places.reserve(places); }
    UidTable finish()
    {
        close();
        UidTable table;
        if (root_.places.empty()) return table;
        root_.places.shrink_to_fit();
        table.root_ = std::make_shared<const Root>(std::move(root_));
        return table;
    }

private:
    void close()
    {
        if (open_.runs.empty()) return;
        Chunk closed = std::exchange(open_, {});
        closed.runs.shrink_to_fit();
        place(std::make_shared<const Chunk>(std::move(closed)));
    }
    void place(ChunkPtr chunk)
    {
        const auto first = chunk->runs.front().first;
        const auto count = chunk->size;
        root_.places.push_back({std::move(chunk), first, root_.size});
        root_.size += count;
    }

    Root root_;
    Chunk open_;
};

UidTable::UidTable(const std::vector<Uid>& ascending)
{
    Builder builder;
    for (const Uid uid : ascending) builder.add(UidRange{uid, uid});
    *this = builder.finish();
}

template <typename Visit>
void UidTable::visit(const UidRange& wanted, Visit visit) const
{
    if (!root_) return;
    const auto& places = root_->places;
    auto place = std::ranges::upper_bound(places, wanted.first, {}, &Place::first);
    if (place != places.begin()) --place;
    for (; place != places.end() && place->first <= wanted.last; ++place) {
        const Chunk& chunk = *place->chunk;
        const auto behind = std::ranges::upper_bound(chunk.runs, wanted.first, {}, &Run::first);
        auto run = static_cast<std::size_t>(behind - chunk.runs.begin());
        if (run != 0) --run;
        for (; run < chunk.runs.size() && chunk.runs[run].first <= wanted.last; ++run) {
            const auto range = chunk.range(run);
            const auto first = std::max(range.first, wanted.first);
            const auto last = std::min(range.last, wanted.last);
            if (first > last) continue;
            visit(UidRange{first, last}, place->before + chunk.runs[run].before + (first - range.first) + 1);
        }
    }
}

Uid UidTable::last() const { return root_ ? root_->places.back().chunk->last() : 0; }

Uid UidTable::uid(std::uint32_t sequence) const
{
    const auto& place = *std::prev(std::ranges::upper_bound(root_->places, sequence - 1, {}, &Place::before));
    const auto& runs = place.chunk->runs;
    const auto offset = sequence - 1 - place.before;
    const auto& run = *std::prev(std::ranges::upper_bound(runs, offset, {}, &Run::before));
    return run.first + (offset - run.before);
}

std::optional<std::uint32_t> UidTable::sequence(Uid uid) const
{
    std::optional<std::uint32_t> found;
    visit({uid, uid}, [&found](const UidRange&, std::uint32_t sequence) { found = sequence; });
    return found;
}

UidTable UidTable::with(const UidSet& above) const
{
    if (above.empty()) return *this;
    Builder builder;
    if (root_) {
        const auto& places = root_->places;
        builder.reserve(places.size() + 2);
        for (std::size_t i = 0; i + 1 < places.size(); ++i) builder.add(places[i].chunk);
        builder.add_runs(*places.back().chunk);
    }
    for (const auto& range : above) builder.add(range);
    return builder.finish();
}

UidTable UidTable::without(const UidSet& uids) const
{
    if (!root_ || uids.empty()) return *this;
    Builder builder;
    builder.reserve(root_->places.size());
    auto hole = uids.begin();
    bool is_changed = false;
    for (const auto& place : root_->places) {
        const Chunk& chunk = *place.chunk;
        while (hole != uids.end() && hole->last < place.first) ++hole;
        if (hole == uids.end() || hole->first > chunk.last()) {
            builder.add(place.chunk);
            continue;
        }
        for (std::size_t i = 0; i < chunk.runs.size(); ++i) {
            const auto range = chunk.range(i);
            cut(range, uids, hole, [&](const UidRange& part) {
                is_changed = is_changed || part.first != range.first || part.last != range.last;
                builder.add(part);
            });
            is_changed = is_changed || (hole != uids.end() && hole->first <= range.last);
        }
    }
    return is_changed ? builder.finish() : *this;
}

UidSet UidTable::uids() const
{
    UidSet all;
    visit({1, UINT32_MAX}, [&all](const UidRange& part, std::uint32_t) { add_above(all, part); });
    return all;
}

UidSet UidTable::among(const UidSet& uids) const
{
    UidSet there;
    for (const auto& range : uids) {
        visit(range, [&there](const UidRange& part, std::uint32_t) { add_above(there, part); });
    }
    return there;
}

UidSet UidTable::sequences_of(const UidSet& uids) const
{
    UidSet found;
    for (const auto& range : uids) {
        visit(range, [&found](const UidRange& part, std::uint32_t sequence) {
            add_above(found, {sequence, sequence + (part.last - part.first)});
        });
    }
    return found;
}

UidSet UidTable::uids_of(const UidSet& sequences) const
{
    UidSet found;
    for (const auto& range : sequences) {
        if (range.first > size()) break;
        const auto last = std::min(range.last, size());
        const UidRange between{uid(range.first), uid(last)};
        visit(between, [&found](const UidRange& part, std::uint32_t) { add_above(found, part); });
    }
    return found;
}

std::size_t UidTable::bytes() const
{
    if (!root_) return 0;
    std::size_t total = sizeof(Root) + root_->places.capacity() * sizeof(Place);
    for (const auto& place : root_->places) total += sizeof(Chunk) + place.chunk->runs.capacity() * sizeof(Run);
    return total;
}

UidTable::Difference UidTable::difference(const UidTable& older, const UidTable& newer)
{
    if (older.is(newer)) return {};
    static const std::vector<Place> kNone;
    const auto& left = older.root_ ? older.root_->places : kNone;
    const auto& right = newer.root_ ? newer.root_->places : kNone;
    UidSet before;
    UidSet after;
    const auto take = [](const Chunk& chunk, UidSet& into) {
        for (std::size_t i = 0; i < chunk.runs.size(); ++i) add_above(into, chunk.range(i));
    };
    // A shared chunk has the same first UID in both, so both come to it at once.
    for (std::size_t i = 0, j = 0; i < left.size() || j < right.size();) {
        const bool has_left = i < left.size() && (j == right.size() || left[i].first <= right[j].first);
        const bool has_right = j < right.size() && (i == left.size() || right[j].first <= left[i].first);
        const bool is_shared = has_left && has_right && left[i].chunk == right[j].chunk;
        if (has_left && !is_shared) take(*left[i].chunk, before);
        if (has_right && !is_shared) take(*right[j].chunk, after);
        i += has_left ? 1U : 0U;
        j += has_right ? 1U : 0U;
    }
    return {minus(before, after), minus(after, before)};
}

}  // namespace mbx::store
