// The door to all accounts' mail, on the loop: each account's jobs run on its strand, its watchers are told on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/metrics.hpp"
#include "journal/commit_waiters.hpp"
#include "net/workers.hpp"
#include "store/account_store.hpp"

namespace mbx::store {

// An open account. Held by sessions as a shared_ptr; closed some time after the last one let go. Loop thread.
class Account {
public:
    // `waiters` outlives it.
    Account(AccountKey key, net::Workers& workers, journal::CommitWaiters& waiters, std::unique_ptr<AccountStore> store);
    ~Account();

    // Runs `job(AccountStore&)` on the account's strand. It comes back when everything that it can have seen or changed is
    // durable; before, watchers of the mailboxes that it changed were told. When the journal has failed, a job's
    // Result<T, StoreError> is StoreError::io; other values pass. The caller keeps what the job refers to alive: it does so
    // by waiting.
    template <typename Job>
    co::Task<std::invoke_result_t<Job, AccountStore&>> run(net::WorkClass work_class, Job job)
    {
        using Value = std::invoke_result_t<Job, AccountStore&>;
        JobEnd end;
        auto body = [this, &job, &end]() -> Value {
            Value value = job(*store_);
            end = end_job();
            return value;
        };
        Value value = co_await strand_.run(work_class, std::move(body));
        const bool is_durable = co_await finish(end);
        if constexpr (kCanFail<Value>) {
            if (!is_durable) value = Value(StoreError::io);
        }
        co_return value;
    }

    // Has `message` placed by a delivery job of the strand: whatever is submitted behind it sees the message. `placed` is
    // called on the loop. (intake's door)
    void enqueue(std::shared_ptr<const AcceptedMessage> message, std::function<void(Result<void, StoreError>)> placed);

    // As of the last job that ended.
    AccountStore::Usage usage() const { return usage_; }

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

private:
    template <typename Value>
    static constexpr bool kCanFail = false;
    template <typename T>
    static constexpr bool kCanFail<Result<T, StoreError>> = true;

    // What a job left behind, noted on the strand.
    struct JobEnd {
        std::set<MailboxId> changed;
        Lsn lsn = 0;
        std::optional<AccountStore::Usage> usage;  // where it may have changed
    };
    JobEnd end_job();                     // strand
    co::Task<bool> finish(JobEnd& end);   // loop: false when the journal failed
    void tell(const std::set<MailboxId>& changed);
    struct Watcher {
        MailboxId mailbox;
        std::function<void()> changed;
    };
    AccountKey key_;
    journal::CommitWaiters& waiters_;
    std::unique_ptr<AccountStore> store_;
    net::Strand strand_;
    AccountStore::Usage usage_;
    std::unordered_map<std::uint64_t, Watcher> watchers_;
    std::uint64_t next_watch_ = 1;
};

struct StoreOptions {
    std::string root;                       // mail/ of the data directory
    std::size_t max_open_accounts = 128;    // idle ones beyond are closed
    AccountStoreOptions account;
};

class Store {
public:
    // `seat` and `waiters` outlive it.
    Store(FileSystem& files, net::Workers& workers, JournalSeat seat, journal::CommitWaiters& waiters,
          const Clock& clock, Random& random, Metrics& metrics, Log log, StoreOptions options);
    ~Store();

    // The open account, opening (and at first creating) it on a worker.
    co::Task<Result<std::shared_ptr<Account>, StoreError>> account(AccountKey key);

    // Sets the mail of a removed account aside, out of reach of the account's name, and says where.
    co::Task<Result<std::string, StoreError>> set_aside(AccountKey key);
    std::size_t open_accounts() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::store
