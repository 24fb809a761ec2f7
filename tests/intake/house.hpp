// A store and its gate in a directory of a test's own, on a file system that can be broken below a path, and a start anew
// as after a crash.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "intake/intake.hpp"
#include "support/mail_ground.hpp"
#include "support/run.hpp"
#include "support/scratch.hpp"

namespace mbx::intake {

namespace fs = std::filesystem;


// Fails one kind of call below a directory, on whatever thread it comes; thread-safe, unlike FaultyFileSystem.
class BrokenPlaces final : public FileSystem {
public:
    // `spared`: that many calls succeed before.
    void break_at(std::string below, int code, int spared = 0)
    {
        const std::lock_guard lock(mutex_);
        spared_ = spared;
        below_ = std::move(below);
        code_ = code;
    }
    void set_space(SpaceInfo space)
    {
        const std::lock_guard lock(mutex_);
        space_ = space;
    }
    Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) override { return real_.open_read(path); }
    Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) override
    {
        if (const int code = broken(path)) return FileError{code};
        return real_.create(path, mode);
    }
    Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) override
    {
        if (const int code = broken(path)) return FileError{code};
        auto file = real_.open_write(path, mode);
        if (!file) return file;
        return std::unique_ptr<File>(std::make_unique<Hanging>(*this, *std::move(file)));
    }
    Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) override
    {
        if (const int code = broken(directory)) return FileError{code};
        auto volume = real_.open_volume(directory);
        if (!volume) return volume;
        return std::unique_ptr<Volume>(std::make_unique<Watched>(*this, *std::move(volume)));
    }
    // While it is set, whoever writes to a file that was there before waits: a disk that does not answer.
    void hang(bool on)
    {
        {
            const std::lock_guard lock(mutex_);
            hangs_ = on;
        }
        answers_.notify_all();
    }
    void break_syncs(int code)
    {
        const std::lock_guard lock(mutex_);
        sync_code_ = code;
    }
    Result<void, FileError> rename(const std::string& from, const std::string& to) override
    {
        if (const int code = broken(to)) return FileError{code};
        return real_.rename(from, to);
    }
    Result<void, FileError> link(const std::string& from, const std::string& to) override
    {
        if (const int code = broken(to)) return FileError{code};
        return real_.link(from, to);
    }
    Result<void, FileError> unlink(const std::string& path) override { return real_.unlink(path); }
    Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) override
    {
        if (const int code = broken(path)) return FileError{code};
        return real_.make_directory(path, mode);
    }
    Result<void, FileError> remove_directory(const std::string& path) override { return real_.remove_directory(path); }
    Result<void, FileError> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
    Result<FileInfo, FileError> info(const std::string& path) override { return real_.info(path); }
    Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) override { return real_.list(path); }
    Result<SpaceInfo, FileError> space(const std::string& path) override
    {
        const std::lock_guard lock(mutex_);
        return space_.total_bytes != 0 ? Result<SpaceInfo, FileError>(space_) : real_.space(path);
    }

private:
    class Hanging final : public File {
    public:
        Hanging(BrokenPlaces& owner, std::unique_ptr<File> real) : owner_(owner), real_(std::move(real)) {}
        Result<std::size_t, FileError> read_at(std::uint64_t offset, char* into, std::size_t count) override
        {
            return real_->read_at(offset, into, count);
        }
        Result<void, FileError> append(std::string_view bytes) override { return real_->append(bytes); }
        Result<void, FileError> write_at(std::uint64_t offset, std::string_view bytes) override
        {
            std::unique_lock lock(owner_.mutex_);
            while (owner_.hangs_) owner_.answers_.wait(lock);
            lock.unlock();
            return real_->write_at(offset, bytes);
        }
        Result<void, FileError> resize(std::uint64_t size) override { return real_->resize(size); }
        Result<void, FileError> sync_data() override { return real_->sync_data(); }
        void start_writing() override { real_->start_writing(); }
        Result<void, FileError> set_mtime(std::int64_t ns) override { return real_->set_mtime(ns); }
        Result<FileInfo, FileError> info() override { return real_->info(); }
        int descriptor() const override { return real_->descriptor(); }

    private:
        BrokenPlaces& owner_;
        std::unique_ptr<File> real_;
    };
    class Watched final : public Volume {
    public:
        Watched(BrokenPlaces& owner, std::unique_ptr<Volume> real) : owner_(owner), real_(std::move(real)) {}
        Result<void, FileError> sync() override
        {
            const std::lock_guard lock(owner_.mutex_);
            if (owner_.sync_code_ != 0) return FileError{owner_.sync_code_};
            return real_->sync();
        }

    private:
        BrokenPlaces& owner_;
        std::unique_ptr<Volume> real_;
    };
    int broken(const std::string& path)
    {
        const std::lock_guard lock(mutex_);
        const bool is_met = !below_.empty() && path.find(below_) != std::string::npos;
        return is_met && --spared_ < 0 ? code_ : 0;
    }
    PosixFileSystem real_;
    std::mutex mutex_;
    std::string below_;
    int code_ = 0;
    int sync_code_ = 0;
    int spared_ = 0;
    bool hangs_ = false;
    std::condition_variable answers_;
    SpaceInfo space_;
};

