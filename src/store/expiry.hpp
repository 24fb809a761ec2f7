// The background job that makes expunged mail go for ever when its time is over, old mail of Trash and Junk go by age,
// and the oldest expunged mail go early when the disk gets full. One account after another, as bulk work in small
// pieces. Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "co/scope.hpp"
#include "net/loop.hpp"
#include "store/store.hpp"

namespace mbx::store {

struct ExpiryOptions {
    std::chrono::milliseconds keep{std::chrono::hours(24 * 14)};  // of what was expunged; 0: gone at the next checkpoint
    std::chrono::milliseconds trash{0};                           // 0: never
    std::chrono::milliseconds junk{0};

    std::chrono::milliseconds interval{std::chrono::hours(1)};            // of whole runs
    std::chrono::milliseconds look_interval{std::chrono::seconds(30)};    // at the free space
    std::chrono::milliseconds prompt_interval{std::chrono::seconds(2)};   // with a `keep` of 0
};

class Expiry {
public:
    // All of it outlives the job. `accounts` is asked on the loop at each run.
    struct Ground {
        net::Loop& loop;
        Store& store;
        FileSystem& files;
        net::Workers& workers;
        const Clock& clock;
        Metrics& metrics;
        Log log;
        std::function<std::vector<AccountKey>()> accounts;
    };
    Expiry(Ground ground, ExpiryOptions options);
    ~Expiry();  // after stop(), if it was started
    Expiry(const Expiry&) = delete;
    Expiry& operator=(const Expiry&) = delete;

    // From now on: a run at once, then every interval.
    void start();
    void wake();  // a run soon
    void set_options(ExpiryOptions options);  // and a run with them
    // Ends what is under way after its piece. Before Store::stop().
    co::Task<void> stop();

    struct Summary {
        std::uint64_t purged = 0;        // messages that are gone for ever
        std::uint64_t purged_bytes = 0;
        std::uint64_t expired = 0;       // messages that were expunged by age
        std::uint64_t failures = 0;      // accounts that could not be served; tried again at the next run
    };
    // A whole run of now. Not beside another one.
    co::Task<Summary> run_once();
    // With little space left: purges the oldest of all accounts until there is enough again, as far as that goes.
    co::Task<Summary> relieve();

private:
    co::Task<void> keep_running();
    co::Task<void> purge_all(std::int64_t expunged_before, Summary& summary);
    co::Task<void> purge_account(std::shared_ptr<Account> account, std::int64_t expunged_before, Lsn below, Summary& summary);
    co::Task<void> expire_all(Summary& summary);
    co::Task<void> expire_use(std::shared_ptr<Account> account, SpecialUse use, std::int64_t saved_before, Summary& summary);
    void report(const Summary& summary, std::string_view what);
    std::string directory_of(const AccountKey& key) const;
    std::int64_t seconds_ago(std::chrono::milliseconds span) const;

    Ground ground_;
    ExpiryOptions options_;
    net::Timer timer_;
    co::Scope tasks_;
    bool is_woken_ = false;
    bool is_stopping_ = false;
    bool was_short_ = false;
    Counter& purged_;
    Counter& purged_bytes_;
    Counter& expired_;
};

}  // namespace mbx::store
