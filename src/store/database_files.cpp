#include "store/database_files.hpp"

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>

namespace mbx::store {

namespace {

std::atomic<std::size_t> open_files{0};

sqlite3_vfs* real_vfs() { return sqlite3_vfs_find(nullptr); }

// What tells whether somebody else had a file in hand.
struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    std::int64_t seconds;
    std::int64_t nanoseconds;
    bool operator==(const Stamp&) const = default;
};

std::optional<Stamp> stamp_of(const char* path)
{
    struct stat info {};
    if (::stat(path, &info) != 0) return std::nullopt;
    return Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

class DatabaseFile {
public:
    // SQLite keeps `name` where it is until the file is closed.
    DatabaseFile(const char* name, int flags) : vfs_(real_vfs()), name_(name), flags_(flags)
    {
        memory_ = std::make_unique<std::byte[]>(static_cast<std::size_t>(vfs_->szOsFile));
    }
    DatabaseFile(const DatabaseFile&) = delete;
    DatabaseFile& operator=(const DatabaseFile&) = delete;
    ~DatabaseFile() { close(); }

    int open(int flags, int* out)
    {
        real()->pMethods = nullptr;
        const int code = vfs_->xOpen(vfs_, name_, real(), flags, out);
        is_open_ = code == SQLITE_OK;
        if (is_open_ && is_counted()) open_files.fetch_add(1, std::memory_order_relaxed);
        // What could not be opened wants to be closed all the same as soon as it has methods.
        if (!is_open_ && real()->pMethods != nullptr) (void)real()->pMethods->xClose(real());
        return code;
    }

    int close()
    {
        if (!is_open_) return SQLITE_OK;
        is_open_ = false;
        if (is_counted()) open_files.fetch_sub(1, std::memory_order_relaxed);
        return real()->pMethods->xClose(real());
    }

    void let_go()
    {
        const bool is_settled = level_ == SQLITE_LOCK_NONE || level_ == SQLITE_LOCK_SHARED || level_ == SQLITE_LOCK_EXCLUSIVE;
        if (!is_open_ || !is_counted() || !is_settled) return;
        left_ = stamp_of(name_);
        if (left_) (void)close();
    }

    int take_up()
    {
        if (is_open_) return SQLITE_OK;
        const auto now = stamp_of(name_);
        if (!now && errno != ENOENT) return SQLITE_IOERR_FSTAT;
        if (now != left_) return SQLITE_CORRUPT;
        // With SQLITE_OPEN_CREATE the first sync is one of the directory as well.
        const int kept = has_synced_ ? flags_ & ~SQLITE_OPEN_CREATE : flags_;
        if (const int code = open(kept & ~SQLITE_OPEN_EXCLUSIVE, nullptr); code != SQLITE_OK) return code;
        const int code = lock_again();
        if (code != SQLITE_OK) (void)close();
        return code;
    }

    int lock(int level)
    {
        if (const int code = take_up(); code != SQLITE_OK) return code;
        const int code = real()->pMethods->xLock(real(), level);
        if (code == SQLITE_OK) level_ = level;
        return code;
    }
    int unlock(int level)
    {
        level_ = level;
        return is_open_ ? real()->pMethods->xUnlock(real(), level) : SQLITE_OK;
    }
    int sync(int flags)
    {
        if (const int code = take_up(); code != SQLITE_OK) return code;
        const int code = real()->pMethods->xSync(real(), flags);
        has_synced_ = has_synced_ || code == SQLITE_OK;
        return code;
    }
    int sector_size()
    {
        if (sector_size_ < 0 && take_up() == SQLITE_OK) sector_size_ = real()->pMethods->xSectorSize(real());
        return sector_size_ < 0 ? kUsualSector : sector_size_;
    }
    int characteristics()
    {
        if (characteristics_ < 0 && take_up() == SQLITE_OK) characteristics_ = real()->pMethods->xDeviceCharacteristics(real());
        return characteristics_ < 0 ? 0 : characteristics_;
    }

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

private:
    static constexpr int kUsualSector = 4096;

    bool is_counted() const { return (flags_ & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0; }

    int lock_again()
    {
        if (level_ == SQLITE_LOCK_NONE) return SQLITE_OK;
        const int code = real()->pMethods->xLock(real(), SQLITE_LOCK_SHARED);
        if (code != SQLITE_OK || level_ == SQLITE_LOCK_SHARED) return code;
        return real()->pMethods->xLock(real(), level_);
    }

    sqlite3_vfs* vfs_;
    const char* name_;
    int flags_;
    std::unique_ptr<std::byte[]> memory_;  // of the real file
    bool is_open_ = false;
    bool has_synced_ = false;
    int level_ = SQLITE_LOCK_NONE;
    int sector_size_ = -1;      // not asked for yet
    int characteristics_ = -1;
    std::optional<Stamp> left_;  // as it was when it was let go of
};

// What SQLite sees of it.
struct Handle {
    sqlite3_file base;
    DatabaseFile* file;
};

DatabaseFile& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->file; }

sqlite3_io_methods make_methods()
{
    sqlite3_io_methods m{};
    m.iVersion = 1;  // without shared memory, which nobody needs who has the file alone
    m.xClose = [](sqlite3_file* f) {
        const std::unique_ptr<DatabaseFile> last(&of(f));
        f->pMethods = nullptr;
        return last->close();
    };
    m.xRead = [](sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
        if (const int code = of(f).take_up(); code != SQLITE_OK) return code;
        return of(f).real()->pMethods->xRead(of(f).real(), into, size, at);
    };
    m.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
        if (const int code = of(f).take_up(); code != SQLITE_OK) return code;
        return of(f).real()->pMethods->xWrite(of(f).real(), from, size, at);
    };
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        if (const int code = of(f).take_up(); code != SQLITE_OK) return code;
        return of(f).real()->pMethods->xTruncate(of(f).real(), size);
    };
    m.xSync = [](sqlite3_file* f, int flags) { return of(f).sync(flags); };
    m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        if (const int code = of(f).take_up(); code != SQLITE_OK) return code;
        return of(f).real()->pMethods->xFileSize(of(f).real(), size);
    };
    m.xLock = [](sqlite3_file* f, int level) { return of(f).lock(level); };
    m.xUnlock = [](sqlite3_file* f, int level) { return of(f).unlock(level); };
    m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        if (const int code = of(f).take_up(); code != SQLITE_OK) return code;
        return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), out);
    };
    m.xFileControl = [](sqlite3_file* f, int what, void* argument) {
        if (of(f).take_up() != SQLITE_OK) return SQLITE_NOTFOUND;
        return of(f).real()->pMethods->xFileControl(of(f).real(), what, argument);
    };
    m.xSectorSize = [](sqlite3_file* f) { return of(f).sector_size(); };
    m.xDeviceCharacteristics = [](sqlite3_file* f) { return of(f).characteristics(); };
    return m;
}

