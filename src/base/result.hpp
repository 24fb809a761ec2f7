// A value or the reason there is none. Stands in for std::expected, which C++20 lacks.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

namespace mbx {

// Reading the value of a failure (or the error of a success) is a bug of the caller, not an outcome.
template <typename T, typename E>
class [[nodiscard]] Result {
public:
    using Value = T;
    using Failure = E;

    Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    Result(E error) : held_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return held_.index() == 0; }
    const T& operator*() const& { return std::get<0>(held_); }
    T& operator*() & { return std::get<0>(held_); }
    T&& operator*() && { return std::get<0>(std::move(held_)); }
    const T* operator->() const { return &std::get<0>(held_); }
    T* operator->() { return &std::get<0>(held_); }
    const E& error() const { return std::get<1>(held_); }

private:
    std::variant<T, E> held_;
};

template <typename E>
class [[nodiscard]] Result<void, E> {
public:
    using Value = void;
    using Failure = E;

    Result() = default;
    Result(E error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_.has_value(); }
    const E& error() const
    {
        assert(error_);
        return *error_;
    }

private:
    std::optional<E> error_;
};

}  // namespace mbx
