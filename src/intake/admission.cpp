#include "intake/admission.hpp"

#include <algorithm>

namespace mbx::intake {

namespace {

constexpr std::uint64_t kReservedBytes = 128ULL << 20U;
constexpr std::uint64_t kReservedShare = 50;  // a fiftieth of a small volume is enough
constexpr std::uint64_t kReservedInodes = 1000;
constexpr std::chrono::seconds kGoodFor{5};
constexpr std::chrono::seconds kGoodForWhenShort{1};

}  // namespace

bool Admission::had_room(std::uint64_t bytes) const
{
    if (!was_asked_) return true;
    const std::uint64_t reserve = std::min(kReservedBytes, space_.total_bytes / kReservedShare);
    const auto backlog = journal_.backlog();
    // Twice: a body is in the spool, and a copy of it where links cannot do.
    const std::uint64_t wanted = bytes > UINT64_MAX / 4 ? UINT64_MAX : reserve + 2 * (backlog.bytes + bytes);
    return space_.free_bytes > wanted && space_.free_inodes > kReservedInodes + 2 * backlog.records;
}

Result<SpaceInfo, FileError> Admission::ask() const
{
    SpaceInfo least{UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (const auto& directory : directories_) {
        const auto space = files_.space(directory);
        if (!space && space.error().is_absent()) continue;
        if (!space) return space.error();
        least.free_bytes = std::min(least.free_bytes, space->free_bytes);
        least.total_bytes = std::min(least.total_bytes, space->total_bytes);
        least.free_inodes = std::min(least.free_inodes, space->free_inodes);
    }
    return least;
}

co::Task<bool> Admission::has_room(std::uint64_t bytes)
{
    const auto age = clock_.steady() - asked_;
    if (!was_asked_ || age > (was_short_ ? kGoodForWhenShort : kGoodFor)) {
        asked_ = clock_.steady();
        auto job = [this] { return ask(); };
        const auto space = co_await workers_.run(net::WorkClass::delivery, std::move(job));
        // Without an answer the last one stands: writing will show what the disk says.
        if (space) space_ = *space;
        was_asked_ = true;
    }
    const bool is_short = !had_room(0);
    if (is_short != was_short_) {
        was_short_ = is_short;
        if (is_short) {
            log_.error("intake: the disk is nearly full; no mail is accepted",
                       {{"path", directories_.front()}, {"free_bytes", space_.free_bytes},
                        {"free_inodes", space_.free_inodes}});
        } else {
            log_.notice("intake: there is room again", {{"path", directories_.front()}});
        }
    }
    co_return had_room(bytes);
}

}  // namespace mbx::intake
