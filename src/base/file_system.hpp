// The file system enters through here, so that tests can fail or count the n-th call. Paths are absolute or relative to
// the working directory; nothing follows a symbolic link in its last component. Blocking: never on the loop. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mbx {

// errno as a value, with its name for logs ("ENOSPC").
struct FileError {
    int code = 0;
    std::string name() const;
    bool is_absent() const;    // ENOENT
    bool is_no_space() const;  // ENOSPC, EDQUOT
};

enum class FileKind : std::uint8_t { regular, directory, other };

struct FileInfo {
    FileKind kind = FileKind::other;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;  // since 1970
    std::uint32_t mode = 0;
    std::uint64_t links = 1;
};

struct DirectoryEntry {
    std::string name;
    FileKind kind = FileKind::other;  // other also when the file system does not say
};

struct SpaceInfo {
    std::uint64_t free_bytes = 0;   // for the unprivileged
    std::uint64_t total_bytes = 0;
    std::uint64_t free_inodes = 0;  // UINT64_MAX where the file system has no such count
};

// An open file; closed when it dies.
class File {
public:
    virtual ~File() = default;
    // Short only at the end of the file.
    virtual Result<std::size_t, FileError> read_at(std::uint64_t offset, char* into, std::size_t count) = 0;
    virtual Result<void, FileError> append(std::string_view bytes) = 0;  // all of them
    // All of them, at `offset`; beyond the end the file grows. Only for files from create() and open_write().
    virtual Result<void, FileError> write_at(std::uint64_t offset, std::string_view bytes) = 0;
    virtual Result<void, FileError> resize(std::uint64_t size) = 0;
    virtual Result<void, FileError> sync_data() = 0;
    // Has the kernel begin to write what is dirty, without waiting and without any promise (sync_file_range).
    virtual void start_writing() = 0;
    virtual Result<void, FileError> set_mtime(std::int64_t ns) = 0;
    virtual Result<FileInfo, FileError> info() = 0;
    virtual int descriptor() const = 0;  // for mmap; the file keeps it
};

// A file system that is held open, so that a failed write-back of a file that is closed by then is still told by sync().
class Volume {
public:
    virtual ~Volume() = default;
    // Every file and directory of it, into the disk behind its cache: syncfs and a flush.
    virtual Result<void, FileError> sync() = 0;
};

enum class WriteMode : std::uint8_t {
    buffered,  // sync_data() makes durable
    durable,   // O_DIRECT and O_DSYNC: write_at() makes durable; offset, count and address are multiples of 4096
};

class FileSystem {
public:
    virtual ~FileSystem() = default;
    virtual Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) = 0;
    virtual Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) = 0;  // O_EXCL
    virtual Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) = 0;  // is there
    virtual Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) = 0;
    virtual Result<void, FileError> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void, FileError> link(const std::string& from, const std::string& to) = 0;
    virtual Result<void, FileError> unlink(const std::string& path) = 0;
    virtual Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) = 0;
    virtual Result<void, FileError> remove_directory(const std::string& path) = 0;
    virtual Result<void, FileError> sync_directory(const std::string& path) = 0;
    virtual Result<FileInfo, FileError> info(const std::string& path) = 0;  // lstat
    virtual Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) = 0;  // without . and ..
    virtual Result<SpaceInfo, FileError> space(const std::string& path) = 0;
};

class PosixFileSystem final : public FileSystem {
public:
    Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) override;
    Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) override;
    Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) override;
    Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) override;
    Result<void, FileError> rename(const std::string& from, const std::string& to) override;
    Result<void, FileError> link(const std::string& from, const std::string& to) override;
    Result<void, FileError> unlink(const std::string& path) override;
    Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) override;
    Result<void, FileError> remove_directory(const std::string& path) override;
    Result<void, FileError> sync_directory(const std::string& path) override;
    Result<FileInfo, FileError> info(const std::string& path) override;
    Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) override;
    Result<SpaceInfo, FileError> space(const std::string& path) override;
};

// Reads a whole file of at most `most` bytes; writes a whole file so that a crash leaves the old or the new one
// (temporary name, sync, rename, directory sync).
Result<std::string, FileError> read_whole(FileSystem& files, const std::string& path, std::size_t most);
Result<void, FileError> replace_whole(FileSystem& files, const std::string& path, std::string_view bytes,
                                      std::uint32_t mode);

}  // namespace mbx
