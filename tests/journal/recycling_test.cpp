#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "journal_world.hpp"

namespace mbx::journal {
namespace {

using test::JournalWorld;

std::size_t files_in(const JournalWorld& world)
{
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world.options.directory)) {
        if (entry.path().filename().string().size() == 16) ++count;
    }
    return count;
}

TEST_CASE("segments below the checkpoint are used again without being filled, and their number stays bounded", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.options.spare_segments = 3;
    world.open();
    Lsn last = 0;
    for (int round = 0; round < 30; ++round) {
        for (int number = 0; number < 4; ++number) last = world.commit("r");
        REQUIRE(world.journal->checkpoint(last));
    }
    CHECK(world.frames().back().segment > 20);
    CHECK(world.metrics.counter("mailboxd_journal_filled_bytes_total", "").value() <= 12U * (16U << 10U));
    world.await_ready();
    while (world.segments("spare") > 3) std::this_thread::yield();
    CHECK(files_in(world) <= 3 + 2 + 2);
    CHECK(world.journal->backlog().records == 0);
}

TEST_CASE("the journal grows while nothing can be recycled and shrinks afterwards", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.options.spare_segments = 2;
    world.open();
    Lsn last = 0;
    for (int number = 0; number < 60; ++number) last = world.commit("r");
    CHECK(files_in(world) >= 20);
    REQUIRE(world.journal->checkpoint(last));
    world.await_ready();
    while (files_in(world) > 6) std::this_thread::yield();
    world.reopen();
    CHECK(world.seen.empty());
    CHECK(world.journal->recovery().end == last);
    CHECK(world.commit("after") > last);
}

TEST_CASE("a reader of a place gets its record or an error, never what a recycled segment has there", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.open();
    for (int number = 1; number <= 9; ++number) world.commit("old " + std::to_string(number));
    world.reopen();
    REQUIRE(world.places.size() == 9);
    for (const auto& [lsn, place] : world.places) CHECK(*world.journal->read(place) == world.seen.at(lsn));
    std::atomic<bool> ends{false};
    std::atomic<int> strange{0};
    std::thread reader([&] {
        while (!ends) {
            for (const auto& [lsn, place] : world.places) {
                const auto bytes = world.journal->read(place);
                if (bytes && *bytes != world.seen.at(lsn)) ++strange;
            }
        }
    });
    for (int round = 0; round < 10; ++round) {
        Lsn last = 0;
        for (int number = 0; number < 4; ++number) last = world.commit("new " + std::to_string(number));
        REQUIRE(world.journal->checkpoint(last));
    }
    ends = true;
    reader.join();
    CHECK(strange == 0);
    CHECK_FALSE(world.journal->read(world.places.begin()->second));
}

TEST_CASE("segments of another size are put away when the size is changed", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.open();
    for (int number = 0; number < 5; ++number) world.commit("small");
    world.options.segment_bytes = 64U << 10U;
    world.reopen();
    CHECK(world.seen.size() == 5);
    const Lsn last = world.commit(std::string(30'000, 'l'));
    REQUIRE(world.journal->checkpoint(last));
    world.reopen();
    CHECK(world.seen.empty());
    CHECK(world.commit("on") > last);
}

TEST_CASE("a record larger than a segment is refused without harm", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    world.open();
    CHECK(world.journal->append(test::record_of(std::string(64U << 10U, 'l'))) == 0);
    CHECK(world.journal->append({}) == 0);
    CHECK_FALSE(world.journal->has_failed());
    CHECK(world.commit("small") == 1);
}

TEST_CASE("many threads append, wait and checkpoint beside each other, and all that was promised is there", "[journal]")
{
    constexpr int kThreads = 6;
    constexpr int kEach = 150;
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    world.open();
    const auto body = std::make_shared<const std::string>(2000, 'b');
    std::mutex mutex;
    std::map<Lsn, std::string> given;
    std::vector<std::thread> threads;
    std::atomic<int> running{kThreads};
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int number = 0; number < kEach; ++number) {
                const std::string head = fmt::format("{} {} ", thread, number);
                Lsn lsn = 0;
                while ((lsn = world.journal->append({{head, body}, {head, nullptr}})) == 0) std::this_thread::yield();
                if (number % 3 != 0 && !world.journal->wait(lsn + 1)) std::abort();
                const std::lock_guard lock(mutex);
                given.emplace(lsn, head + *body);
                given.emplace(lsn + 1, head);
            }
            --running;
        });
    }
    Lsn applied = 0;
    while (running != 0) {
        applied = world.journal->durable() / 2;
        if (!world.journal->checkpoint(applied)) std::abort();
        (void)world.journal->backlog();
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(world.journal->wait(world.journal->last()));
    REQUIRE(given.size() == 2U * kThreads * kEach);
    world.reopen();
    const Lsn checkpoint = world.journal->recovery().checkpoint;
    CHECK(checkpoint >= applied);
    CHECK(world.seen.size() == given.size() - checkpoint);
    for (const auto& [lsn, bytes] : world.seen) CHECK(given.at(lsn) == bytes);
}

}  // namespace
}  // namespace mbx::journal
