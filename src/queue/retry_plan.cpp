#include "queue/retry_plan.hpp"

#include <algorithm>
#include <array>

namespace mbx::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::array<milliseconds, 6> kRetryWaits{minutes(5), minutes(15), minutes(30), minutes(60), minutes(120), minutes(240)};
constexpr std::array<milliseconds, 5> kProbeWaits{minutes(1), minutes(2), minutes(5), minutes(10), minutes(20)};
constexpr std::uint32_t kFailuresUntilDown = 3;

milliseconds jittered(milliseconds wait, std::uint64_t random)
{
    const auto tenth = wait.count() / 10;
    return wait - milliseconds(tenth) + milliseconds(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(2 * tenth + 1)));
}

}  // namespace

milliseconds wait_before_next(std::uint32_t attempts, std::uint64_t random)
{
    const std::size_t at = std::min<std::size_t>(attempts == 0 ? 0 : attempts - 1, kRetryWaits.size() - 1);
    return jittered(kRetryWaits.at(at), random);
}

milliseconds wait_before_probe(std::uint32_t failures, std::uint64_t random)
{
    if (failures < kFailuresUntilDown) return milliseconds(0);
    const std::size_t at = std::min<std::size_t>(failures - kFailuresUntilDown, kProbeWaits.size() - 1);
    return jittered(kProbeWaits.at(at), random);
}

}  // namespace mbx::queue
