// A check or a rebuild of one account's index, carried on in steps, so that mail goes on in between. Steps run on the
// account's strand; the run dies before its AccountStore.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/types.hpp"

namespace mbx::store {

struct IndexProgress {
    std::uint64_t done = 0;         // messages looked at
    std::uint64_t all = 0;          // as many as there are, as far as known
    std::uint64_t differences = 0;  // of a check: where rows and names say different things
    std::vector<std::string> told;  // the first kMostTold of them, in sentences
    bool is_done = false;
};

class IndexRun {
public:
    static constexpr std::size_t kMostTold = 100;

    virtual ~IndexRun() = default;
    // Goes on for about so long; at least one message, at most one folder's names beyond the time.
    virtual Result<void, StoreError> step(std::chrono::milliseconds max_time) = 0;
    const IndexProgress& progress() const { return progress_; }

protected:
    IndexProgress progress_;
};

}  // namespace mbx::store
