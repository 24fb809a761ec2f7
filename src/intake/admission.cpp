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
    const std::uint64_t reserve = std::min(kReservedBytes, space_.total_bytes / kReservedShare);
    // Twice: a body is in the spool, and a copy of it where links cannot do.
    const std::uint64_t wanted = bytes > UINT64_MAX / 4 ? UINT64_MAX : reserve + 2 * bytes;
    return space_.free_bytes > wanted && space_.free_inodes > kReservedInodes;
}

co::Task<bool> Admission::has_room(std::uint64_t bytes)
{
    const auto age = clock_.steady() - asked_;
    if (!was_asked_ || age > (was_short_ ? kGoodForWhenShort : kGoodFor)) {
        was_asked_ = true;
        asked_ = clock_.steady();
        auto job = [this] { return files_.space(directory_); };
        const auto space = co_await workers_.run(net::WorkClass::delivery, std::move(job));
        // Without an answer the last one stands: writing will show what the disk says.
        if (space) space_ = *space;
    }
    const bool is_short = !had_room(0);
    if (is_short != was_short_) {
        was_short_ = is_short;
        if (is_short) {
            log_.error("intake: the disk is nearly full; no mail is accepted",
                       {{"path", directory_}, {"free_bytes", space_.free_bytes}, {"free_inodes", space_.free_inodes}});
        } else {
            log_.notice("intake: there is room again", {{"path", directory_}});
        }
    }
    co_return had_room(bytes);
}

}  // namespace mbx::intake
