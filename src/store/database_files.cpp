#include "store/database_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

namespace mbx::store {

namespace {

std::atomic<std::size_t> open_files{0};

// Where SQLite's lock lies in a file; other programs keep to it as well.
constexpr off_t kPendingByte = 0x40000000;
constexpr off_t kReservedByte = kPendingByte + 1;
constexpr off_t kSharedFirst = kPendingByte + 2;
constexpr off_t kSharedSize = 510;

constexpr mode_t kFileMode = 0600;
constexpr int kSectorSize = 4096;

// What tells whether somebody else had a file in hand.
struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    std::int64_t seconds;
    std::int64_t nanoseconds;
    bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const struct stat& info)
{
    return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

int open_again(const char* name, int flags)
{
    while (true) {
        const int descriptor = ::open(name, flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
        if (descriptor >= 0 || errno != EINTR) return descriptor;
    }
}

// A file of our own rather than SQLite's: that one walks through all that are open whenever it opens one, which at 5,000 costs more
// than a delivery. Its locks belong to the open file, not to the process, so they stay whoever else closes the file.
class DatabaseFile {
public:
    // SQLite keeps `name` where it is until the file is closed.
    DatabaseFile(const char* name, int flags) : name_(name), flags_(flags) {}
    DatabaseFile(const DatabaseFile&) = delete;
    DatabaseFile& operator=(const DatabaseFile&) = delete;
    ~DatabaseFile() { close(); }

    int open()
    {
        int how = (flags_ & SQLITE_OPEN_READWRITE) != 0 ? O_RDWR : O_RDONLY;
        if ((flags_ & SQLITE_OPEN_CREATE) != 0) how |= O_CREAT;
        if ((flags_ & SQLITE_OPEN_EXCLUSIVE) != 0) how |= O_EXCL;
        descriptor_ = open_again(name_, how);
        if (descriptor_ < 0) return errno == EISDIR ? SQLITE_CANTOPEN_ISDIR : SQLITE_CANTOPEN;
        open_files.fetch_add(1, std::memory_order_relaxed);
        const bool is_log = (flags_ & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
        // Its name may be new, and is synced with it; a database's own is its owner's business.
        is_name_synced_ = !is_log || (flags_ & SQLITE_OPEN_CREATE) == 0;
        if (is_log) belong_to_database();
        if ((flags_ & SQLITE_OPEN_DELETEONCLOSE) != 0) (void)::unlink(name_);
        return SQLITE_OK;
    }

    void close()
    {
        if (descriptor_ < 0) return;
        (void)::close(descriptor_);
        descriptor_ = -1;
        open_files.fetch_sub(1, std::memory_order_relaxed);
    }

    void let_go()
    {
        struct stat info {};
        const bool is_settled = level_ == SQLITE_LOCK_NONE || level_ == SQLITE_LOCK_SHARED || level_ == SQLITE_LOCK_EXCLUSIVE;
        const bool is_lasting = (flags_ & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
        if (descriptor_ < 0 || !is_settled || !is_lasting || ::fstat(descriptor_, &info) != 0) return;
        left_ = stamp_of(info);
        close();
    }

    int take_up()
    {
        if (descriptor_ >= 0) return SQLITE_OK;
        descriptor_ = open_again(name_, O_RDWR);
        if (descriptor_ < 0) return errno == ENOENT || errno == EISDIR || errno == ELOOP ? SQLITE_CORRUPT : SQLITE_CANTOPEN;
        open_files.fetch_add(1, std::memory_order_relaxed);
        int code = lock_again();
        struct stat info {};
        if (code == SQLITE_OK && ::fstat(descriptor_, &info) != 0) code = SQLITE_IOERR_FSTAT;
        if (code == SQLITE_OK && stamp_of(info) != left_) code = SQLITE_CORRUPT;
        if (code != SQLITE_OK) close();
        return code;
    }

    int read(char* into, std::size_t count, off_t at) const
    {
        while (count != 0) {
            const ssize_t got = ::pread(descriptor_, into, count, at);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return SQLITE_IOERR_READ;
            if (got == 0) {
                std::memset(into, 0, count);
                return SQLITE_IOERR_SHORT_READ;
            }
            into += got;
            at += got;
            count -= static_cast<std::size_t>(got);
        }
        return SQLITE_OK;
    }

    int write(const char* from, std::size_t count, off_t at) const
    {
        while (count != 0) {
            const ssize_t put = ::pwrite(descriptor_, from, count, at);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
            from += put;
            at += put;
            count -= static_cast<std::size_t>(put);
        }
        return SQLITE_OK;
    }

    int truncate(off_t size) const { return ::ftruncate(descriptor_, size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE; }

    int sync()
    {
        if (::fdatasync(descriptor_) != 0) return SQLITE_IOERR_FSYNC;
        if (!is_name_synced_) is_name_synced_ = sync_directory();
        return is_name_synced_ ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
    }

    int size(sqlite3_int64& into) const
    {
        struct stat info {};
        if (::fstat(descriptor_, &info) != 0) return SQLITE_IOERR_FSTAT;
        into = info.st_size;
        return SQLITE_OK;
    }

    int lock(int level)
    {
        if (level_ >= level) return SQLITE_OK;
        int code = SQLITE_OK;
        if (level_ == SQLITE_LOCK_NONE) code = lock_shared();
        if (code == SQLITE_OK && level >= SQLITE_LOCK_RESERVED && level_ < SQLITE_LOCK_RESERVED) {
            code = put_lock(F_WRLCK, kReservedByte, 1);
            if (code == SQLITE_OK) level_ = SQLITE_LOCK_RESERVED;
        }
        if (code == SQLITE_OK && level == SQLITE_LOCK_EXCLUSIVE) code = lock_exclusive();
        return code;
    }

    int unlock(int level)
    {
        if (level_ <= level) return SQLITE_OK;
        level_ = level;
        if (descriptor_ < 0) return SQLITE_OK;
        if (level == SQLITE_LOCK_NONE) return put_lock(F_UNLCK, kPendingByte, kSharedFirst + kSharedSize - kPendingByte);
        const int code = put_lock(F_RDLCK, kSharedFirst, kSharedSize);
        return code == SQLITE_OK ? put_lock(F_UNLCK, kPendingByte, 2) : code;
    }

    // Whether somebody, we ourselves included, is about to write.
    bool is_reserved() const
    {
        struct flock wanted = range(F_WRLCK, kReservedByte, 1);
        return level_ > SQLITE_LOCK_SHARED || (::fcntl(descriptor_, F_OFD_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK);
    }

private:
    // A log is for whom its database is, also where an administrator's command makes it.
    void belong_to_database() const
    {
        std::string database = name_;
        database.resize(std::min(database.rfind('-'), database.size()));
        struct stat theirs {};
        struct stat ours {};
        if (::stat(database.c_str(), &theirs) != 0 || ::fstat(descriptor_, &ours) != 0) return;
        if (ours.st_uid != theirs.st_uid || ours.st_gid != theirs.st_gid) (void)!::fchown(descriptor_, theirs.st_uid, theirs.st_gid);
        if (ours.st_mode != theirs.st_mode) (void)!::fchmod(descriptor_, theirs.st_mode & ALLPERMS);
    }

    static struct flock range(int type, off_t first, off_t size)
    {
        struct flock lock {};
        lock.l_type = static_cast<short>(type);
        lock.l_whence = SEEK_SET;
        lock.l_start = first;
        lock.l_len = size;
        return lock;
    }

    int put_lock(int type, off_t first, off_t size) const
    {
        struct flock wanted = range(type, first, size);
        if (::fcntl(descriptor_, F_OFD_SETLK, &wanted) == 0) return SQLITE_OK;
        return errno == EAGAIN || errno == EACCES || errno == EINTR ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    }

    // Who waits for readers to go (pending) lets no new ones in.
    int lock_shared()
    {
        int code = put_lock(F_RDLCK, kPendingByte, 1);
        if (code != SQLITE_OK) return code;
        code = put_lock(F_RDLCK, kSharedFirst, kSharedSize);
        (void)put_lock(F_UNLCK, kPendingByte, 1);
        if (code == SQLITE_OK) level_ = SQLITE_LOCK_SHARED;
        return code;
    }

    int lock_exclusive()
    {
        if (level_ < SQLITE_LOCK_PENDING) {
            if (const int code = put_lock(F_WRLCK, kPendingByte, 1); code != SQLITE_OK) return code;
            level_ = SQLITE_LOCK_PENDING;
        }
        const int code = put_lock(F_WRLCK, kSharedFirst, kSharedSize);
        if (code == SQLITE_OK) level_ = SQLITE_LOCK_EXCLUSIVE;
        return code;
    }

    // All bytes at once: the level that it had.
    int lock_again() const
    {
        if (level_ == SQLITE_LOCK_NONE) return SQLITE_OK;
        if (level_ == SQLITE_LOCK_SHARED) return put_lock(F_RDLCK, kSharedFirst, kSharedSize);
        return put_lock(F_WRLCK, kPendingByte, kSharedFirst + kSharedSize - kPendingByte);
    }

    bool sync_directory() const
    {
        std::string directory = name_;
        directory.resize(directory.rfind('/') + 1);
        const int descriptor = open_again(directory.c_str(), O_RDONLY | O_DIRECTORY);
        if (descriptor < 0) return false;
        const bool is_synced = ::fsync(descriptor) == 0;
        (void)::close(descriptor);
        return is_synced;
    }

    const char* name_;
    int flags_;
    int descriptor_ = -1;
    bool is_name_synced_ = true;
    int level_ = SQLITE_LOCK_NONE;
    std::optional<Stamp> left_;  // as it was when it was let go of
};

// What SQLite sees of it.
struct Handle {
    sqlite3_file base;
    DatabaseFile* file;
};

DatabaseFile& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->file; }

// `act(file)`, with the file open.
template <typename Act>
int with_open(sqlite3_file* handle, Act act)
{
    DatabaseFile& file = of(handle);
    const int code = file.take_up();
    return code == SQLITE_OK ? act(file) : code;
}

sqlite3_io_methods make_methods()
{
    sqlite3_io_methods m{};
    m.iVersion = 1;  // without shared memory, which nobody needs who has the file alone
    m.xClose = [](sqlite3_file* f) {
        const std::unique_ptr<DatabaseFile> last(&of(f));
        f->pMethods = nullptr;
        return SQLITE_OK;
    };
    m.xRead = [](sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
        return with_open(f, [=](const DatabaseFile& file) { return file.read(static_cast<char*>(into), static_cast<std::size_t>(size), at); });
    };
    m.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
        return with_open(f, [=](const DatabaseFile& file) { return file.write(static_cast<const char*>(from), static_cast<std::size_t>(size), at); });
    };
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return with_open(f, [=](const DatabaseFile& file) { return file.truncate(size); });
    };
    m.xSync = [](sqlite3_file* f, int) { return with_open(f, [](DatabaseFile& file) { return file.sync(); }); };
    m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return with_open(f, [=](const DatabaseFile& file) { return file.size(*size); });
    };
    m.xLock = [](sqlite3_file* f, int level) {
        return with_open(f, [=](DatabaseFile& file) { return file.lock(level); });
    };
    m.xUnlock = [](sqlite3_file* f, int level) { return of(f).unlock(level); };
    m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return with_open(f, [=](const DatabaseFile& file) {
            *out = file.is_reserved() ? 1 : 0;
            return SQLITE_OK;
        });
    };
    m.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
    m.xSectorSize = [](sqlite3_file*) { return kSectorSize; };
    // As SQLite's own says of file systems in use now: a write changes nothing but its own bytes, even when the power goes.
    m.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
    return m;
}

const sqlite3_io_methods kMethods = make_methods();

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* into, int flags, int* out)
{
    into->pMethods = nullptr;
    // Without a name: a file for the time being, which is nobody's business here.
    auto* real = static_cast<sqlite3_vfs*>(vfs->pAppData);
    if (name == nullptr) return real->xOpen(real, name, into, flags, out);
    auto file = std::make_unique<DatabaseFile>(name, flags);
    const int code = file->open();
    if (code != SQLITE_OK) return code;
    reinterpret_cast<Handle*>(into)->file = file.release();
    into->pMethods = &kMethods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
}

// All but the files themselves is as SQLite has it.
sqlite3_vfs make_vfs()
{
    sqlite3_vfs* real = sqlite3_vfs_find("unix");
    sqlite3_vfs vfs = *real;
    vfs.pNext = nullptr;
    vfs.zName = "mailboxd";
    vfs.pAppData = real;
    vfs.szOsFile = std::max(static_cast<int>(sizeof(Handle)), real->szOsFile);
    vfs.xOpen = open_file;
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
