// What placing costs by itself: hidden, run with the tag [.bench] on a release build. MAILBOXD_BENCH_DIRECTORY says on
// which disk; else memory.
#include <cstdlib>
#include <thread>

#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;

namespace {

constexpr int kAccounts = 50;
constexpr int kThreads = 2;
constexpr int kMessages = 40'000;
constexpr int kBatch = 20;  // of one job of an account
constexpr std::size_t kSize = 5000;

struct Bench {
    explicit Bench(const std::string& base) : root(base + "/mailboxd-place-bench")
    {
        std::filesystem::remove_all(root);
        std::filesystem::create_directories(root + "/spool");
        journal::JournalOptions options;
        options.directory = root + "/journal";
        journal = *journal::Journal::open(files, clock, metrics, Log(), options,
                                          [](journal::Lsn, std::string_view, const journal::Location&) {});
        for (int n = 0; n < kAccounts; ++n) {
            auto opened = AccountStore::open(files, root + "/account" + std::to_string(n), {n, "a", "b"},
                                             {*journal, 7, voids}, clock, random, Log(), {});
            stores.push_back(*std::move(opened));
        }
        AcceptedRecord record;
        record.internal_date = 1'700'000'000;
        record.size = kSize;
        record.recipients.push_back({1, "a", "b"});
        auto body = std::make_shared<const std::string>(kSize, 'x');
        record.crc = crc32c(*body);
        message = std::make_shared<const AcceptedMessage>(1, std::move(record), std::move(body), root + "/spool");
    }
    ~Bench()
    {
        stores.clear();
        journal.reset();
        std::filesystem::remove_all(root);
    }

    // The accounts of one thread, in turns, a job at a time; a second's commits and checkpoints between.
    void run(int thread)
    {
        constexpr int kJobs = kMessages / kThreads / kBatch;
        for (int job = 0; job < kJobs; ++job) {
            auto& store = *stores[static_cast<std::size_t>(thread + kThreads * (job % (kAccounts / kThreads)))];
            for (int n = 0; n < kBatch; ++n) failed = failed || !store.place(*message);
            (void)store.end_job();
        }
    }

    std::string root;
    PosixFileSystem files;
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    std::vector<journal::LsnRange> voids;
    std::unique_ptr<journal::Journal> journal;
    std::vector<std::unique_ptr<AccountStore>> stores;
    std::shared_ptr<const AcceptedMessage> message;
    std::atomic<bool> failed = false;
};

}  // namespace

TEST_CASE("placing alone: messages of 5 KB a second into 50 accounts, by two threads", "[.bench]")
{
    const char* wanted = std::getenv("MAILBOXD_BENCH_DIRECTORY");
    Bench bench(wanted != nullptr ? wanted : "/dev/shm");
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int n = 0; n < kThreads; ++n) threads.emplace_back([&bench, n] { bench.run(n); });
    for (auto& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    CHECK_FALSE(bench.failed);
    WARN(static_cast<int>(kMessages / took.count()) << " messages a second placed");
    for (auto& store : bench.stores) CHECK(store->commit_index());
    const std::chrono::duration<double> with_commit = std::chrono::steady_clock::now() - begin;
    WARN(static_cast<int>(kMessages / with_commit.count()) << " with the commit of all indexes");
}
