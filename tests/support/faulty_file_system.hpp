// A file system that counts the calls which change or sync something and fails the n-th of them. Calls come
// from any thread; what is to fail is said by one.
#pragma once

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"

namespace mbx::test {

enum class Call : unsigned {
    create, append, write, resize, sync_data, set_mtime, rename, link, unlink, make, remove, sync, sync_volume, space,
    list, open, info, read,
};

class FaultyFileSystem final : public FileSystem {
public:
    explicit FaultyFileSystem(FileSystem& real) : real_(real) {}

    // The n-th call from now on (1: the next) fails with `code`; with `all_after`, every one behind it too, as on a
    // disk that is full. 0: none. With `torn`, a failing append writes half of its bytes first.
    void fail_at(unsigned n, int code, bool all_after = false, bool torn = false)
    {
        const std::lock_guard lock(mutex_);
        left_ = n;
        code_ = code;
        all_after_ = all_after;
        torn_ = torn;
        calls_ = 0;
        has_failed_ = false;
    }
    // Only calls of this kind count; none: every changing call.
    void only(std::vector<Call> kinds)
    {
        const std::lock_guard lock(mutex_);
        only_ = std::move(kinds);
        part_.clear();
    }
    // Only renames of files whose path has this in it count: the journal's threads rename files of their own, when they come to it.
    void only_renames_of(std::string part)
    {
        only({Call::rename});
        const std::lock_guard lock(mutex_);
        part_ = std::move(part);
    }
    void heal()
    {
        const std::lock_guard lock(mutex_);
        left_ = 0;
    }
    bool has_failed() const
    {
        const std::lock_guard lock(mutex_);
        return has_failed_;
    }
    unsigned calls() const
    {
        const std::lock_guard lock(mutex_);
        return calls_;
    }
    void set_space(SpaceInfo space)
    {
        const std::lock_guard lock(mutex_);
        space_ = space;
    }

    Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) override
    {
        if (fails(Call::open)) return FileError{code_.load()};
        return wrap(real_.open_read(path));
    }
    Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) override
    {
        if (fails(Call::create)) return FileError{code_.load()};
        return wrap(real_.create(path, mode));
    }
    Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) override
    {
        if (fails(Call::open)) return FileError{code_.load()};
        return wrap(real_.open_write(path, mode));
    }
    Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) override
    {
        auto volume = real_.open_volume(directory);
        if (!volume) return volume;
        return std::unique_ptr<Volume>(std::make_unique<FaultyVolume>(*this, *std::move(volume)));
    }
    Result<void, FileError> rename(const std::string& from, const std::string& to) override
    {
        if (is_counted(from) && fails(Call::rename)) return FileError{code_.load()};
        ++renames_;
        return real_.rename(from, to);
    }
    Result<void, FileError> link(const std::string& from, const std::string& to) override
    {
        if (fails(Call::link)) return FileError{code_.load()};
        return real_.link(from, to);
    }
    Result<void, FileError> unlink(const std::string& path) override
    {
        if (fails(Call::unlink)) return FileError{code_.load()};
        return real_.unlink(path);
    }
    Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) override
    {
        if (fails(Call::make)) return FileError{code_.load()};
        return real_.make_directory(path, mode);
    }
    Result<void, FileError> remove_directory(const std::string& path) override
    {
        if (fails(Call::remove)) return FileError{code_.load()};
        return real_.remove_directory(path);
    }
    Result<void, FileError> sync_directory(const std::string& path) override
    {
        if (fails(Call::sync)) return FileError{code_.load()};
        return real_.sync_directory(path);
    }
    Result<FileInfo, FileError> info(const std::string& path) override
    {
        if (fails(Call::info)) return FileError{code_.load()};
        const std::lock_guard lock(mutex_);
        ++infos_;
        return real_.info(path);
    }
    Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) override
    {
        if (fails(Call::list)) return FileError{code_.load()};
        const std::lock_guard lock(mutex_);
        ++lists_;
        return real_.list(path);
    }
    Result<SpaceInfo, FileError> space(const std::string& path) override
    {
        if (fails(Call::space)) return FileError{code_.load()};
        const std::lock_guard lock(mutex_);
        return space_.total_bytes != 0 ? Result<SpaceInfo, FileError>(space_) : real_.space(path);
    }
    unsigned lists() const
    {
        const std::lock_guard lock(mutex_);
        return lists_;
    }
    unsigned infos() const
    {
        const std::lock_guard lock(mutex_);
        return infos_;
    }
    unsigned renames() const { return renames_; }

