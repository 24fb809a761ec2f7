#include "net/loop.hpp"

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

namespace mbx::net {
namespace {

constexpr std::uint64_t kTickMs = 100;
constexpr std::uint64_t kTickNs = kTickMs * 1'000'000;

uv_handle_t* as_handle(void* handle) { return static_cast<uv_handle_t*>(handle); }

}  // namespace

struct Loop::State {
    uv_loop_t loop{};
    uv_async_t wake{};
    uv_timer_t tick{};
    uv_prepare_t before_poll{};  // what timers asked for
    uv_check_t after_poll{};     // what events asked for
    std::vector<std::function<void()>> endings;  // of the turn
    std::size_t holds = 0;
    std::uint64_t last_tick_ns = 0;
    std::atomic<std::int64_t> lag_us{0};
    std::atomic<std::int64_t> worst_lag_us{0};

    std::mutex mutex;  // of the jobs
    std::vector<std::function<void()>> jobs;

    // True when there was something to do.
    bool run_jobs()
    {
        std::vector<std::function<void()>> taken;
        {
            const std::lock_guard lock(mutex);
            taken.swap(jobs);
        }
        for (auto& job : taken) {
            // The job goes before the next one begins: what it held may be what the next one waits to see gone.
            const auto mine = std::move(job);
            mine();
        }
        return !taken.empty();
    }

    bool run_endings()
    {
        uv_prepare_stop(&before_poll);
        uv_check_stop(&after_poll);
        bool had_some = false;
        while (!endings.empty()) {
            had_some = true;
            for (const auto& job : std::exchange(endings, {})) job();
        }
        return had_some;
    }

    void note_tick()
    {
        const std::uint64_t now = uv_hrtime();
        const std::uint64_t span = now - std::exchange(last_tick_ns, now);
        const auto late = static_cast<std::int64_t>(span > kTickNs ? (span - kTickNs) / 1000 : 0);
        lag_us.store(late, std::memory_order_relaxed);
        if (late > worst_lag_us.load(std::memory_order_relaxed)) worst_lag_us.store(late, std::memory_order_relaxed);
    }
};

Loop::Loop() : state_(std::make_unique<State>())
{
    State& state = *state_;
    // A write to a peer that is gone is an error of that write, never the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    const bool made = uv_loop_init(&state.loop) == 0 &&
                      uv_async_init(&state.loop, &state.wake, [](uv_async_t* wake) {
                          static_cast<State*>(wake->data)->run_jobs();
                      }) == 0;
    if (!made) {
        std::fputs("mailboxd: no event loop can be made: out of descriptors or memory\n", stderr);
        std::abort();
    }
    state.wake.data = &state;
    uv_unref(as_handle(&state.wake));
    uv_timer_init(&state.loop, &state.tick);
    state.tick.data = &state;
    uv_unref(as_handle(&state.tick));
    uv_prepare_init(&state.loop, &state.before_poll);
    state.before_poll.data = &state;
    uv_unref(as_handle(&state.before_poll));
    uv_check_init(&state.loop, &state.after_poll);
    state.after_poll.data = &state;
    uv_unref(as_handle(&state.after_poll));
}

Loop::~Loop()
{
    State& state = *state_;
    state.run_jobs();
    state.run_endings();
    uv_close(as_handle(&state.wake), nullptr);
    uv_close(as_handle(&state.tick), nullptr);
    uv_close(as_handle(&state.before_poll), nullptr);
    uv_close(as_handle(&state.after_poll), nullptr);
    uv_run(&state.loop, UV_RUN_DEFAULT);
    while (state.run_jobs()) uv_run(&state.loop, UV_RUN_NOWAIT);
    [[maybe_unused]] const int rc = uv_loop_close(&state.loop);
    assert(rc == 0 && "a Loop was destroyed under a stream, timer or listener");
}

void Loop::run()
{
    State& state = *state_;
    state.last_tick_ns = uv_hrtime();
    uv_update_time(&state.loop);
    uv_timer_start(&state.tick, [](uv_timer_t* tick) { static_cast<State*>(tick->data)->note_tick(); }, kTickMs,
                   kTickMs);
    // Jobs posted when nothing else was left to wait for are work all the same.
    bool more = true;
    while (more) {
        const bool stopped = uv_run(&state.loop, UV_RUN_DEFAULT) != 0;
        more = !stopped && (state.run_jobs() || state.run_endings() || uv_loop_alive(&state.loop) != 0);
    }
    uv_timer_stop(&state.tick);
}

void Loop::stop() { uv_stop(&state_->loop); }

void Loop::post(std::function<void()> job)
{
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
    // Under the lock: whoever runs the job may destroy the loop right after.
    uv_async_send(&state_->wake);
}

void Loop::after_events(std::function<void()> job)
{
    State& state = *state_;
    state.endings.push_back(std::move(job));
    if (state.endings.size() > 1) return;
    uv_prepare_start(&state.before_poll,
                     [](uv_prepare_t* handle) { static_cast<State*>(handle->data)->run_endings(); });
    uv_check_start(&state.after_poll, [](uv_check_t* handle) { static_cast<State*>(handle->data)->run_endings(); });
}

void Loop::hold()
{
    if (state_->holds++ == 0) uv_ref(as_handle(&state_->wake));
}

void Loop::release()
{
    assert(state_->holds > 0);
    if (--state_->holds == 0) uv_unref(as_handle(&state_->wake));
}

std::chrono::microseconds Loop::lag() const
{
    return std::chrono::microseconds(state_->lag_us.load(std::memory_order_relaxed));
}

std::chrono::microseconds Loop::take_worst_lag()
{
    return std::chrono::microseconds(state_->worst_lag_us.exchange(0, std::memory_order_relaxed));
}

uv_loop_s* Loop::raw() const { return &state_->loop; }

struct Timer::State {
    Loop& loop;
    uv_timer_t timer{};
    std::coroutine_handle<> waiter;
    bool settled = false;  // cancelled, the waiter about to go on
    std::shared_ptr<State> self;  // until libuv lets go of the handle

