#include "smtp/rate_table.hpp"

#include <algorithm>
#include <numeric>

namespace mbx::smtp {

namespace {

constexpr std::chrono::minutes kSlotTime{5};

std::int64_t slot_number(SteadyTime now)
{
    return std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()) / kSlotTime;
}

} // namespace

void RateTable::forget_old(Counts& counts, std::int64_t now)
{
    const std::int64_t passed = now - counts.last;
    if (passed >= static_cast<std::int64_t>(kSlots)) counts.slots.fill(0);
    for (std::int64_t slot = counts.last + 1; slot <= now && passed < static_cast<std::int64_t>(kSlots); ++slot)
        counts.slots.at(static_cast<std::size_t>(slot) % kSlots) = 0;
    counts.last = std::max(counts.last, now);
}

void RateTable::add(const std::string& key, std::uint64_t count, SteadyTime now)
{
    Counts& counts = counts_.find_or_insert(key);
    const std::int64_t slot = slot_number(now);
    forget_old(counts, slot);
    counts.slots.at(static_cast<std::size_t>(slot) % kSlots) += count;
}

std::uint64_t RateTable::within_hour(const std::string& key, SteadyTime now)
{
    Counts* counts = counts_.find(key);
    if (counts == nullptr) return 0;
    forget_old(*counts, slot_number(now));
    return std::accumulate(counts->slots.begin(), counts->slots.end(), std::uint64_t{0});
}

std::chrono::minutes RateTable::wait_for(const std::string& key, std::uint64_t count, std::uint64_t limit, SteadyTime now)
{
    std::uint64_t sum = within_hour(key, now);
    const Counts* counts = counts_.find(key);
    const std::int64_t newest = slot_number(now);
    for (std::size_t age = kSlots; age-- > 0;) {
        if (counts == nullptr || sum + count <= limit) break;
        const std::int64_t slot = newest - static_cast<std::int64_t>(age);
        sum -= counts->slots.at(static_cast<std::size_t>(slot) % kSlots);
        if (sum + count > limit) continue;
        // The slot goes when it is an hour old.
        return kSlotTime * static_cast<int>(kSlots - age);
    }
    return sum + count <= limit ? std::chrono::minutes(0) : std::chrono::minutes(60);
}

} // namespace mbx::smtp
