// SQLite on a disk that fails: a VFS in front of the store's whose n-th write, sync, read or lock answers an error. Stands under its
// name while it lives; one at a time, one thread. Databases opened meanwhile must be closed before it dies.
#pragma once

#include <sqlite3.h>

#include <cstring>
#include <new>

#include "store/database_files.hpp"

namespace mbx::test {

class SqliteFaults {
public:
    enum class At : unsigned { write, sync, read, lock };

    SqliteFaults()
    {
        real_ = sqlite3_vfs_find(store::database_files());
        current_ = this;
        vfs_ = *real_;
        vfs_.szOsFile = static_cast<int>(sizeof(Faulty)) + real_->szOsFile;
        vfs_.xOpen = &open;
        vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };  // who waits for a lock waits for nothing
        sqlite3_vfs_register(&vfs_, 0);  // found before those that were there
    }
    SqliteFaults(const SqliteFaults&) = delete;
    SqliteFaults& operator=(const SqliteFaults&) = delete;
    ~SqliteFaults()
    {
        sqlite3_vfs_unregister(&vfs_);
        current_ = nullptr;
    }

    // The n-th such call from now on (1: the next), and all behind it until heal().
    void fail_at(unsigned n, At at, int code)
    {
        left_ = n;
        at_ = at;
        code_ = code;
        has_failed_ = false;
    }
    void heal() { left_ = 0; }
    bool has_failed() const { return has_failed_; }

private:
    struct Faulty {
        sqlite3_file base;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };
    static Faulty* of(sqlite3_file* file) { return reinterpret_cast<Faulty*>(file); }
    static sqlite3_file* real(sqlite3_file* file) { return of(file)->real(); }

    bool fails(At at)
    {
        if (left_ == 0 || at != at_) return false;
        if (left_ > 1) {
            --left_;
            return false;
        }
        has_failed_ = true;
        return true;
    }

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out)
    {
        static const sqlite3_io_methods kMethods = make_methods();
        file->pMethods = nullptr;
        const int code = current_->real_->xOpen(current_->real_, name, real(file), flags, out);
        if (code == SQLITE_OK) file->pMethods = &kMethods;
        return code;
    }
    static sqlite3_io_methods make_methods()
    {
        sqlite3_io_methods m{};
        m.iVersion = 1;
        m.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
        m.xRead = [](sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
            if (current_->fails(At::read)) return current_->code_;
            return real(f)->pMethods->xRead(real(f), into, size, at);
        };
        m.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
            if (current_->fails(At::write)) return current_->code_;
            return real(f)->pMethods->xWrite(real(f), from, size, at);
        };
        m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); };
        m.xSync = [](sqlite3_file* f, int flags) {
            if (current_->fails(At::sync)) return current_->code_;
            return real(f)->pMethods->xSync(real(f), flags);
        };
        m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); };
        m.xLock = [](sqlite3_file* f, int level) {
            if (current_->fails(At::lock)) return current_->code_;
            return real(f)->pMethods->xLock(real(f), level);
        };
        m.xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); };
        m.xCheckReservedLock = [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); };
        m.xFileControl = [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); };
        m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
        m.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
        return m;
    }

    static inline SqliteFaults* current_ = nullptr;
    sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs vfs_{};
    unsigned left_ = 0;
    At at_ = At::write;
    int code_ = SQLITE_IOERR;
    bool has_failed_ = false;
};

}  // namespace mbx::test
