#include "directory/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mbx::directory {
namespace {

constexpr int kBusyMilliseconds = 10'000;  // an administrator's sqlite3 shell may hold the lock for a moment

// SQLite would make the file by the umask; it holds password hashes. The name is made durable with it.
Result<void, SqlFailure> make_file(const std::string& path)
{
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0 && errno == EEXIST) return {};
    if (descriptor < 0) return SqlFailure{SQLITE_CANTOPEN, std::strerror(errno)};
    ::close(descriptor);
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int parent = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = parent >= 0 && ::fsync(parent) == 0;
    const int cause = errno;
    if (parent >= 0) ::close(parent);
    if (!synced) return SqlFailure{SQLITE_IOERR, std::strerror(cause)};
    return {};
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Result<Database, SqlFailure> Database::open(const std::string& path)
{
    const auto made = make_file(path);
    if (!made) return made.error();
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) return SqlFailure{code, handle ? sqlite3_errmsg(handle) : "out of memory"};
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    // Nothing in a file that somebody put in place may run code of its own: no functions or tables from its schema.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return database;
}

Result<void, SqlFailure> Database::execute(const char* sql)
{
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
    return {};
}

Statement Database::prepare(std::string_view sql)
{
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
    return {*this, handle, code};
}

SqlFailure Database::failure() const
{
    return {sqlite3_extended_errcode(handle_.get()), sqlite3_errmsg(handle_.get())};
}
std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
std::int64_t Database::changed_rows() const { return sqlite3_changes64(handle_.get()); }

Statement& Statement::bind(std::int64_t value)
{
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(handle_.get(), ++bound_, value);
    return *this;
}

Statement& Statement::bind(std::string_view value)
{
    // An empty view may have no address, which SQLite would take for NULL.
    const char* bytes = value.empty() ? "" : value.data();
    if (code_ == SQLITE_OK)
        code_ = sqlite3_bind_text64(handle_.get(), ++bound_, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
}

Result<bool, SqlFailure> Statement::step()
{
    if (code_ != SQLITE_OK) return SqlFailure{code_, sqlite3_errstr(code_)};
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_->failure();
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string Statement::text(int column) const
{
    const auto* bytes = static_cast<const char*>(static_cast<const void*>(sqlite3_column_text(handle_.get(), column)));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
    return bytes ? std::string(bytes, size) : std::string();
}

Transaction::Transaction(Database& database)
    : database_(database), begun_(database.execute("BEGIN IMMEDIATE")), is_open_(static_cast<bool>(begun_))
{
}

Transaction::~Transaction()
{
    // SQLite may have rolled back by itself (a full disk): then this fails, and that is well.
    if (is_open_) (void)database_.execute("ROLLBACK");
}

Result<void, SqlFailure> Transaction::commit()
{
    auto done = database_.execute("COMMIT");
    if (done) is_open_ = false;
    return done;
}

}  // namespace mbx::directory