struct House {
    test::Scratch scratch;
    BrokenPlaces files;
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    net::Loop loop;
    net::Workers workers{loop, 3, 1};
    std::unique_ptr<store::MailJournal> journal;
    std::unique_ptr<store::Store> keeper;
    std::unique_ptr<Intake> intake;
    store::StoreOptions options;
    int failures = 0;

    explicit House(std::size_t max_open = 128, test::Scratch::Where where = test::Scratch::Where::in_memory)
        : scratch(where)
    {
        options.root = scratch / "mail";
        options.max_open_accounts = max_open;
        start();
    }
    ~House() { crash(); }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

    void start()
    {
        journal = test::open_mail_journal(loop, files, clock, metrics, {scratch / "journal", 16U << 20U, [this] { ++failures; }});
        keeper = std::make_unique<store::Store>(loop, files, workers, *journal, clock, random, metrics, Log(), options,
                                                [this] { ++failures; });
        start_intake();
    }
    // What was appended is on the disk; indexes lose what was not committed.
    void crash()
    {
        loop.run();
        intake.reset();
        keeper.reset();
        journal.reset();
    }
    void restart()
    {
        crash();
        start();
    }
    store::Store& mail() { return *keeper; }
    void start_intake()
    {
        intake = std::make_unique<Intake>(*keeper, files, workers, clock, random, metrics, Log(), scratch / "spool");
    }
    static store::AccountKey key(const std::string& local) { return {1, local, "example.test"}; }

    template <typename T>
    T run(co::Task<T> task)
    {
        return test::run_on(loop, std::move(task));
    }
    Result<void, IntakeError> append(Draft& draft, std::string_view bytes) { return run(draft.append(bytes)); }
    Result<Receipt, IntakeError> accept(Draft draft, const std::vector<std::string>& recipients)
    {
        Envelope envelope;
        for (const auto& local : recipients) envelope.recipients.push_back(key(local));
        return run(intake->accept(intake->new_trace_id(), std::move(envelope), std::move(draft)));
    }
    std::shared_ptr<store::Account> account(const std::string& local)
    {
        auto account = run(keeper->account(key(local)));
        REQUIRE(account);
        return *account;
    }
    // All texts in INBOX.
    std::vector<std::string> texts(const std::string& local)
    {
        auto job = [](store::AccountStore& mail) {
            std::vector<std::string> all;
            const auto inbox = mail.find("INBOX")->id;
            const auto uids = mail.uids(inbox);
            if (!uids) return all;
            for (const auto uid : *uids) all.emplace_back((*mail.message(inbox, uid))->bytes());
            return all;
        };
        return run(account(local)->run(net::WorkClass::interactive, std::move(job)));
    }
    std::size_t spooled() const
    {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry : fs::directory_iterator(scratch / "spool")) ++count;
        return count;
    }
};

inline std::string body(std::size_t size)
{
    std::string text = "Subject: x\r\n\r\n";
    for (std::size_t line = 0; text.size() < size; ++line) text += "line " + std::to_string(line) + "\r\n";
    return text;
}

}  // namespace mbx::intake
