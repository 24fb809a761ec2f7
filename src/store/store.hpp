// The door to all accounts' mail, on the loop: each account's jobs run on its strand, its watchers are told on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/metrics.hpp"
#include "net/workers.hpp"
#include "store/account_store.hpp"

namespace mbx::store {

// An open account. Held by sessions as a shared_ptr; closed some time after the last one let go. Loop thread.
class Account {
public:
    Account(AccountKey key, net::Workers& workers, std::unique_ptr<AccountStore> store);
    ~Account();

    // Runs `job(AccountStore&)` on the account's strand. Before the result comes back, watchers of the mailboxes that
    // it changed were told. The caller keeps what the job refers to alive: it does so by waiting.
    template <typename Job>
    co::Task<std::invoke_result_t<Job, AccountStore&>> run(net::WorkClass work_class, Job job)
    {
        using Value = std::invoke_result_t<Job, AccountStore&>;
        std::set<MailboxId> changed;
        auto body = [this, &job, &changed]() -> Value {
            Value value = job(*store_);
            changed = store_->take_changed();
            return value;
        };
        Value value = co_await strand_.run(work_class, std::move(body));
        if (!changed.empty()) note_change();
        tell(changed);
        co_return value;
    }

    // `changed` is called on the loop after each job that changed the mailbox, until the watch dies. It must not wait.
    class Watch {
    public:
        Watch() = default;
        Watch(Account* account, std::uint64_t number) : account_(account), number_(number) {}
        Watch(Watch&& other) noexcept : account_(std::exchange(other.account_, nullptr)), number_(other.number_) {}
        Watch& operator=(Watch&& other) noexcept;
        ~Watch();

    private:
        Account* account_ = nullptr;
        std::uint64_t number_ = 0;
    };
    Watch watch(MailboxId mailbox, std::function<void()> changed);

    const AccountKey& key() const { return key_; }

    // For BackgroundFill: what is still to be made of this account's messages, and what its sessions have open.
    struct Undone {
        bool columns = true;
        bool texts = true;
    };
    Undone& undone() { return undone_; }
    std::uint64_t changes() const { return changes_; }  // jobs that changed something
    std::vector<MailboxId> watched() const;

private:
    void tell(const std::set<MailboxId>& changed);
    void note_change()
    {
        undone_ = {};
        ++changes_;
    }
    struct Watcher {
        MailboxId mailbox;
        std::function<void()> changed;
    };
    AccountKey key_;
    std::unique_ptr<AccountStore> store_;
    net::Strand strand_;
    std::unordered_map<std::uint64_t, Watcher> watchers_;
    std::uint64_t next_watch_ = 1;
    Undone undone_;
    std::uint64_t changes_ = 0;
};

struct StoreOptions {
    std::string root;                       // mail/ of the data directory
    std::size_t max_open_accounts = 128;    // idle ones beyond are closed
    AccountStoreOptions account;
};

class Store {
public:
    Store(FileSystem& files, net::Workers& workers, const Clock& clock, Random& random, Metrics& metrics, Log log,
          StoreOptions options);
    ~Store();

    // The open account, opening (and at first creating) it on a worker.
    co::Task<Result<std::shared_ptr<Account>, StoreError>> account(AccountKey key);

    // Sets the mail of a removed account aside, out of reach of the account's name, and says where.
    co::Task<Result<std::string, StoreError>> set_aside(AccountKey key);
    std::size_t open_accounts() const;
    // Those that are open now; held no longer than a job, so that they can be put away.
    std::vector<std::shared_ptr<Account>> opened() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::store
