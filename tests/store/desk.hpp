// An account in a directory of its own, with the few steps that tests take again and again.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "store/account_store.hpp"
#include "support/faulty_file_system.hpp"
#include "support/scratch.hpp"

namespace mbx::test {

inline const store::UidSet kAll{{1, UINT32_MAX}};

class Desk {
public:
    explicit Desk(std::uint64_t seed = 1) : random_(seed) { open(); }

    void open()
    {
        store_.reset();
        auto opened = try_open();
        REQUIRE(opened);
        store_ = *std::move(opened);
    }
    Result<std::unique_ptr<store::AccountStore>, store::StoreError> try_open()
    {
        return store::AccountStore::open(files_, account(), clock_, random_, Log(), options_);
    }
    void close() { store_.reset(); }
    store::AccountStore& operator*() { return *store_; }
    store::AccountStore* operator->() { return store_.get(); }

    std::string account() const { return scratch_ / "account"; }
    FaultyFileSystem& files() { return files_; }
    SystemClock& clock() { return clock_; }
    store::AccountStoreOptions& options() { return options_; }

    // A spooled message; the file stays until the next one.
    store::SpooledMessage spool(std::string_view bytes)
    {
        const std::string path = scratch_ / "spooled";
        std::filesystem::remove(path);
        write_file(path, bytes);
        return {path, bytes.size()};
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
        const auto done = store_->deliver(spool(bytes), incoming(mailbox, flags));
        REQUIRE(done);
        return done->uid;
    }
    store::MailboxId id(std::string_view name)
    {
        const auto found = store_->find(name);
        REQUIRE(found);
        return found->id;
    }
    store::MailboxStatus status(std::string_view name = "INBOX")
    {
        const auto status = store_->status(id(name));
        REQUIRE(status);
        return *status;
    }
    std::vector<store::Uid> uids(std::string_view name = "INBOX")
    {
        const auto uids = store_->uids(id(name));
        REQUIRE(uids);
        return *uids;
    }
    store::MessageRow row(store::Uid uid, std::string_view name = "INBOX")
    {
        const auto rows = store_->rows(id(name), {{uid, uid}});
        REQUIRE(rows);
        REQUIRE(rows->size() == 1);
        return rows->front();
    }
    std::string text(store::Uid uid, std::string_view name = "INBOX")
    {
        const auto message = store_->message(id(name), uid);
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
        return static_cast<bool>(store_->store_flags(id(name), {{uid, uid}}, change));
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
    SystemClock clock_;
    SeededRandom random_;
    store::AccountStoreOptions options_;
    std::unique_ptr<store::AccountStore> store_;
};

}  // namespace mbx::test
