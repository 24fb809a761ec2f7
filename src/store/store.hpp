// The door to all accounts' mail, on the loop: each account's jobs run on its strand, its watchers are told on the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/metrics.hpp"
#include "journal/commit_waiters.hpp"
#include "net/workers.hpp"
#include "store/account_store.hpp"
#include "store/checkpoints.hpp"
#include "store/delivery_queue.hpp"
#include "store/mail_journal.hpp"
#include "store/sharing.hpp"
#include "store/uid_table.hpp"
#include "trace/recorder.hpp"

namespace mbx::store {

class OpenMailbox;

// A mailbox as the last who had it open left it.
struct ClosedView {
    MailboxStatus status;
    UidTable uids;
};

// Of what a job answers: whether it can tell that its account failed.
template <typename Value>
inline constexpr bool kCanFail = false;
template <typename T>
inline constexpr bool kCanFail<Result<T, StoreError>> = true;

// An open account. Held by sessions as a shared_ptr; closed some time after the last one let go. Loop thread.
class Account : public std::enable_shared_from_this<Account> {
public:
    // `waiters` outlives it, and so does what `shared` refers to, which is told on the loop when access lists changed. Made by
    // make_shared.
    using AccessChanged = std::function<void(const AccountKey&, const AccessLists&)>;
    Account(AccountKey key, net::Workers& workers, journal::CommitWaiters& waiters, std::unique_ptr<AccountStore> store,
            AccessChanged shared = {});
    ~Account();

