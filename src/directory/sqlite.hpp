// SQLite behind RAII and Result. Private to directory/. A Database belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace mbx::directory {

struct SqlFailure {
    int code = 0;         // SQLite's extended result code
    std::string message;  // "disk I/O error"
};

class Statement;

class Database {
public:
    // Makes the file (mode 0600) when it is absent.
    static Result<Database, SqlFailure> open(const std::string& path);
    Database(Database&&) noexcept = default;
    Database& operator=(Database&&) noexcept = default;

    Result<void, SqlFailure> execute(const char* sql);  // one or more statements without values
    Statement prepare(std::string_view sql);
    SqlFailure failure() const;  // of the last call
    std::int64_t last_row_id() const;
    std::int64_t changed_rows() const;

private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    explicit Database(sqlite3* handle) : handle_(handle) {}
    std::unique_ptr<sqlite3, Close> handle_;
};

// Values are bound in the order of the question marks. A failure to prepare or to bind comes out of step().
class Statement {
public:
    Statement(Statement&&) noexcept = default;

    Statement& bind(std::int64_t value);
    Statement& bind(std::string_view value);
    // True when there is a row, false when it is done.
    Result<bool, SqlFailure> step();

    std::int64_t integer(int column) const;
    std::string text(int column) const;

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const;
    };
    Statement(Database& database, sqlite3_stmt* handle, int code) : database_(&database), handle_(handle), code_(code) {}
    Database* database_;
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
    int code_;
    int bound_ = 0;
};

// Rolls back unless committed.
class Transaction {
public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    const Result<void, SqlFailure>& begun() const { return begun_; }
    Result<void, SqlFailure> commit();

private:
    Database& database_;
    Result<void, SqlFailure> begun_;
    bool is_open_;
};

}  // namespace mbx::directory
