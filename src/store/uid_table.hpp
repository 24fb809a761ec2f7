// One state of a mailbox: which message has which sequence number (RFC 9051 section 2.3.1.2). An immutable value; a newer
// state shares all chunks that did not change, and copying one costs a pointer. So two thousand sessions that look at one
// mailbox hold one table. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "store/types.hpp"

namespace mbx::store {

// Adds a range behind all that are in the set; neighbours become one.
void add_above(UidSet& set, const UidRange& range);

// UIDs in ascending order as runs of neighbours, 8 bytes a run, in chunks of at most kMaxRuns runs. Finding takes
// O(log n); a change copies the chunks that it touches and the list of chunks (24 bytes each).
class UidTable {
public:
    static constexpr std::size_t kMaxRuns = 256;
    static constexpr std::size_t kMinRuns = 64;  // of a chunk with neighbours: smaller ones are joined when they change

    UidTable() = default;
    explicit UidTable(const std::vector<Uid>& ascending);

    std::uint32_t size() const { return root_ ? root_->size : 0; }
    Uid last() const;                              // 0: empty
    Uid uid(std::uint32_t sequence) const;         // 1 … size()
    std::optional<std::uint32_t> sequence(Uid uid) const;

    UidTable with(const UidSet& above) const;      // all of them above last()
    UidTable without(const UidSet& uids) const;    // those that are there

    UidSet uids() const;
    UidSet among(const UidSet& uids) const;              // those that are there
    UidSet uids_of(const UidSet& sequences) const;       // of those that exist
    UidSet sequences_of(const UidSet& uids) const;       // of those that are there

    // The very same state, not one that looks alike.
    bool is(const UidTable& other) const { return root_ == other.root_; }
    std::size_t chunks() const { return root_ ? root_->places.size() : 0; }
    std::size_t bytes() const;                           // of memory, as if nothing were shared

    struct Difference {
        UidSet expunged;  // in the old one alone
        UidSet appended;  // in the new one alone
    };
    // Looks only into chunks that the two do not share.
    static Difference difference(const UidTable& older, const UidTable& newer);

private:
    struct Run {
        Uid first = 0;
        std::uint32_t before = 0;  // messages of the chunk in front of it
    };
    struct Chunk {
        std::vector<Run> runs;
        std::uint32_t size = 0;
        std::uint32_t length(std::size_t run) const;
        UidRange range(std::size_t run) const;
        Uid last() const { return range(runs.size() - 1).last; }
    };
    using ChunkPtr = std::shared_ptr<const Chunk>;
    struct Place {
        ChunkPtr chunk;
        Uid first = 0;
        std::uint32_t before = 0;  // messages of the table in front of it
    };
    struct Root {
        std::vector<Place> places;
        std::uint32_t size = 0;
    };
    class Builder;

    // Calls visit(part, sequence of its first) for what is there of `wanted`, in ascending order.
    template <typename Visit>
    void visit(const UidRange& wanted, Visit visit) const;

    std::shared_ptr<const Root> root_;  // null: empty
};

}  // namespace mbx::store