    // Runs `job(AccountStore&)` on the account's strand. It comes back when everything that it can have seen or changed is
    // durable; before, watchers of the mailboxes that it changed were told. When the journal has failed, a job's
    // Result<T, StoreError> is StoreError::io; other values pass. The caller keeps what the job refers to alive: it does so
    // by waiting.
    template <typename Job>
    co::Task<std::invoke_result_t<Job, AccountStore&>> run(net::WorkClass work_class, Job job)
    {
        using Value = std::invoke_result_t<Job, AccountStore&>;
        ++jobs_;
        if (work_class == net::WorkClass::interactive) last_interactive_ = std::chrono::steady_clock::now();
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

    // Runs a job that needs no store on a worker beside the strand, which goes on meanwhile.
    template <typename Job>
    co::Task<std::invoke_result_t<Job>> compute(net::WorkClass work_class, Job job)
    {
        co_return co_await workers_.run(work_class, std::move(job));
    }

    // Has `message` placed by a delivery job of the strand: whatever is submitted behind it sees the message. `placed` is
    // called on the loop. (Store::deliver's)
    void enqueue(const std::shared_ptr<const AcceptedMessage>& message, DeliveryBatch::Placed placed);

    // As of the last job that ended, and what is enqueued besides.
    AccountStore::Usage usage() const
    {
        const auto& waiting = queue_.waiting();
        return {usage_.bytes + waiting.bytes, usage_.messages + waiting.messages};
    }
    // What `user` may do with a mailbox (RFC 4314), as of the last job that ended; everything when the account is his.
    Rights rights(MailboxId mailbox, std::int64_t user) const;
    // Jobs so far: whoever has seen the number knows later whether anything can have changed.
    std::uint64_t jobs() const { return jobs_; }
    bool is_quiet() const { return strand_.waiting() == 0; }  // no job runs or waits

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
    // The same for the whole account: called after each job that changed a mailbox's messages, or names of mailboxes or
    // subscriptions (`listing`). Changes that other tools make in mailboxes are noticed when somebody looks at these.
    using AccountChanged = std::function<void(const std::set<MailboxId>& mailboxes, bool listing)>;
    Watch watch_all(AccountChanged changed);

    const AccountKey& key() const { return key_; }

    // For OpenMailbox, which is how sessions look at a mailbox (open_mailbox.hpp).
    net::Loop& loop() const { return loop_; }
    std::unordered_map<MailboxId, std::weak_ptr<OpenMailbox>>& open_mailboxes() { return open_mailboxes_; }
    // Of mailboxes that were open lately, the newest first.
    const std::deque<ClosedView>& closed_views() const { return closed_views_; }
    void keep_closed(ClosedView view);
    bool watches_directories() const { return watches_directories_; }
    void watch_directories(bool on) { watches_directories_ = on; }
    // For BackgroundFill: what is still to be made of this account's messages, and what its sessions have open.
    struct Undone {
        bool columns = true;
        bool texts = true;
    };
    Undone& undone() { return undone_; }
    SteadyTime last_interactive() const { return last_interactive_; }  // when somebody who waits asked last
    SteadyTime last_fill() const { return last_fill_; }
    void note_fill(SteadyTime now) { last_fill_ = now; }
    std::uint64_t changes() const { return changes_; }  // jobs that changed something
    std::vector<MailboxId> watched() const;

private:

    // What a job left behind, noted on the strand.
    struct JobEnd {
        std::set<MailboxId> changed;
        bool listing = false;
        Lsn lsn = 0;
        std::optional<AccountStore::Usage> usage;  // where it may have changed
        AccessListsPtr access;
    };
    JobEnd end_job();                     // strand
    void note_end(const JobEnd& end);     // loop
    co::Task<bool> finish(JobEnd& end);   // loop: false when the journal failed
    void tell(const JobEnd& end);
    static co::Task<void> deliver(std::shared_ptr<Account> account, std::shared_ptr<DeliveryBatch> batch);
    struct Watcher {
        std::optional<MailboxId> mailbox;  // none: all of them
        std::function<void()> changed;
        AccountChanged account_changed;
    };
    AccountKey key_;
    journal::CommitWaiters& waiters_;
    std::unique_ptr<AccountStore> store_;
    net::Workers& workers_;
    net::Strand strand_;
    AccountStore::Usage usage_;
    DeliveryQueue queue_;
    co::Scope deliveries_;
    std::uint64_t jobs_ = 0;
    std::unordered_map<std::uint64_t, Watcher> watchers_;
    std::uint64_t next_watch_ = 1;
    net::Loop& loop_;
    std::unordered_map<MailboxId, std::weak_ptr<OpenMailbox>> open_mailboxes_;  // those that somebody has open
    std::deque<ClosedView> closed_views_;
    bool watches_directories_ = true;
    Undone undone_;
    SteadyTime last_interactive_{};
    SteadyTime last_fill_{};
    std::uint64_t changes_ = 0;
    AccessListsPtr access_;
    AccessChanged shared_;
    std::uint64_t listings_ = 0;  // strand: the store's, as of the last job
};

struct StoreOptions {
    std::string root;                       // mail/ of the data directory
    std::size_t max_open_accounts = 1024;   // idle ones beyond are put away at once (open_limit.hpp),
    std::size_t kept_accounts = 128;        // and beyond these, in a while
    std::chrono::milliseconds idle_account{300'000};
    std::chrono::milliseconds rest_after{5'000};  // an open account without a job rests: its index is closed
    std::chrono::milliseconds rest_pause{10};     // between two such, at least
    bool watch_directories = true;          // of mailboxes that sessions have open
    AccountStoreOptions account;
    std::string spool_directory;            // empty: spool/ beside the root
    std::string parked_directory;           // empty: parked/ beside the root
    CheckpointOptions checkpoints;
    // A message that an account cannot take is parked after this time, or sooner when the journal fills.
    std::chrono::milliseconds park_after{10'000};
    std::chrono::milliseconds retry_delivery{1'000};
    std::chrono::milliseconds retry_parked{60'000};
};

class Store {
public:
    // `journal` outlives it; what it recovered is taken over. `failed` is called once on the loop when checkpoints cannot
    // go on: the process is to end. Blocking: at start only.
    Store(net::Loop& loop, FileSystem& files, net::Workers& workers, MailJournal& journal, const Clock& clock,
          Random& random, Metrics& metrics, Log log, StoreOptions options, std::function<void()> failed = [] {});
    ~Store();  // after stop(), or with a loop that has run empty

    // The open account, opening (and at first creating) it on a worker. What the journal or the parked files still hold
    // of it is applied first.
    co::Task<Result<std::shared_ptr<Account>, StoreError>> account(AccountKey key);

    // Sets the mail of a removed account aside, out of reach of the account's name, and says where.
    co::Task<Result<std::string, StoreError>> set_aside(AccountKey key);
    std::size_t open_accounts() const;
    // Those that are open now; held no longer than a job, so that they can be put away.
    std::vector<std::shared_ptr<Account>> opened() const;

    // Who shares mailboxes with whom. Whoever asks first has the files of `accounts` read, which are all that there are;
    // others wait for that.
    co::Task<Sharing*> sharing(std::function<std::vector<AccountKey>()> accounts);

    // A durable message is owed to all its recipients: whatever job is submitted to one of their accounts from here on
    // sees it. `hold` was taken when the record was appended and lives until the last recipient has the message.
    void deliver(std::shared_ptr<const AcceptedMessage> message, CheckpointFloor::Hold hold);
    Checkpoints& checkpoints();
    // What else is applied from the journal beside the mailboxes: makes it ready for the sync of a checkpoint. False: not
    // this time. Set before start().
    void commit_with(Checkpoints::Commit other);
    MailJournal& journal();
    const std::string& root() const;

    // Who is told what was accepted and placed; outlives the store. None set: nobody.
    void set_recorder(trace::Recorder* recorder);
    trace::Recorder* recorder() const;

    // What an account may hold; asked whenever it is opened, and again by quotas_changed(). None set: no limits.
    void set_quotas(std::function<QuotaLimits(const AccountKey&)> quotas);
    void quotas_changed();
    QuotaLimits quota(const AccountKey& key) const;

    // From here on: replays every account that has something left, checkpoints, tries again what failed.
    void start();
    // Ends that, places what is owed as far as it can be, and makes a last checkpoint.
    co::Task<void> stop();
    // The steps of start(), for tests.
    co::Task<void> replay_all();
    co::Task<void> retry_replays();
    co::Task<void> retry_deliveries();
    co::Task<void> retry_parked();
    co::Task<void> put_idle_away();
    co::Task<void> rest_idle();

    struct Condition {
        std::size_t replays_left = 0;   // accounts
        std::size_t owed = 0;           // messages that at least one recipient does not have yet
        std::size_t parked = 0;         // accounts
        bool has_failed = false;
    };
    Condition condition() const;

    struct State;  // of this folder's own files

private:
    std::unique_ptr<State> state_;
};

}  // namespace mbx::store
