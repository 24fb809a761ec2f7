// SQLite, as far as the store needs it. One thread at a time.
//
// Errors stick: after the first failing call of a Database all others do nothing until take_error(), so a batch is
// written as a plain sequence and asked once how it went. No return code can be overlooked (HOSTILE row F8).
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::store {

// Bytes for a column of type BLOB; seen as they are until the statement has run.
struct Blob {
    std::string_view bytes;
};

// Of the whole process, before it opens any database: SQLite otherwise sets 20 pages (87 KiB) aside for each one when it is
// opened, and a thousand accounts are open at once with five pages in use.
void set_no_pages_aside();

class Database {
public:
    Database() = default;
    // Opens or creates; an error shows in take_error().
    explicit Database(const std::string& path);
    ~Database();
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;

    void execute(const char* sql);
    void release_memory();  // gives back the pages that are only kept for later
    // The descriptors of its files, given back until the next statement (database_files.hpp), and taken up before that: false, and
    // an error, where that is not possible. Neither in the middle of a statement.
    void let_go_of_files();
    bool take_up_files();
    std::int64_t pragma_number(const char* sql);  // the first column of the first row
    // The first error since the last call, SQLITE_OK for none.
    int take_error();
    bool has_failed() const { return error_ != SQLITE_OK; }
    bool is_in_transaction() const { return handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0; }
    const std::string& last_message() const { return message_; }

private:
    friend class Statement;
    void note(int code);
    sqlite3* handle_ = nullptr;
    int error_ = SQLITE_OK;
    std::string message_;
    bool has_let_go_ = false;
};

// A statement, prepared when it is first used and kept for the life of its Database, which stays where it is meanwhile: an
// account that only takes mail in costs the memory and the time of a few of them. The text of `sql` outlives it.
class Statement {
public:
    Statement(Database& database, const char* sql) : database_(database), sql_(sql) {}
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // The rows of one execution; ends it when it dies. Text lives until the next next().
    class Rows {
    public:
        explicit Rows(Statement& statement) : statement_(statement) {}
        Rows(const Rows&) = delete;
        Rows& operator=(const Rows&) = delete;
        ~Rows() { statement_.reset(); }
        bool next() { return statement_.step(); }
        std::int64_t integer(int column) const;
        std::string_view text(int column) const;
        std::string_view blob(int column) const;
        bool is_null(int column) const;

    private:
        Statement& statement_;
    };

    template <typename... Values>
    Rows rows(const Values&... values)
    {
        prepare();
        int at = 0;
        (bind(++at, values), ...);
        return Rows(*this);
    }
    template <typename... Values>
    void run(const Values&... values)
    {
        Rows executed = rows(values...);
        while (executed.next()) {
        }
    }

private:
    template <std::integral Number>
    void bind(int at, Number value)
    {
        bind_integer(at, static_cast<std::int64_t>(value));
    }
    void bind(int at, std::string_view value);
    void bind(int at, Blob value);
    template <typename Value>
    void bind(int at, const std::optional<Value>& value)  // none: NULL
    {
        if (value) bind(at, *value);
    }
    void bind_integer(int at, std::int64_t value);
    void prepare();
    bool step();
    void reset();
    Database& database_;
    const char* sql_;
    sqlite3_stmt* handle_ = nullptr;
};

}  // namespace mbx::store
