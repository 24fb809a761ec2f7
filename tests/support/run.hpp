// Runs tasks to their end in a test.
#pragma once

#include <optional>
#include <stdexcept>
#include <utility>

#include "co/scope.hpp"
#include "net/loop.hpp"

namespace mbx::test {

namespace detail {

template <typename T>
co::Task<void> keep_value(co::Task<T> task, std::optional<T>* into, std::exception_ptr* error)
{
    try {
        T value = co_await std::move(task);
        into->emplace(std::move(value));
    } catch (...) {
        *error = std::current_exception();
    }
}
inline co::Task<void> keep_end(co::Task<void> task, bool* ended, std::exception_ptr* error)
{
    try {
        co_await std::move(task);
    } catch (...) {
        *error = std::current_exception();
    }
    *ended = true;
}
inline void must(bool done, const char* otherwise)
{
    // The scope above would assert; this says why first.
    if (!done) throw std::logic_error(otherwise);
}

}  // namespace detail

// The value of a task; `drive` is called once the task has been started and makes it end.
template <typename T, typename Drive>
T run_with(co::Task<T> task, Drive drive)
{
    std::exception_ptr error;
    std::optional<T> value;
    co::Scope scope;
    scope.spawn(detail::keep_value(std::move(task), &value, &error));
    drive();
    if (error) std::rethrow_exception(error);
    detail::must(value.has_value(), "the task still waits");
    return std::move(*value);
}
template <typename Drive>
void run_with(co::Task<void> task, Drive drive)
{
    std::exception_ptr error;
    bool ended = false;
    co::Scope scope;
    scope.spawn(detail::keep_end(std::move(task), &ended, &error));
    drive();
    if (error) std::rethrow_exception(error);
    detail::must(ended, "the task still waits");
}

// For tasks that never wait (everything in memory).
template <typename T>
T run_ready(co::Task<T> task)
{
    return run_with(std::move(task), [] {});
}

// Starts the task and runs the loop until nothing is left to wait for; the task must have ended by then.
template <typename T>
T run_on(net::Loop& loop, co::Task<T> task)
{
    return run_with(std::move(task), [&loop] { loop.run(); });
}

}  // namespace mbx::test
