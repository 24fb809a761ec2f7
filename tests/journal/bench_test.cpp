// Not part of a run: `journal_test "[.bench]"` measures commits on the disk below TMPDIR. Build it with -O2.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "journal_world.hpp"

namespace mbx::journal {
namespace {

using test::JournalWorld;
using namespace std::chrono;

struct Measured {
    std::vector<double> ms;
    double seconds = 0;
};

// Each thread appends 5 KB and waits for it, as long as `span` lasts; a checkpoint each 100 ms keeps the journal small.
Measured run_appenders(JournalWorld& world, int appenders, milliseconds span)
{
    const auto body = std::make_shared<const std::string>(5 * 1024, 'b');
    const std::string head(200, 'h');
    std::vector<std::vector<double>> each(static_cast<std::size_t>(appenders));
    std::vector<std::thread> threads;
    std::atomic<bool> ends{false};
    const auto began = steady_clock::now();
    for (auto& mine : each) {
        threads.emplace_back([&] {
            while (!ends) {
                const auto from = steady_clock::now();
                const Lsn lsn = world.journal->append({{head, body}});
                if (lsn == 0) {
                    std::this_thread::yield();
                    continue;
                }
                if (!world.journal->wait(lsn)) std::abort();
                mine.push_back(duration<double, std::milli>(steady_clock::now() - from).count());
            }
        });
    }
    while (steady_clock::now() - began < span) {
        std::this_thread::sleep_for(milliseconds(100));
        (void)world.journal->checkpoint(world.journal->durable());
    }
    ends = true;
    for (std::thread& thread : threads) thread.join();
    Measured all;
    all.seconds = duration<double>(steady_clock::now() - began).count();
    for (const auto& mine : each) all.ms.insert(all.ms.end(), mine.begin(), mine.end());
    std::sort(all.ms.begin(), all.ms.end());
    return all;
}

TEST_CASE("commits of 5 KB records", "[.bench]")
{
    std::printf("%-9s %9s %10s %10s %9s %9s %9s %12s\n", "mode", "appenders", "records/s", "commits/s", "p50 ms", "p99 ms",
                "max ms", "bytes/record");
    for (const int appenders : {1, 50}) {
        for (const WriteMode mode : {WriteMode::buffered, WriteMode::durable}) {
            JournalWorld world;
            world.options.segment_bytes = 32U << 20U;
            world.options.mode = mode;
            world.open();
            world.await_ready();
            const Measured all = run_appenders(world, appenders, seconds(5));
            const auto commits = static_cast<double>(world.metrics.counter("mailboxd_journal_commits_total", "").value());
            const auto bytes = static_cast<double>(world.metrics.counter("mailboxd_journal_bytes_total", "").value());
            const auto records = static_cast<double>(all.ms.size());
            REQUIRE_FALSE(all.ms.empty());
            std::printf("%-9s %9d %10.0f %10.0f %9.3f %9.3f %9.3f %12.0f\n",
                        mode == WriteMode::buffered ? "buffered" : "direct", appenders, records / all.seconds,
                        commits / all.seconds, all.ms[all.ms.size() / 2], all.ms[all.ms.size() * 99 / 100], all.ms.back(),
                        bytes / records);
        }
    }
}

TEST_CASE("opening a journal with 256 MB above its checkpoint", "[.bench]")
{
    JournalWorld world;
    world.options.segment_bytes = 32U << 20U;
    world.open();
    const auto body = std::make_shared<const std::string>(5 * 1024, 'b');
    const std::string head(200, 'h');
    std::uint64_t bytes = 0;
    while (bytes < (256U << 20U)) {
        const Lsn lsn = world.journal->append({{head, body}});
        if (lsn == 0) std::this_thread::yield();
        else bytes += head.size() + body->size();
    }
    REQUIRE(world.journal->wait(world.journal->last()));
    std::printf("%9s %9s\n", "records", "ms");
    for (int n = 0; n < 5; ++n) {
        world.journal.reset();
        std::size_t records = 0;
        const auto visit = [&records](Lsn, std::string_view, const Location&) { ++records; };
        const auto began = steady_clock::now();
        auto opened = Journal::open(world.real, world.clock, world.metrics, Log(), world.options, visit);
        const double ms = duration<double, std::milli>(steady_clock::now() - began).count();
        REQUIRE(opened);
        std::printf("%9zu %9.0f\n", records, ms);
    }
}

}  // namespace
}  // namespace mbx::journal
