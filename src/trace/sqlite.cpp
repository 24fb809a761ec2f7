#include "trace/sqlite.hpp"

#include <sqlite3.h>

#include "trace/folding.hpp"

namespace mbx::trace {

namespace {

// fold(text): for a search of subjects that disregards case beyond ASCII too.
void fold_function(sqlite3_context* context, int, sqlite3_value** values)
{
    const auto* bytes = sqlite3_value_text(values[0]);
    const int size = sqlite3_value_bytes(values[0]);
    if (bytes == nullptr) return;
    const std::string folded = fold_case({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    sqlite3_result_text(context, folded.data(), static_cast<int>(folded.size()), SQLITE_TRANSIENT);
}

}  // namespace

Database::Database(const std::string& path, OpenMode mode)
{
    const int access = mode == OpenMode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    note(sqlite3_open_v2(path.c_str(), &handle_, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
                         nullptr));
    if (handle_ == nullptr || has_failed()) return;
    constexpr int kPatience = 2000;  // ms: an administrator's SQL may hold the file for a moment
    sqlite3_busy_timeout(handle_, kPatience);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // What a damaged or strange schema could call.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    note(sqlite3_create_function_v2(handle_, "fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, fold_function, nullptr,
                                    nullptr, nullptr));
}

Database::~Database() { sqlite3_close(handle_); }

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), error_(std::exchange(other.error_, 0)),
      message_(std::move(other.message_))
{
}

Database& Database::operator=(Database&& other) noexcept
{
    std::swap(handle_, other.handle_);
    std::swap(error_, other.error_);
    std::swap(message_, other.message_);
    return *this;
}

void Database::execute(const char* sql)
{
    if (handle_ == nullptr || has_failed()) return;
    note(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

std::int64_t Database::number(const char* sql)
{
    Statement statement(*this, sql);
    return statement.next() ? statement.integer(0) : 0;
}

std::int64_t Database::changed_rows() const { return handle_ == nullptr ? 0 : sqlite3_changes64(handle_); }

std::int64_t Database::last_row() const { return handle_ == nullptr ? 0 : sqlite3_last_insert_rowid(handle_); }

int Database::take_error() { return std::exchange(error_, 0); }

int Database::is_overdue(void* self)
{
    const auto& deadline = static_cast<Database*>(self)->deadline_;
    return deadline && std::chrono::steady_clock::now() > *deadline ? 1 : 0;
}

void Database::set_deadline(std::optional<std::chrono::steady_clock::time_point> deadline)
{
    deadline_ = deadline;
    if (handle_ == nullptr) return;
    constexpr int kSteps = 10'000;  // of SQLite's machine, some tens of microseconds
    sqlite3_progress_handler(handle_, deadline ? kSteps : 0, deadline ? &Database::is_overdue : nullptr, this);
}

void Database::note(int code)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE || has_failed()) return;
    error_ = code;
    message_ = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
}

bool is_damage(int error)
{
    const int primary = error & 0xff;
    // ERROR: a table or column is not there, so the schema is none of ours.
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR || primary == SQLITE_MISMATCH;
}

bool is_interrupted(int error) { return (error & 0xff) == SQLITE_INTERRUPT; }

Statement::Statement(Database& database, std::string_view sql) : database_(database)
{
    if (database.handle_ == nullptr || database.has_failed()) return;
    database.note(sqlite3_prepare_v3(database.handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                     &handle_, nullptr));
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind_integer(int at, std::int64_t value)
{
    if (handle_ != nullptr) database_.note(sqlite3_bind_int64(handle_, at, value));
}

void Statement::bind_null(int at)
{
    if (handle_ != nullptr) database_.note(sqlite3_bind_null(handle_, at));
}

void Statement::bind_text(int at, std::string_view value, bool is_copied)
{
    if (handle_ == nullptr) return;
    const char* data = value.empty() ? "" : value.data();
    database_.note(sqlite3_bind_text(handle_, at, data, static_cast<int>(value.size()), is_copied ? SQLITE_TRANSIENT : SQLITE_STATIC));
}

bool Statement::next()
{
    if (handle_ == nullptr || database_.has_failed()) return false;
    const int code = sqlite3_step(handle_);
    database_.note(code);
    return code == SQLITE_ROW;
}

std::int64_t Statement::integer(int column) const { return handle_ == nullptr ? 0 : sqlite3_column_int64(handle_, column); }

std::string Statement::text(int column) const
{
    if (handle_ == nullptr) return {};
    const auto* bytes = sqlite3_column_text(handle_, column);
    const int size = sqlite3_column_bytes(handle_, column);
    return bytes == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const
{
    return handle_ == nullptr || sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void Statement::reset()
{
    if (handle_ != nullptr) sqlite3_reset(handle_);
}

}  // namespace mbx::trace
