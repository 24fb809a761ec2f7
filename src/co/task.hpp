// The one coroutine type of the house.
//
// A Task is lazy: its body runs when it is awaited. The awaiting coroutine starts
// it inline and goes straight on when the body ends without suspending, so a loop
// that awaits a million ready tasks uses constant stack on every compiler, at -O0
// and under ASan too (g++ 12 turns symmetric transfer into a real tail call only
// from -O2 and never with a sanitizer).
//
// Frames die by running to their end. A coroutine that waits for the loop is ended
// by making its wait fail (ECANCELED), never by destroying it while suspended.
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace mbx::co {

template <typename T> class Task;

namespace detail {

class PromiseBase {
public:
    std::suspend_always initial_suspend() const noexcept { return {}; }

    struct FinalAwaiter {
        bool await_ready() const noexcept { return false; }
        template <typename Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept
        {
            PromiseBase& promise = self.promise();
            promise.done_ = true;
            // While the parent is still inside our first resume() it will look at
            // done_ itself; handing control to it here would resume it twice.
            return promise.started_inline_ ? std::noop_coroutine() : promise.continuation_;
        }
        void await_resume() const noexcept {}
    };
    FinalAwaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { error_ = std::current_exception(); }

    template <typename Promise>
    static bool start(std::coroutine_handle<Promise> child, std::coroutine_handle<> parent) noexcept
    {
        PromiseBase& promise = child.promise();
        promise.continuation_ = parent;
        promise.started_inline_ = true;
        child.resume();
        if (promise.done_) return false;
        promise.started_inline_ = false;
        return true;
    }

    void rethrow_if_failed() const
    {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::coroutine_handle<> continuation_ = std::noop_coroutine();
    std::exception_ptr error_;
    bool started_inline_ = false;
    bool done_ = false;
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
public:
    class promise_type : public detail::PromiseBase {
    public:
        Task get_return_object() noexcept
        {
            return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_value(T value) { value_.emplace(std::move(value)); }
        T take()
        {
            rethrow_if_failed();
            return std::move(*value_);
        }

    private:
        std::optional<T> value_;
    };

    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    Task& operator=(Task&&) = delete;
    ~Task()
    {
        if (frame_) frame_.destroy();
    }

    auto operator co_await() && noexcept { return Awaiter{frame_}; }

private:
    class Awaiter {
    public:
        explicit Awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> parent) const noexcept
        {
            return detail::PromiseBase::start(frame_, parent);
        }
        T await_resume() const { return frame_.promise().take(); }

    private:
        std::coroutine_handle<promise_type> frame_;
    };

    explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    std::coroutine_handle<promise_type> frame_;
};

template <>
class [[nodiscard]] Task<void> {
public:
    class promise_type : public detail::PromiseBase {
    public:
        Task get_return_object() noexcept
        {
            return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_void() const noexcept {}
        void take() const { rethrow_if_failed(); }
    };

    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    Task& operator=(Task&&) = delete;
    ~Task()
    {
        if (frame_) frame_.destroy();
    }

    auto operator co_await() && noexcept { return Awaiter{frame_}; }

private:
    class Awaiter {
    public:
        explicit Awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> parent) const noexcept
        {
            return detail::PromiseBase::start(frame_, parent);
        }
        void await_resume() const { frame_.promise().take(); }

    private:
        std::coroutine_handle<promise_type> frame_;
    };

    explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    std::coroutine_handle<promise_type> frame_;
};

}  // namespace mbx::co
