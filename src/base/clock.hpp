// Time enters through here, so that tests can move it. Any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace mbx {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
public:
    virtual ~Clock() = default;
    virtual WallTime wall() const = 0;      // may jump; for what people and messages read
    virtual SteadyTime steady() const = 0;  // never goes back; for timers and ages
};

class SystemClock final : public Clock {
public:
    WallTime wall() const override { return std::chrono::system_clock::now(); }
    SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// The test twin: stands still until moved, by one thread; any thread may look.
class ManualClock final : public Clock {
public:
    WallTime wall() const override { return wall_; }
    SteadyTime steady() const override { return steady_; }
    void advance(std::chrono::milliseconds by)
    {
        wall_ = wall_.load() + by;
        steady_ = steady_.load() + by;
    }
    void set_wall(WallTime to) { wall_ = to; }

private:
    std::atomic<WallTime> wall_{WallTime(std::chrono::seconds(1'800'000'000))};
    std::atomic<SteadyTime> steady_{SteadyTime(std::chrono::hours(1))};
};

}  // namespace mbx
