// Sequence numbers and UIDs of a session's view: runs of neighbouring UIDs, so that a mailbox of a million messages costs
// what its gaps cost. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "imap/sequence_set.hpp"

namespace mbx::imap {

class UidMap {
public:
    UidMap() = default;
    explicit UidMap(const std::vector<store::Uid>& ascending);

    std::uint32_t size() const { return size_; }
    store::Uid last() const;  // 0: empty
    store::Uid uid(std::uint32_t sequence) const;  // 1 … size()
    std::optional<std::uint32_t> sequence(store::Uid uid) const;

    void append(store::Uid uid);  // above last()
    void remove(const NumberSet& uids);

    NumberSet uids() const;
    NumberSet uids_of(const NumberSet& sequences) const;  // those that exist
    NumberSet sequences_of(const NumberSet& uids) const;  // those that exist

private:
    struct Run {
        store::Uid first = 0;
        std::uint32_t sequence = 0;  // of `first`
    };
    std::uint32_t length(std::size_t run) const;
    std::vector<Run> runs_;
    std::uint32_t size_ = 0;
};

}  // namespace mbx::imap
