// Waits within one loop: coroutines suspend on wait() until somebody notifies. No memory of past notifications: check
// your condition before and after (as with a condition variable). One thread; the event outlives its waiters.
#pragma once

#include <cassert>
#include <coroutine>
#include <utility>
#include <vector>

namespace mbx::co {

class Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { assert(waiters_.empty() && "an Event was destroyed under a waiter"); }

    class Awaiter {
    public:
        explicit Awaiter(Event& event) noexcept : event_(event) {}
        Awaiter(const Awaiter&) = delete;
        Awaiter& operator=(const Awaiter&) = delete;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> caller) const { event_.waiters_.push_back(caller); }
        void await_resume() const noexcept {}

    private:
        Event& event_;
    };

    Awaiter wait() noexcept { return Awaiter(*this); }

    // Resumes every coroutine that waits now, in the order in which they came; those that wait again are left alone.
    // The event may die in the course of it.
    void notify_all()
    {
        const auto waiting = std::exchange(waiters_, {});
        for (const auto waiter : waiting) waiter.resume();
    }

private:
    std::vector<std::coroutine_handle<>> waiters_;
};

}  // namespace mbx::co
