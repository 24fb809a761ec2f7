// SQLite behind RAII, for the trace's file alone. Private to trace/. One thread at a time.
//
// Errors stick: after the first failing call of a Database all others do nothing until take_error(). directory/ and
// store/ have their own such faces: neither may be included from here, and what each sets when it opens a file (memory,
// patience, durability) is a decision of its own.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace mbx::trace {

enum class OpenMode : std::uint8_t { write, read };

class Database {
public:
    Database() = default;
    // For `write` the file is made when it is absent. An error shows in take_error().
    Database(const std::string& path, OpenMode mode);
    ~Database();
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;

    bool is_open() const { return handle_ != nullptr; }
    void execute(const char* sql);
    std::int64_t number(const char* sql);  // the first column of the first row; 0 for none
    std::int64_t changed_rows() const;     // by the last statement
    std::int64_t last_row() const;         // that was inserted
    bool has_failed() const { return error_ != 0; }
    // The first error since the last call, 0 for none, and its words.
    int take_error();
    const std::string& last_message() const { return message_; }
    // Statements end with "interrupted" when the time is over; none lets them run as long as they need.
    void set_deadline(std::optional<std::chrono::steady_clock::time_point> deadline);

private:
    friend class Statement;
    void note(int code);
    static int is_overdue(void* self);
    sqlite3* handle_ = nullptr;
    int error_ = 0;
    std::string message_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;
};

// Whether the bytes of the file cannot be trusted: it is to be set aside.
bool is_damage(int error);
bool is_interrupted(int error);

// Prepared at once, for its Database, which stays where it is meanwhile.
class Statement {
public:
    Statement(Database& database, std::string_view sql);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Binds the values in the order of the question marks and begins anew.
    template <typename... Values>
    Statement& with(const Values&... values)
    {
        reset();
        int at = 0;
        (bind(++at, values), ...);
        return *this;
    }
    // All of it at once: the values are read before it returns, and not copied.
    template <typename... Values>
    void run_with(const Values&... values)
    {
        reset();
        int at = 0;
        (bind_borrowed(++at, values), ...);
        run();
    }
    // The number in the first column of the first row; 0: there is none.
    template <typename... Values>
    std::int64_t first_with(const Values&... values)
    {
        reset();
        int at = 0;
        (bind_borrowed(++at, values), ...);
        const std::int64_t number = next() ? integer(0) : 0;
        reset();
        return number;
    }
    // True when there is a row; false when it is done or has failed.
    bool next();
    void run()
    {
        while (next()) {
        }
        reset();
    }
    std::int64_t integer(int column) const;
    std::string text(int column) const;
    bool is_null(int column) const;
    void reset();

private:
    template <std::integral Number>
    void bind(int at, Number value)
    {
        bind_integer(at, static_cast<std::int64_t>(value));
    }
    void bind(int at, std::string_view value) { bind_text(at, value, true); }
    template <typename Value>
    void bind_borrowed(int at, const Value& value)
    {
        if constexpr (std::convertible_to<Value, std::string_view>) bind_text(at, value, false);
        else bind(at, value);
    }
    void bind_text(int at, std::string_view value, bool is_copied);
    void bind_integer(int at, std::int64_t value);
    void bind_null(int at);
    template <typename Value>
    void bind(int at, const std::optional<Value>& value)
    {
        if (value) bind(at, *value);
        else bind_null(at);
    }
    Database& database_;
    sqlite3_stmt* handle_ = nullptr;
};

}  // namespace mbx::trace