const sqlite3_io_methods kMethods = make_methods();

int open_file(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* into, int flags, int* out)
{
    into->pMethods = nullptr;
    auto file = std::make_unique<DatabaseFile>(name, flags);
    const int code = file->open(flags, out);
    if (code != SQLITE_OK) return code;
    reinterpret_cast<Handle*>(into)->file = file.release();
    into->pMethods = &kMethods;
    return SQLITE_OK;
}

sqlite3_vfs make_vfs()
{
    sqlite3_vfs vfs{};
    vfs.iVersion = 1;
    vfs.szOsFile = static_cast<int>(sizeof(Handle));
    vfs.mxPathname = real_vfs()->mxPathname;
    vfs.zName = "mailboxd";
    vfs.xOpen = open_file;
    vfs.xDelete = [](sqlite3_vfs*, const char* name, int sync) { return real_vfs()->xDelete(real_vfs(), name, sync); };
    vfs.xAccess = [](sqlite3_vfs*, const char* name, int flags, int* out) {
        return real_vfs()->xAccess(real_vfs(), name, flags, out);
    };
    vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
        return real_vfs()->xFullPathname(real_vfs(), name, size, out);
    };
    vfs.xRandomness = [](sqlite3_vfs*, int size, char* out) { return real_vfs()->xRandomness(real_vfs(), size, out); };
    vfs.xSleep = [](sqlite3_vfs*, int microseconds) { return real_vfs()->xSleep(real_vfs(), microseconds); };
    vfs.xCurrentTime = [](sqlite3_vfs*, double* out) { return real_vfs()->xCurrentTime(real_vfs(), out); };
    vfs.xGetLastError = [](sqlite3_vfs*, int size, char* out) { return real_vfs()->xGetLastError(real_vfs(), size, out); };
    return vfs;
}

// The database itself, and its log where it has one.
std::array<DatabaseFile*, 2> files_of(sqlite3* database)
{
    std::array<DatabaseFile*, 2> files{};
    std::size_t at = 0;
    for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
        sqlite3_file* file = nullptr;
        const int code = sqlite3_file_control(database, "main", which, static_cast<void*>(&file));
        if (code == SQLITE_OK && file != nullptr && file->pMethods == &kMethods) files[at] = &of(file);
        ++at;
    }
    return files;
}

}  // namespace

const char* database_files()
{
    static sqlite3_vfs vfs = make_vfs();
    static const int registered = sqlite3_vfs_register(&vfs, 0);
    return registered == SQLITE_OK ? vfs.zName : nullptr;
}

std::size_t open_database_files() { return open_files.load(std::memory_order_relaxed); }

void let_go_of_files(sqlite3* database)
{
    for (DatabaseFile* file : files_of(database)) {
        if (file != nullptr) file->let_go();
    }
}

int take_up_files(sqlite3* database)
{
    for (DatabaseFile* file : files_of(database)) {
        const int code = file != nullptr ? file->take_up() : SQLITE_OK;
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

}  // namespace mbx::store
