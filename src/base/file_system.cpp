#include "base/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace mbx {

namespace {

FileError last_error() { return FileError{errno}; }

FileKind kind_of_mode(mode_t mode)
{
    if (S_ISREG(mode)) return FileKind::regular;
    if (S_ISDIR(mode)) return FileKind::directory;
    return FileKind::other;
}

FileInfo to_info(const struct stat& raw)
{
    FileInfo info;
    info.kind = kind_of_mode(raw.st_mode);
    info.size = static_cast<std::uint64_t>(raw.st_size);
    info.inode = raw.st_ino;
    info.mtime_ns = static_cast<std::int64_t>(raw.st_mtim.tv_sec) * 1'000'000'000 + raw.st_mtim.tv_nsec;
    info.mode = raw.st_mode & 07777U;
    info.links = raw.st_nlink;
    return info;
}

timespec to_timespec(std::int64_t ns)
{
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t seconds = ns / kSecond;
    std::int64_t rest = ns % kSecond;
    if (rest < 0) {
        rest += kSecond;
        --seconds;
    }
    timespec time{};
    time.tv_sec = seconds;
    time.tv_nsec = rest;
    return time;
}

class PosixFile final : public File {
public:
    explicit PosixFile(int descriptor) : descriptor_(descriptor) {}
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;
    ~PosixFile() override { ::close(descriptor_); }

    Result<std::size_t, FileError> read_at(std::uint64_t offset, char* into, std::size_t count) override
    {
        std::size_t done = 0;
        while (done < count) {
            const ssize_t got = ::pread(descriptor_, into + done, count - done, static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return last_error();
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    Result<void, FileError> append(std::string_view bytes) override
    {
        while (!bytes.empty()) {
            const ssize_t wrote = ::write(descriptor_, bytes.data(), bytes.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return last_error();
            // A regular file that takes nothing without an error would loop for ever.
            if (wrote == 0) return FileError{EIO};
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
        }
        return {};
    }

    Result<void, FileError> write_at(std::uint64_t offset, std::string_view bytes) override
    {
        while (!bytes.empty()) {
            const ssize_t wrote = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return last_error();
            if (wrote == 0) return FileError{EIO};
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
            offset += static_cast<std::uint64_t>(wrote);
        }
        return {};
    }

    Result<void, FileError> resize(std::uint64_t size) override
    {
        if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return last_error();
        return {};
    }

    void start_writing() override { (void)::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE); }

    Result<void, FileError> sync_data() override
    {
        // Never tried again: after a failed sync the kernel may call dirty pages clean (HOSTILE row G2).
        if (::fdatasync(descriptor_) != 0) return last_error();
        return {};
    }

    Result<void, FileError> set_mtime(std::int64_t ns) override
    {
        timespec keep{};
        keep.tv_nsec = UTIME_OMIT;
        const std::array<timespec, 2> times{keep, to_timespec(ns)};
        if (::futimens(descriptor_, times.data()) != 0) return last_error();
        return {};
    }

    Result<FileInfo, FileError> info() override
    {
        struct stat raw{};
        if (::fstat(descriptor_, &raw) != 0) return last_error();
        return to_info(raw);
    }

    int descriptor() const override { return descriptor_; }

private:
    int descriptor_;
};

class PosixVolume final : public Volume {
public:
    explicit PosixVolume(int descriptor) : descriptor_(descriptor) {}
    PosixVolume(const PosixVolume&) = delete;
    PosixVolume& operator=(const PosixVolume&) = delete;
    ~PosixVolume() override { ::close(descriptor_); }

    // syncfs alone is not enough: on xfs it forces the log and leaves it to the log's writes to flush the disk. What was
    // written over blocks that were there before (SQLite's log, LMDB) stays in the disk's cache when no change of metadata
    // followed it (tests/fault/flush_test.py on Linux 6.18: after 1,458 of 1,500 calls; ext4 flushes always). A change of
    // metadata that is synced behind it flushes whatever the disk was given until then.
    Result<void, FileError> sync() override
    {
        const std::array<timespec, 2> now{timespec{0, UTIME_OMIT}, timespec{0, UTIME_NOW}};
        const bool is_synced = ::syncfs(descriptor_) == 0 && ::futimens(descriptor_, now.data()) == 0 && ::fsync(descriptor_) == 0;
        if (!is_synced) return last_error();
        return {};
    }

private:
    int descriptor_;
};

std::string parent_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

FileKind kind_of_entry(int directory, const dirent& entry)
{
    switch (entry.d_type) {
    case DT_REG: return FileKind::regular;
    case DT_DIR: return FileKind::directory;
    case DT_UNKNOWN: break;
    default: return FileKind::other;
    }
    struct stat raw{};
    if (::fstatat(directory, entry.d_name, &raw, AT_SYMLINK_NOFOLLOW) != 0) return FileKind::other;
    return kind_of_mode(raw.st_mode);
}

struct DirectoryCloser {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<void, FileError> write_and_sync(FileSystem& files, const std::string& path, std::string_view bytes,
                                       std::uint32_t mode)
{
    auto file = files.create(path, mode);
    if (!file) return file.error();
    if (auto done = (*file)->append(bytes); !done) return done.error();
    return (*file)->sync_data();
}

}  // namespace

std::string FileError::name() const
{
    const char* known = ::strerrorname_np(code);
    return known != nullptr ? known : "error " + std::to_string(code);
}

bool FileError::is_absent() const { return code == ENOENT; }
bool FileError::is_no_space() const { return code == ENOSPC || code == EDQUOT; }

Result<std::unique_ptr<File>, FileError> PosixFileSystem::open_read(const std::string& path)
{
    // O_NONBLOCK: a FIFO that somebody left in a Maildir must not hold us (HOSTILE row F6).
    constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    // The first look at each message would write its inode once more (relatime); of files of others that cannot be had.
    int descriptor = ::open(path.c_str(), kFlags | O_NOATIME);
    if (descriptor < 0 && errno == EPERM) descriptor = ::open(path.c_str(), kFlags);
    if (descriptor < 0) return last_error();
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor));
}

Result<std::unique_ptr<File>, FileError> PosixFileSystem::open_write(const std::string& path, WriteMode mode)
{
    const int extra = mode == WriteMode::durable ? O_DIRECT | O_DSYNC : 0;
    const int descriptor = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | extra);
    if (descriptor < 0) return last_error();
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor));
}

