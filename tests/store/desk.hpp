// An account in a directory of its own, with the few steps that tests take again and again.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <sqlite3.h>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "journal/journal.hpp"
#include "store/account_store.hpp"
#include "store/recovered_mail.hpp"
#include "support/faulty_file_system.hpp"
#include "support/scratch.hpp"

namespace mbx::test {

inline const store::UidSet kAll{{1, UINT32_MAX}};

class Desk {
public:
    explicit Desk(std::uint64_t seed = 1) : random_(seed)
    {
        open_journal([](journal::Lsn, std::string_view, const journal::Location&) {});
        open();
    }

    // The journal stays the same: as when an account is put away and opened again.
    void open()
    {
        close();
        auto opened = try_open();
        REQUIRE(opened);
        store_ = *std::move(opened);
    }
    Result<std::unique_ptr<store::AccountStore>, store::StoreError> try_open()
    {
        return store::AccountStore::open(files_, account(), key(), seat(), clock_, random_, Log(), options_);
    }
    void close()
    {
        if (store_) store_->settle();
        store_.reset();
        fold_log("/index.db");
        fold_log("/fts.db");
    }
    // Into the file itself, so that what a test does to the file is done to all that SQLite reads.
    void fold_log(const std::string& name) const
    {
        const std::string path = account() + name;
        sqlite3* handle = nullptr;
        if (!std::filesystem::exists(path)) return;
        if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
            (void)sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr);
        }
        sqlite3_close(handle);
    }
    // As a killed process leaves it: rows that were not committed and records that were not written are gone. What the
    // journal has is replayed.
    store::Replayed crash(const std::function<void()>& meanwhile = {})
    {
        namespace fs = std::filesystem;
        const std::string kept = scratch_ / "journal-as-it-was";
        copy_journal(kept);
        store_.reset();
        journal_.reset();
        fs::remove_all(journal_directory());
        fs::rename(kept, journal_directory());
        if (meanwhile) meanwhile();
        store::RecoveredMail recovered;
        open_journal([&recovered](journal::Lsn lsn, std::string_view payload, const journal::Location& where) {
            REQUIRE(recovered.add(lsn, payload, where));
        });
        recovered.finish();
        auto opened = try_open();
        REQUIRE(opened);
        store_ = *std::move(opened);
        return replay(recovered);
    }
    // Its preparer may take a spare segment's name away meanwhile.
    void copy_journal(const std::string& to) const
    {
        namespace fs = std::filesystem;
        std::error_code error;
        for (int attempt = 0; attempt < 20; ++attempt) {
            fs::remove_all(to);
            fs::copy(journal_directory(), to, fs::copy_options::recursive, error);
            if (!error) return;
        }
        FAIL("the journal cannot be copied: " << error.message());
    }
    store::Replayed replay(store::RecoveredMail& recovered)
    {
        const auto it = recovered.accounts.find(store::account_place(key()));
        if (it == recovered.accounts.end()) return {};
        store::Replay replay;
        replay.records = it->second.records;
        replay.spool_directory = spool_directory();
        replay.body = [this](const store::ReplayRecord& record) -> Result<std::string, FileError> {
            auto payload = journal_->read(record.location);
            if (!payload) return payload.error();
            return payload->substr(record.body_offset);
        };
        auto done = (*this)->replay(replay);
        REQUIRE(done);
        done->placed = place_owed(replay);
        return *done;
    }
    // What was accepted and has no record of its placing.
    std::size_t place_owed(const store::Replay& replay)
    {
        std::set<store::Lsn> placed;
        for (const auto& at : replay.records) {
            if (const auto* it = std::get_if<store::PlacedRecord>(&at.record)) placed.insert(it->accepted);
        }
        std::size_t count = 0;
        for (const auto& at : replay.records) {
            const auto* accepted = std::get_if<store::AcceptedRecord>(&at.record);
            if (accepted == nullptr || placed.contains(at.lsn)) continue;
            auto body = replay.body(at);
            REQUIRE(body);
            auto shared = std::make_shared<const std::string>(*std::move(body));
            const store::AcceptedMessage message(at.lsn, *accepted, std::move(shared), spool_directory());
            REQUIRE((*this)->place(message));
            ++count;
        }
        return count;
    }
    bool wait() { return journal_->wait((*store_).last_lsn()); }
    static store::AccountKey key() { return {1, "ada", "example.org"}; }
    static constexpr std::uint32_t kIdentity = 0xd25c;
    store::JournalSeat seat() { return {*journal_, kIdentity, voids_}; }
    journal::Journal& journal() { return *journal_; }
    // What of other starts never became durable, as the store is told.
    std::vector<journal::LsnRange>& voids() { return voids_; }

    // One job: its changes of directories end with the expression.
    class Job {
    public:
        explicit Job(store::AccountStore& store) : store_(store) {}
        Job(const Job&) = delete;
        Job& operator=(const Job&) = delete;
        ~Job() { (void)store_.end_job(); }
        store::AccountStore* operator->() const { return &store_; }

    private:
        store::AccountStore& store_;
    };
    store::AccountStore& operator*() { return *store_; }
    Job operator->() { return Job(*store_); }

    std::string account() const { return scratch_ / "account"; }
    FaultyFileSystem& files() { return files_; }
    FaultyFileSystem& journal_files() { return journal_files_; }
    // The machine's, until it is set; then it stands.
    class MovedClock final : public Clock {
    public:
        WallTime wall() const override { return moved_ ? *moved_ : real_.wall(); }
        SteadyTime steady() const override { return real_.steady(); }
        void set_wall(WallTime to) { moved_ = to; }

    private:
        SystemClock real_;
        std::optional<WallTime> moved_;
    };
    MovedClock& clock() { return clock_; }
    store::AccountStoreOptions& options() { return options_; }

    static store::Body body(std::string_view bytes)
    {
        auto shared = std::make_shared<const std::string>(bytes);
        const auto crc = store::crc32c(bytes);
        return {std::move(shared), {}, {}, bytes.size(), crc};
    }
    // The same in a spool file; it stays until the next one.
    store::Body spool(std::string_view bytes)
    {
        const std::string path = spool_directory() + "/spooled";
        std::filesystem::create_directory(spool_directory());
        std::filesystem::remove(path);
        write_file(path, bytes);
        return {nullptr, path, "spooled", bytes.size(), store::crc32c(bytes)};
    }
    std::string spool_directory() const { return scratch_ / "spool"; }
    std::string journal_directory() const { return scratch_ / "journal"; }
    // A message that the gate took responsibility for, for this account and as many others.
    std::shared_ptr<const store::AcceptedMessage> accept(std::string_view bytes, int others = 0)
    {
        std::filesystem::create_directory(spool_directory());
        store::AcceptedRecord record;
        record.trace_id = "trace";
        record.internal_date = 1'700'000'000;
        record.size = bytes.size();
        record.crc = store::crc32c(bytes);
        record.recipients.push_back(key());
        for (int n = 0; n < others; ++n) record.recipients.push_back({2 + n, "other" + std::to_string(n), "example.org"});
        auto shared = std::make_shared<const std::string>(bytes);
        const auto lsn = journal_->append({{store::encode(record), shared}});
        return std::make_shared<const store::AcceptedMessage>(lsn, std::move(record), std::move(shared), spool_directory());
    }
    store::Incoming incoming(std::string mailbox, std::uint8_t flags = 0, std::vector<std::string> keywords = {}) const
    {
        store::Incoming in;
        in.mailbox = std::move(mailbox);
        in.system_flags = flags;
        in.keywords = std::move(keywords);
        in.internal_date = WallTime(std::chrono::seconds(1'700'000'000));
        return in;
    }
    store::Uid deliver(std::string_view bytes, const std::string& mailbox = "INBOX", std::uint8_t flags = 0)
    {
        // A machine under load may prepare the journal's room more slowly than a test fills it.
        while (!journal_->has_room(bytes.size() + 4096) && !journal_->has_failed()) std::this_thread::yield();
        const auto done = (*this)->append(body(bytes), incoming(mailbox, flags));
        REQUIRE(done);
        return done->uid;
    }
    store::MailboxId id(std::string_view name)
    {
        const auto found = (*this)->find(name);
        REQUIRE(found);
        return found->id;
    }
    store::MailboxStatus status(std::string_view name = "INBOX")
    {
        const auto status = (*this)->status(id(name));
        REQUIRE(status);
        return *status;
    }
    std::vector<store::Uid> uids(std::string_view name = "INBOX")
    {
        const auto uids = (*this)->uids(id(name));
        REQUIRE(uids);
        return *uids;
    }
    store::MessageRow row(store::Uid uid, std::string_view name = "INBOX")
    {
        const auto rows = (*this)->rows(id(name), {{uid, uid}});
        REQUIRE(rows);
        REQUIRE(rows->size() == 1);
        return rows->front();
    }
    std::string text(store::Uid uid, std::string_view name = "INBOX")
    {
        const auto message = (*this)->message(id(name), uid);
        REQUIRE(message);
        return std::string((*message)->bytes());
    }
    bool flag(store::Uid uid, store::FlagAction action, std::uint8_t flags, std::vector<std::string> keywords = {},
              std::string_view name = "INBOX")
    {
        store::FlagChange change;
        change.action = action;
        change.system = flags;
        change.keywords = std::move(keywords);
        return static_cast<bool>((*this)->store_flags(id(name), {{uid, uid}}, change));
    }
    // File names below one of the account's directories, sorted.
    std::vector<std::string> names(const std::string& below) const
    {
        std::vector<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(account() + "/" + below)) {
            all.push_back(entry.path().filename().string());
        }
        std::ranges::sort(all);
        return all;
    }
    void open_journal(const journal::Journal::Visit& visit)
    {
        journal::JournalOptions options;
        options.directory = journal_directory();
        options.segment_bytes = 1U << 20U;
        auto opened = journal::Journal::open(journal_files_, clock_, metrics_, Log(), options, visit);
        REQUIRE(opened);
        journal_ = *std::move(opened);
        voids_ = journal_->recovery().voids;
    }
    void lose_index()
    {
        close();
        for (const char* part : {"/index.db", "/index.db-wal", "/index.db-shm"}) {
            std::filesystem::remove(account() + part);
        }
    }

private:
    Scratch scratch_;
    PosixFileSystem posix_;
    FaultyFileSystem files_{posix_};
    FaultyFileSystem journal_files_{posix_};
    MovedClock clock_;
    Metrics metrics_;
    SeededRandom random_;
    store::AccountStoreOptions options_;
    std::unique_ptr<journal::Journal> journal_;
    std::vector<journal::LsnRange> voids_;
    std::unique_ptr<store::AccountStore> store_;
};

}  // namespace mbx::test
