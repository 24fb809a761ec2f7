#include "store/sqlite.hpp"

#include <utility>

#include "store/database_files.hpp"

namespace mbx::store {

void set_no_pages_aside() { (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0); }

Database::Database(const std::string& path)
{
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                           SQLITE_OPEN_EXRESCODE;
    note(sqlite3_open_v2(path.c_str(), &handle_, kFlags, database_files()));
    if (handle_ == nullptr || has_failed()) return;
    constexpr int kPatience = 5000;  // ms: somebody else's SQL may hold the file for a moment
    sqlite3_busy_timeout(handle_, kPatience);
    // A thousand accounts are open at once: what SQLite sets aside for each (48 KiB) is more than all the rest of it.
    constexpr int kLookasideBytes = 128;
    constexpr int kLookasideSlots = 64;
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_LOOKASIDE, nullptr, kLookasideBytes, kLookasideSlots);
    // Closing must not wait for the disk: it may happen on the loop.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
}

Database::~Database() { sqlite3_close(handle_); }

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), error_(std::exchange(other.error_, SQLITE_OK)),
      message_(std::move(other.message_)), has_let_go_(std::exchange(other.has_let_go_, false))
{
}

Database& Database::operator=(Database&& other) noexcept
{
    std::swap(handle_, other.handle_);
    std::swap(error_, other.error_);
    std::swap(message_, other.message_);
    std::swap(has_let_go_, other.has_let_go_);
    return *this;
}

void Database::execute(const char* sql)
{
    if (handle_ == nullptr || has_failed() || !take_up_files()) return;
    note(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

void Database::release_memory()
{
    if (handle_ != nullptr) (void)sqlite3_db_release_memory(handle_);
}

void Database::let_go_of_files()
{
    if (handle_ == nullptr) return;
    store::let_go_of_files(handle_);
    has_let_go_ = true;
}

bool Database::take_up_files()
{
    if (!has_let_go_) return true;
    const int code = store::take_up_files(handle_);
    has_let_go_ = code != SQLITE_OK;
    note(code);
    if (code != SQLITE_OK) message_ = sqlite3_errstr(code);
    return code == SQLITE_OK;
}

std::int64_t Database::pragma_number(const char* sql)
{
    Statement statement(*this, sql);
    auto rows = statement.rows();
    return rows.next() ? rows.integer(0) : 0;
}

int Database::take_error() { return std::exchange(error_, SQLITE_OK); }

void Database::note(int code)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE || has_failed()) return;
    error_ = code;
    message_ = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::bind_integer(int at, std::int64_t value)
{
    if (handle_ != nullptr) database_.note(sqlite3_bind_int64(handle_, at, value));
}

void Statement::bind(int at, std::string_view value)
{
    // Read before the caller's text can change: the statement is executed at once.
    if (handle_ == nullptr) return;
    const char* data = value.empty() ? "" : value.data();
    database_.note(sqlite3_bind_text(handle_, at, data, static_cast<int>(value.size()), SQLITE_STATIC));
}

void Statement::bind(int at, Blob value)
{
    if (handle_ == nullptr) return;
    // A null pointer would bind NULL, which an empty text has.
    const char* data = value.bytes.empty() ? "" : value.bytes.data();
    database_.note(sqlite3_bind_blob(handle_, at, data, static_cast<int>(value.bytes.size()), SQLITE_STATIC));
}

// What is not bound is NULL, not what the execution before had there.
void Statement::prepare()
{
    // All files of a database at once: SQLite may want the log alone, and would write there without the lock on the other.
    if (database_.handle_ == nullptr || database_.has_failed() || !database_.take_up_files()) return;
    if (handle_ != nullptr) {
        sqlite3_clear_bindings(handle_);
    } else {
        database_.note(
            sqlite3_prepare_v3(database_.handle_, sql_, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
    }
}

bool Statement::step()
{
    if (handle_ == nullptr || database_.has_failed()) return false;
    const int code = sqlite3_step(handle_);
    database_.note(code);
    return code == SQLITE_ROW;
}

void Statement::reset()
{
    if (handle_ != nullptr) sqlite3_reset(handle_);
}

std::int64_t Statement::Rows::integer(int column) const { return sqlite3_column_int64(statement_.handle_, column); }

std::string_view Statement::Rows::text(int column) const
{
    const unsigned char* bytes = sqlite3_column_text(statement_.handle_, column);
    if (bytes == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.handle_, column));
    return {reinterpret_cast<const char*>(bytes), size};
}

std::string_view Statement::Rows::blob(int column) const
{
    const void* bytes = sqlite3_column_blob(statement_.handle_, column);
    if (bytes == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.handle_, column));
    return {static_cast<const char*>(bytes), size};
}

bool Statement::Rows::is_null(int column) const
{
    return sqlite3_column_type(statement_.handle_, column) == SQLITE_NULL;
}

}  // namespace mbx::store