Result<std::unique_ptr<Volume>, FileError> PosixFileSystem::open_volume(const std::string& directory)
{
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return last_error();
    return std::unique_ptr<Volume>(std::make_unique<PosixVolume>(descriptor));
}

Result<std::unique_ptr<File>, FileError> PosixFileSystem::create(const std::string& path, std::uint32_t mode)
{
    const int descriptor =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, static_cast<mode_t>(mode));
    if (descriptor < 0) return last_error();
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor));
}

Result<void, FileError> PosixFileSystem::rename(const std::string& from, const std::string& to)
{
    if (::rename(from.c_str(), to.c_str()) != 0) return last_error();
    return {};
}

Result<void, FileError> PosixFileSystem::link(const std::string& from, const std::string& to)
{
    if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) != 0) return last_error();
    return {};
}

Result<void, FileError> PosixFileSystem::unlink(const std::string& path)
{
    if (::unlink(path.c_str()) != 0) return last_error();
    return {};
}

Result<void, FileError> PosixFileSystem::make_directory(const std::string& path, std::uint32_t mode)
{
    if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) != 0) return last_error();
    return {};
}

Result<void, FileError> PosixFileSystem::remove_directory(const std::string& path)
{
    if (::rmdir(path.c_str()) != 0) return last_error();
    return {};
}

Result<void, FileError> PosixFileSystem::sync_directory(const std::string& path)
{
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return last_error();
    const PosixFile directory(descriptor);
    if (::fsync(descriptor) != 0) return last_error();
    return {};
}

Result<FileInfo, FileError> PosixFileSystem::info(const std::string& path)
{
    struct stat raw{};
    if (::lstat(path.c_str(), &raw) != 0) return last_error();
    return to_info(raw);
}

Result<std::vector<DirectoryEntry>, FileError> PosixFileSystem::list(const std::string& path)
{
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return last_error();
    const std::unique_ptr<DIR, DirectoryCloser> directory(::fdopendir(descriptor));
    if (!directory) {
        const auto error = last_error();
        ::close(descriptor);
        return error;
    }
    std::vector<DirectoryEntry> entries;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr && errno != 0) return last_error();
        if (entry == nullptr) return entries;
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        entries.push_back({std::string(name), kind_of_entry(descriptor, *entry)});
    }
}

Result<SpaceInfo, FileError> PosixFileSystem::space(const std::string& path)
{
    struct statvfs raw{};
    if (::statvfs(path.c_str(), &raw) != 0) return last_error();
    SpaceInfo space;
    space.free_bytes = static_cast<std::uint64_t>(raw.f_bavail) * raw.f_frsize;
    space.total_bytes = static_cast<std::uint64_t>(raw.f_blocks) * raw.f_frsize;
    space.free_inodes = raw.f_files == 0 ? UINT64_MAX : raw.f_favail;  // btrfs counts none
    return space;
}

Result<std::string, FileError> read_whole(FileSystem& files, const std::string& path, std::size_t most)
{
    auto file = files.open_read(path);
    if (!file) return file.error();
    // Not by the size that the file claims: those of /proc claim none.
    constexpr std::size_t kPiece = 16 * 1024;
    std::string bytes;
    while (true) {
        const std::size_t before = bytes.size();
        bytes.resize(before + kPiece);
        const auto got = (*file)->read_at(before, bytes.data() + before, kPiece);
        if (!got) return got.error();
        bytes.resize(before + *got);
        if (bytes.size() > most) return FileError{EFBIG};
        if (*got < kPiece) return bytes;
    }
}

Result<void, FileError> replace_whole(FileSystem& files, const std::string& path, std::string_view bytes,
                                      std::uint32_t mode)
{
    const std::string draft = path + ".new";
    auto written = write_and_sync(files, draft, bytes, mode);
    if (!written && written.error().code == EEXIST) {
        // Left by a crash: we are the only writer of the path.
        if (auto done = files.unlink(draft); !done) return done.error();
        written = write_and_sync(files, draft, bytes, mode);
    }
    if (written) written = files.rename(draft, path);
    if (!written) {
        (void)files.unlink(draft);
        return written.error();
    }
    return files.sync_directory(parent_of(path));
}

}  // namespace mbx