private:
    class FaultyFile final : public File {
    public:
        FaultyFile(FaultyFileSystem& owner, std::unique_ptr<File> real) : owner_(owner), real_(std::move(real)) {}
        Result<std::size_t, FileError> read_at(std::uint64_t offset, char* into, std::size_t count) override
        {
            if (owner_.fails(Call::read)) return FileError{owner_.code_.load()};
            return real_->read_at(offset, into, count);
        }
        Result<void, FileError> append(std::string_view bytes) override
        {
            if (!owner_.fails(Call::append)) return real_->append(bytes);
            if (owner_.torn_) (void)real_->append(bytes.substr(0, bytes.size() / 2));
            return FileError{owner_.code_.load()};
        }
        Result<void, FileError> write_at(std::uint64_t offset, std::string_view bytes) override
        {
            if (!owner_.fails(Call::write)) return real_->write_at(offset, bytes);
            if (owner_.torn_) (void)real_->write_at(offset, bytes.substr(0, bytes.size() / 2));
            return FileError{owner_.code_.load()};
        }
        Result<void, FileError> resize(std::uint64_t size) override
        {
            if (owner_.fails(Call::resize)) return FileError{owner_.code_.load()};
            return real_->resize(size);
        }
        void start_writing() override { real_->start_writing(); }
        Result<void, FileError> sync_data() override
        {
            if (owner_.fails(Call::sync_data)) return FileError{owner_.code_.load()};
            return real_->sync_data();
        }
        Result<void, FileError> set_mtime(std::int64_t ns) override
        {
            if (owner_.fails(Call::set_mtime)) return FileError{owner_.code_.load()};
            return real_->set_mtime(ns);
        }
        Result<FileInfo, FileError> info() override { return real_->info(); }
        int descriptor() const override { return real_->descriptor(); }

    private:
        FaultyFileSystem& owner_;
        std::unique_ptr<File> real_;
    };

    class FaultyVolume final : public Volume {
    public:
        FaultyVolume(FaultyFileSystem& owner, std::unique_ptr<Volume> real) : owner_(owner), real_(std::move(real)) {}
        Result<void, FileError> sync() override
        {
            if (owner_.fails(Call::sync_volume)) return FileError{owner_.code_.load()};
            return real_->sync();
        }

    private:
        FaultyFileSystem& owner_;
        std::unique_ptr<Volume> real_;
    };

    Result<std::unique_ptr<File>, FileError> wrap(Result<std::unique_ptr<File>, FileError> file)
    {
        if (!file) return file;
        return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, *std::move(file)));
    }
    bool counts(Call call) const
    {
        if (only_.empty()) return call < Call::space;
        for (const Call wanted : only_) {
            if (wanted == call) return true;
        }
        return false;
    }
    bool is_counted(const std::string& path) const
    {
        const std::lock_guard lock(mutex_);
        return path.find(part_) != std::string::npos;
    }
    bool fails(Call call)
    {
        const std::lock_guard lock(mutex_);
        if (!counts(call)) return false;
        ++calls_;
        const bool now = left_ != 0 && (calls_ == left_ || (all_after_ && calls_ > left_));
        has_failed_ = has_failed_ || now;
        return now;
    }

    FileSystem& real_;
    mutable std::mutex mutex_;
    std::vector<Call> only_;
    std::string part_;
    unsigned left_ = 0;
    unsigned calls_ = 0;
    unsigned lists_ = 0;
    unsigned infos_ = 0;
    std::atomic<unsigned> renames_ = 0;
    std::atomic<int> code_ = EIO;
    bool all_after_ = false;
    std::atomic<bool> torn_ = false;
    bool has_failed_ = false;
    SpaceInfo space_;
};

}  // namespace mbx::test
