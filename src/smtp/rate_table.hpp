// How much of something each of many had within the last hour, in bounded memory: who is not heard of longest is forgotten.
// One thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "auth/lru_table.hpp"
#include "base/clock.hpp"

namespace mbx::smtp {

class RateTable {
public:
    explicit RateTable(std::size_t most) : counts_(most) {}

    void add(const std::string& key, std::uint64_t count, SteadyTime now);
    // Of the last hour, to five minutes.
    std::uint64_t within_hour(const std::string& key, SteadyTime now);
    // After how long `count` more are within `limit`; an hour at most.
    std::chrono::minutes wait_for(const std::string& key, std::uint64_t count, std::uint64_t limit, SteadyTime now);

private:
    static constexpr std::size_t kSlots = 12;
    struct Counts {
        std::array<std::uint64_t, kSlots> slots{};
        std::int64_t last = 0;  // the number of the newest slot since the clock began
    };
    static void forget_old(Counts& counts, std::int64_t now);
    auth::LruTable<std::string, Counts> counts_;
};

} // namespace mbx::smtp
