#include <catch2/catch_test_macros.hpp>

#include <thread>

#include "co/scope.hpp"
#include "journal/commit_waiters.hpp"
#include "journal_world.hpp"
#include "support/faulty_file_system.hpp"

namespace mbx::journal {
namespace {

using test::JournalWorld;
using test::record_of;

struct Heard {
    std::vector<Lsn> order;
    std::vector<bool> answers;
};

co::Task<void> await_durable(CommitWaiters* waiters, Lsn lsn, Heard* heard)
{
    const bool is_durable = co_await waiters->durable(lsn);
    heard->order.push_back(lsn);
    heard->answers.push_back(is_durable);
}

TEST_CASE("coroutines that wait go on in the order of their numbers, and at once for what is durable", "[journal]")
{
    JournalWorld world;
    world.open();
    net::Loop loop;
    CommitWaiters waiters(loop, *world.journal, [] { FAIL("the journal failed"); });
    for (int number = 1; number <= 20; ++number) REQUIRE(world.journal->append(record_of("r")) != 0);
    Heard heard;
    co::Scope scope;
    for (Lsn lsn = 20; lsn >= 1; --lsn) scope.spawn(await_durable(&waiters, lsn, &heard));
    loop.run();
    REQUIRE(heard.order.size() == 20);
    // They may have gone on in several turns, each in order; a frame of 20 is one of them.
    for (const bool answer : heard.answers) CHECK(answer);
    scope.spawn(await_durable(&waiters, 3, &heard));
    CHECK(heard.order.size() == 21);  // without a turn of the loop
}

co::Task<void> append_and_wait(Journal* journal, CommitWaiters* waiters, Heard* heard)
{
    const Lsn lsn = journal->append(record_of("r"));
    const bool is_durable = co_await waiters->durable(lsn);
    heard->order.push_back(lsn);
    heard->answers.push_back(is_durable);
}

TEST_CASE("all that wait in one turn of the loop share one frame", "[journal]")
{
    JournalWorld world;
    world.options.lazy_delay = std::chrono::hours(1);
    world.open();
    world.await_ready();
    const auto before = world.frames().size();
    net::Loop loop;
    CommitWaiters waiters(loop, *world.journal, [] { FAIL("the journal failed"); });
    Heard heard;
    co::Scope scope;
    for (int number = 0; number < 50; ++number) {
        loop.post([&] { scope.spawn(append_and_wait(world.journal.get(), &waiters, &heard)); });
    }
    loop.run();
    CHECK(heard.answers == std::vector<bool>(50, true));
    CHECK(world.frames().size() == before + 1);
}

TEST_CASE("a commit that ends just before its waiter comes is not missed", "[journal]")
{
    JournalWorld world;
    world.open();
    world.await_ready();
    net::Loop loop;
    CommitWaiters waiters(loop, *world.journal, [] { FAIL("the journal failed"); });
    const auto race = [](JournalWorld* with, CommitWaiters* on, int* heard) -> co::Task<void> {
        for (int turn = 0; turn < 10'000; ++turn) {
            const Lsn lsn = with->append("r");
            with->journal->want(lsn);
            // Each turn gives the writing thread another while, so that the commit ends before, in or after the wait.
            for (int spins = turn % 50 * 40; spins > 0 && with->journal->durable() < lsn; --spins) std::this_thread::yield();
            const bool is_durable = co_await on->durable(lsn);
            if (is_durable) ++*heard;
        }
    };
    int heard = 0;
    co::Scope scope;
    scope.spawn(race(&world, &waiters, &heard));
    loop.run();
    CHECK(heard == 10'000);
}

TEST_CASE("G2: waiters of a journal that fails go on with false, and then the failure is told once", "[journal]")
{
    PosixFileSystem real;
    test::FaultyFileSystem faulty(real);
    JournalWorld world;
    REQUIRE(world.try_open(faulty) == "");
    world.commit("good");
    world.await_ready();
    faulty.only({test::Call::sync_data});
    faulty.fail_at(1, EIO);
    net::Loop loop;
    Heard heard;
    int failures = 0;
    CommitWaiters waiters(loop, *world.journal, [&] {
        CHECK(heard.order.size() == 5);
        ++failures;
    });
    std::vector<journal::Payload> together;
    for (int number = 0; number < 5; ++number) together.push_back({"r", nullptr});
    REQUIRE(world.journal->append(std::move(together)) == 2);
    co::Scope scope;
    for (Lsn lsn = 2; lsn <= 6; ++lsn) scope.spawn(await_durable(&waiters, lsn, &heard));
    loop.run();
    CHECK(heard.answers == std::vector<bool>(5, false));
    CHECK(failures == 1);
    scope.spawn(await_durable(&waiters, 6, &heard));
    scope.spawn(await_durable(&waiters, 1, &heard));
    REQUIRE(heard.answers.size() == 7);
    CHECK_FALSE(heard.answers[5]);
    CHECK(heard.answers[6]);
    loop.run();
    CHECK(failures == 1);
}

TEST_CASE("waiters may go while records are being written", "[journal]")
{
    JournalWorld world;
    world.open();
    net::Loop loop;
    for (int round = 0; round < 50; ++round) {
        const CommitWaiters waiters(loop, *world.journal, {});
        world.journal->want(world.append("r"));
    }
    loop.run();
    CHECK(world.journal->wait(50));
}

co::Task<void> append_and_wait(Journal* journal, CommitWaiters* waiters, int times, Lsn* last)
{
    for (int number = 0; number < times; ++number) {
        const Lsn lsn = journal->append(record_of("r"));
        const bool is_durable = co_await waiters->durable(lsn);
        CHECK(is_durable);
        *last = std::max(*last, lsn);
    }
}

TEST_CASE("fifty sessions that wait in turn share frames", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 1U << 20U;
    world.open();
    net::Loop loop;
    CommitWaiters waiters(loop, *world.journal, {});
    Lsn last = 0;
    co::Scope scope;
    for (int session = 0; session < 50; ++session) scope.spawn(append_and_wait(world.journal.get(), &waiters, 4, &last));
    loop.run();
    CHECK(last == 200);
    CHECK(world.metrics.counter("mailboxd_journal_commits_total", "").value() < 100);
}

}  // namespace
}  // namespace mbx::journal
