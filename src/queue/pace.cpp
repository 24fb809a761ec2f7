#include "queue/pace.hpp"

#include <algorithm>

namespace mbx::queue {
namespace {

constexpr std::int64_t kMinute = 60'000'000;  // microseconds
constexpr std::int64_t kMillisecond = 1'000;
constexpr std::uint64_t kPartAtOnce = 10;
constexpr std::size_t kFewEntries = 1'000;

}  // namespace

void Pace::set(std::uint64_t messages_a_minute)
{
    const auto limit = static_cast<std::int64_t>(std::min<std::uint64_t>(messages_a_minute, kMinute));
    interval_ = limit == 0 ? 0 : kMinute / limit;
    burst_ = interval_ * static_cast<std::int64_t>(std::max<std::uint64_t>(1, messages_a_minute / kPartAtOnce));
    if (limit == 0) used_.clear();
}

// Of a clock that was set back no destination suffers longer than a burst lasts.
std::int64_t Pace::used_until(const std::string& destination, std::int64_t now) const
{
    const std::int64_t at = now * kMillisecond;
    const auto found = used_.find(destination);
    return found == used_.end() ? at : std::clamp(found->second, at, at + burst_);
}

std::uint64_t Pace::allowance(const std::string& destination, std::int64_t now) const
{
    if (interval_ == 0) return UINT64_MAX;
    const std::int64_t left = now * kMillisecond + burst_ - used_until(destination, now);
    return static_cast<std::uint64_t>(left / interval_);
}

std::int64_t Pace::free_at(const std::string& destination, std::int64_t now) const
{
    if (interval_ == 0 || allowance(destination, now) != 0) return 0;
    const std::int64_t at = used_until(destination, now) - burst_ + interval_;
    return (at + kMillisecond - 1) / kMillisecond;
}

void Pace::sent(const std::string& destination, std::int64_t now)
{
    if (interval_ == 0) return;
    used_[destination] = used_until(destination, now) + interval_;
    if (used_.size() > std::max(kFewEntries, forget_at_)) forget_free_ones(now);
}

void Pace::forget_free_ones(std::int64_t now)
{
    std::erase_if(used_, [now](const auto& entry) { return entry.second <= now * kMillisecond; });
    forget_at_ = 2 * used_.size();
}

}  // namespace mbx::queue
