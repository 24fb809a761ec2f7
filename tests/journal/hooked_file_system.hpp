// A file system that asks a hook before each call that changes or syncs something; the hook may wait. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/faulty_file_system.hpp"

namespace mbx::test {

class HookedFileSystem final : public FileSystem {
public:
    // Answers an errno that the call fails with, or 0. Set before the file system is used.
    using Hook = std::function<int(Call, const std::string& path)>;
    HookedFileSystem(FileSystem& real, Hook hook) : real_(real), hook_(std::move(hook)) {}

    Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) override
    {
        return wrap(path, real_.open_read(path));
    }
    Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) override
    {
        if (const int code = hook_(Call::create, path)) return FileError{code};
        return wrap(path, real_.create(path, mode));
    }
    Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) override
    {
        if (const int code = hook_(Call::open, path)) return FileError{code};
        return wrap(path, real_.open_write(path, mode));
    }
    Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) override
    {
        return real_.open_volume(directory);
    }
    Result<void, FileError> rename(const std::string& from, const std::string& to) override
    {
        if (const int code = hook_(Call::rename, from)) return FileError{code};
        return real_.rename(from, to);
    }
    Result<void, FileError> link(const std::string& from, const std::string& to) override { return real_.link(from, to); }
    Result<void, FileError> unlink(const std::string& path) override
    {
        if (const int code = hook_(Call::unlink, path)) return FileError{code};
        return real_.unlink(path);
    }
    Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) override
    {
        return real_.make_directory(path, mode);
    }
    Result<void, FileError> remove_directory(const std::string& path) override { return real_.remove_directory(path); }
    Result<void, FileError> sync_directory(const std::string& path) override
    {
        if (const int code = hook_(Call::sync, path)) return FileError{code};
        return real_.sync_directory(path);
    }
    Result<FileInfo, FileError> info(const std::string& path) override { return real_.info(path); }
    Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) override { return real_.list(path); }
    Result<SpaceInfo, FileError> space(const std::string& path) override { return real_.space(path); }

private:
    class HookedFile final : public File {
    public:
        HookedFile(HookedFileSystem& owner, std::string path, std::unique_ptr<File> real)
            : owner_(owner), path_(std::move(path)), real_(std::move(real))
        {
        }
        Result<std::size_t, FileError> read_at(std::uint64_t offset, char* into, std::size_t count) override
        {
            return real_->read_at(offset, into, count);
        }
        Result<void, FileError> append(std::string_view bytes) override
        {
            if (const int code = owner_.hook_(Call::append, path_)) return FileError{code};
            return real_->append(bytes);
        }
        Result<void, FileError> write_at(std::uint64_t offset, std::string_view bytes) override
        {
            if (const int code = owner_.hook_(Call::write, path_)) return FileError{code};
            return real_->write_at(offset, bytes);
        }
        Result<void, FileError> resize(std::uint64_t size) override { return real_->resize(size); }
        void start_writing() override { real_->start_writing(); }
        Result<void, FileError> sync_data() override
        {
            if (const int code = owner_.hook_(Call::sync_data, path_)) return FileError{code};
            return real_->sync_data();
        }
        Result<void, FileError> set_mtime(std::int64_t ns) override { return real_->set_mtime(ns); }
        Result<FileInfo, FileError> info() override { return real_->info(); }
        int descriptor() const override { return real_->descriptor(); }

    private:
        HookedFileSystem& owner_;
        std::string path_;
        std::unique_ptr<File> real_;
    };

    Result<std::unique_ptr<File>, FileError> wrap(const std::string& path, Result<std::unique_ptr<File>, FileError> file)
    {
        if (!file) return file;
        return std::unique_ptr<File>(std::make_unique<HookedFile>(*this, path, *std::move(file)));
    }

    FileSystem& real_;
    Hook hook_;
};

}  // namespace mbx::test
