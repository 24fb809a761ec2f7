// The one event loop. All members but post() belong to its thread. libuv stays inside net/.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "co/task.hpp"
#include "net/byte_stream.hpp"

struct uv_loop_s;

namespace mbx::net {

class Loop {
public:
    // Also makes the process ignore SIGPIPE. Ends the process when the kernel has no descriptors for it.
    Loop();
    // Every stream, timer and listener made on the loop must be gone; close callbacks still due are run here.
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs until nothing is left to wait for, or until stop().
    void run();
    void stop();

    // Runs `job` on the loop, in its next turn, never inside the call. Any thread; the only door into the loop from
    // outside. A job keeps run() from returning; the loop outlives whoever posts.
    void post(std::function<void()> job);

    // Runs `job` once, when all events that are ready in this turn have been served and before the loop sleeps: one act for
    // what many of them asked for. Loop thread. It keeps nobody from returning; a loop that ends has run it.
    void after_events(std::function<void()> job);

    // Between hold() and release() run() does not return for want of events: something will be posted. Loop thread.
    void hold();
    void release();

    // How late the loop came to a 100 ms tick lately: now and the maximum since the last call of take_worst_lag().
    std::chrono::microseconds lag() const;
    std::chrono::microseconds take_worst_lag();

    uv_loop_s* raw() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// A cancellable wait. cancel() ends the wait under way: the waiter goes on, with false, in the loop's next turn and
// never inside the call. Without a wait under way it does nothing. The waiter must have gone on before the timer dies.
class Timer {
public:
    explicit Timer(Loop& loop);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // True when the time has passed, false when cancelled. One waiter.
    co::Task<bool> wait(std::chrono::milliseconds span);
    void cancel();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace mbx::net
