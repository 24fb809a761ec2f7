// Tasks that run beside each other. A scope outlives its tasks by contract: whoever owns it makes what they wait on
// fail (close the streams, stop the timers) and awaits finished(), or lets the loop run until running() is 0.
#pragma once

#include <cassert>
#include <exception>
#include <utility>

#include "co/event.hpp"
#include "co/task.hpp"

namespace mbx::co {

class Scope {
public:
    Scope() = default;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { assert(running_ == 0 && "a Scope was destroyed with tasks still running"); }

    // Starts the task at once. An exception that leaves the task is a bug and ends the process: sessions catch theirs.
    void spawn(Task<void> task)
    {
        ++running_;
        run(std::move(task), *this);
    }
    int running() const noexcept { return running_; }

    // Ready once no task runs.
    Task<void> finished()
    {
        while (running_ != 0) co_await empty_.wait();
    }

private:
    struct Detached {
        struct promise_type {
            Detached get_return_object() const noexcept { return {}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
        };
    };
    static Detached run(Task<void> task, Scope& scope)
    {
        co_await std::move(task);
        if (--scope.running_ == 0) scope.empty_.notify_all();
    }
    int running_ = 0;
    Event empty_;
};

}  // namespace mbx::co