    explicit State(Loop& on) : loop(on) {}

    void resume(bool passed)
    {
        settled = false;
        result = passed;
        std::exchange(waiter, nullptr).resume();
    }
    bool result = false;

    class Awaiter {
    public:
        Awaiter(State& state, std::chrono::milliseconds span) noexcept : state_(state), span_(span) {}
        Awaiter(const Awaiter&) = delete;
        Awaiter& operator=(const Awaiter&) = delete;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> caller) const
        {
            assert(!state_.waiter && "a Timer has one waiter");
            state_.waiter = caller;
            uv_update_time(state_.timer.loop);  // a busy turn leaves the loop's clock behind
            uv_timer_start(&state_.timer, [](uv_timer_t* timer) { static_cast<State*>(timer->data)->resume(true); },
                           static_cast<std::uint64_t>(std::max<std::int64_t>(span_.count(), 0)), 0);
        }
        bool await_resume() const noexcept { return state_.result; }

    private:
        State& state_;
        std::chrono::milliseconds span_;
    };
};

Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop))
{
    uv_timer_init(loop.raw(), &state_->timer);
    state_->timer.data = state_.get();
    state_->self = state_;
}

Timer::~Timer()
{
    assert(!state_->waiter && "a Timer was destroyed under its waiter");
    uv_close(as_handle(&state_->timer), [](uv_handle_t* handle) { static_cast<State*>(handle->data)->self.reset(); });
}

co::Task<bool> Timer::wait(std::chrono::milliseconds span)
{
    State::Awaiter awaiter(*state_, span);
    const bool passed = co_await awaiter;
    co_return passed;
}

void Timer::cancel()
{
    State& state = *state_;
    if (!state.waiter || state.settled) return;
    state.settled = true;
    uv_timer_stop(&state.timer);
    state.loop.post([held = state_] { held->resume(false); });
}

}  // namespace mbx::net
