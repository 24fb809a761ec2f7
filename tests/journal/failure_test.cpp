// The journal on a disk that fails, is full, tears or hangs.
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "hooked_file_system.hpp"
#include "journal_world.hpp"
#include "support/faulty_file_system.hpp"

namespace mbx::journal {
namespace {

using test::Call;
using test::FaultyFileSystem;
using test::HookedFileSystem;
using test::JournalWorld;
using test::record_of;

struct Promised {
    std::map<Lsn, std::string> durable;
    Lsn applied = 0;
    Lsn given = 0;
};

// Appends, waits and checkpoints until it is through or the journal fails; remembers what it was promised.
bool work(JournalWorld& world, Promised& promised)
{
    for (int round = 0; round < 6; ++round) {
        for (int number = 0; number < 3; ++number) {
            const std::string text = "record " + std::to_string(round * 3 + number) + std::string(3000, 'x');
            Lsn lsn = 0;
            while ((lsn = world.journal->append(record_of(text))) == 0) {
                const bool lacks_room = world.metrics.gauge("mailboxd_journal_lacks_space", "").value() != 0;
                if (lacks_room || world.journal->has_failed()) return false;
                std::this_thread::yield();
            }
            CHECK(lsn > promised.given);
            promised.given = lsn;
            if (!world.journal->wait(lsn)) return false;
            promised.durable.emplace(lsn, text);
        }
        const Lsn applied = world.journal->durable() - 1;
        if (!world.journal->checkpoint(applied)) return false;
        promised.applied = applied;
    }
    return true;
}

void check_promises(const JournalWorld& world, const Promised& promised)
{
    const Lsn checkpoint = world.journal->recovery().checkpoint;
    CHECK(checkpoint >= promised.applied);
    for (const auto& [lsn, text] : promised.durable) {
        if (lsn <= checkpoint) continue;
        REQUIRE(world.seen.contains(lsn));
        CHECK(world.seen.at(lsn) == text);
    }
    for (const auto& [lsn, text] : world.seen) {
        CHECK(lsn <= promised.given);
        for (const LsnRange& range : world.journal->recovery().voids) CHECK_FALSE(range.contains(lsn));
    }
    CHECK(world.journal->last() >= promised.given);
}

TEST_CASE("G1: whichever call is the last that reaches the disk, what was promised is there and no number comes twice",
          "[journal]")
{
    const bool torn = GENERATE(false, true);
    bool is_through = false;
    for (unsigned last = 1; !is_through; ++last) {
        CAPTURE(last, torn);
        REQUIRE(last < 2000);
        PosixFileSystem real;
        FaultyFileSystem faulty(real);
        JournalWorld world;
        world.options.segment_bytes = 16U << 10U;
        faulty.fail_at(last, EIO, true, torn);
        Promised promised;
        if (world.try_open(faulty).empty()) {
            const bool worked = work(world, promised);
            world.journal.reset();
            is_through = worked && !faulty.has_failed();
        }
        // The next start dies as well, early or late, and the one behind it must not notice.
        faulty.fail_at(1 + last % 9, EIO, true, torn);
        (void)world.try_open(faulty);
        world.open();
        check_promises(world, promised);
        REQUIRE(world.commit("goes on") > promised.given);
    }
}

TEST_CASE("G2: after one failed sync nothing is acknowledged and nothing is tried again", "[journal]")
{
    const auto mode = GENERATE(WriteMode::buffered, WriteMode::durable);
    PosixFileSystem real;
    FaultyFileSystem faulty(real);
    JournalWorld world;
    world.options.mode = mode;
    REQUIRE(world.try_open(faulty) == "");
    world.commit("good");
    world.await_ready();
    const auto kind = mode == WriteMode::buffered ? Call::sync_data : Call::write;
    faulty.only({kind});
    faulty.fail_at(1, EIO);
    const Lsn lsn = world.journal->append(record_of("bad"));
    REQUIRE(lsn == 2);
    CHECK_FALSE(world.journal->wait(lsn));
    CHECK(world.journal->has_failed());
    CHECK(world.journal->durable() == 1);
    CHECK(world.journal->append(record_of("later")) == 0);
    CHECK_FALSE(world.journal->has_room(1));
    CHECK_FALSE(world.journal->checkpoint(1));
    CHECK(world.metrics.gauge("mailboxd_journal_failed", "").value() == 1);
    world.journal->close(1);
    CHECK(faulty.calls() == 1);
    world.reopen();
    CHECK_FALSE(world.journal->recovery().was_closed);
    CHECK(world.seen.at(1) == "good");
    CHECK(world.journal->append(record_of("new")) > lsn);
}

TEST_CASE("G2: a checkpoint whose sync fails recycles nothing", "[journal]")
{
    PosixFileSystem real;
    FaultyFileSystem faulty(real);
    JournalWorld world;
    REQUIRE(world.try_open(faulty) == "");
    world.commit("good");
    world.await_ready();
    faulty.only({Call::sync_data});
    faulty.fail_at(1, EIO);
    CHECK_FALSE(world.journal->checkpoint(1));
    CHECK(world.journal->has_failed());
    CHECK(world.journal->backlog().records == 1);  // what would be forgotten is what would be recycled
}

TEST_CASE("G3: on a full volume the journal says so before it gives a number, and goes on when there is room", "[journal]")
{
    PosixFileSystem real;
    std::atomic<bool> is_full{false};
    HookedFileSystem hooked(real, [&](Call call, const std::string&) {
        return call == Call::create && is_full ? ENOSPC : 0;
    });
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    REQUIRE(world.try_open(hooked) == "");
    world.await_ready();
    is_full = true;
    Lsn last = 0;
    while (true) {
        const bool had_room = world.journal->has_room(3000);
        const Lsn lsn = world.journal->append(record_of(std::string(3000, 'f')));
        CHECK(had_room == (lsn != 0));
        if (lsn == 0) break;
        last = lsn;
    }
    CHECK_FALSE(world.journal->has_failed());
    CHECK(last >= 30);
    REQUIRE(world.journal->wait(last));  // what had a number has its place
    while (world.metrics.gauge("mailboxd_journal_lacks_space", "").value() == 0) std::this_thread::yield();
    SECTION("a checkpoint frees segments for reuse, which need no new space")
    {
        REQUIRE(world.journal->checkpoint(last));
        CHECK(world.append(std::string(3000, 'g')) == last + 1);
    }
    SECTION("space on the volume comes back")
    {
        is_full = false;
        CHECK(world.append(std::string(3000, 'g')) == last + 1);
    }
    REQUIRE(world.journal->wait(last + 1));
    world.reopen();
    CHECK(world.seen.at(last + 1) == std::string(3000, 'g'));
}

TEST_CASE("G3: checkpoints are durable when the journal has not one block left", "[journal]")
{
    PosixFileSystem real;
    std::atomic<bool> is_full{false};
    HookedFileSystem hooked(real, [&](Call call, const std::string& path) {
        return call == Call::create && is_full && !path.ends_with("state.new") ? ENOSPC : 0;
    });
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    REQUIRE(world.try_open(hooked) == "");
    world.await_ready();
    is_full = true;
    Lsn last = 0;
    while (const Lsn lsn = world.journal->append(record_of("r"))) last = lsn;
    REQUIRE(world.journal->wait(last));
    // The first records lie in a frame of several: each of these checkpoints frees nothing.
    const Lsn whole = world.frames().front().first + world.frames().front().records - 1;
    for (Lsn applied = 1; applied < whole; ++applied) REQUIRE(world.journal->checkpoint(applied));
    world.reopen();
    CHECK(world.journal->recovery().checkpoint == whole - 1);
    CHECK(world.journal->recovery().end == last);
}

TEST_CASE("G3: a journal opens on a full volume, gives no number, and does when there is space", "[journal]")
{
    PosixFileSystem real;
    JournalWorld world;
    world.open();
    world.commit("one");
    world.journal.reset();
    std::atomic<bool> is_full{true};
    HookedFileSystem hooked(real, [&](Call call, const std::string&) {
        return (call == Call::create || call == Call::append) && is_full ? ENOSPC : 0;
    });
    REQUIRE(world.try_open(hooked) == "");
    CHECK(world.seen.size() == 1);
    CHECK(world.journal->append(record_of("no")) == 0);
    CHECK_FALSE(world.journal->has_failed());
    is_full = false;
    CHECK(world.append("yes") > 1);
    world.journal.reset();
}

TEST_CASE("G6: a write that ends short fails the journal and leaves what was durable", "[journal]")
{
    PosixFileSystem real;
    FaultyFileSystem faulty(real);
    JournalWorld world;
    REQUIRE(world.try_open(faulty) == "");
    world.commit("good");
    world.await_ready();
    faulty.only({Call::write});
    faulty.fail_at(1, ENOSPC, false, true);
    const Lsn lsn = world.journal->append(record_of(std::string(9000, 'h')));
    CHECK_FALSE(world.journal->wait(lsn));
    world.reopen();
    CHECK(world.seen.size() == 1);
    CHECK(world.seen.at(1) == "good");
}

TEST_CASE("G7: while the disk hangs, appending and asking do not", "[journal]")
{
    PosixFileSystem real;
    std::mutex mutex;
    std::condition_variable changed;
    bool hangs = false;
    bool is_reached = false;
    HookedFileSystem hooked(real, [&](Call call, const std::string&) {
        if (call != Call::sync_data && call != Call::write) return 0;
        std::unique_lock lock(mutex);
        is_reached = is_reached || hangs;
        changed.notify_all();
        changed.wait(lock, [&] { return !hangs; });
        return 0;
    });
    JournalWorld world;
    REQUIRE(world.try_open(hooked) == "");
    world.await_ready();
    {
        const std::lock_guard lock(mutex);
        hangs = true;
    }
    Lsn last = world.journal->append(record_of("first"));
    world.journal->want(last);
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return is_reached; });
    }
    for (int number = 0; number < 100; ++number) last = world.journal->append(record_of("more"));
    CHECK(last == 101);
    CHECK(world.journal->has_room(1000));
    CHECK(world.journal->backlog().records == 101);
    CHECK(world.journal->durable() == 0);
    {
        const std::lock_guard lock(mutex);
        hangs = false;
        changed.notify_all();
    }
    CHECK(world.journal->wait(last));
}

TEST_CASE("G8: whatever the wall clock does, numbers grow and records are written", "[journal]")
{
    ManualClock clock;
    JournalWorld world;
    const auto reopen = [&](std::chrono::hours wall) {
        clock.set_wall(WallTime(wall));
        world.journal.reset();
        world.seen.clear();
        const auto visit = [&](Lsn lsn, std::string_view payload, const Location&) { world.seen.emplace(lsn, payload); };
        auto opened = Journal::open(world.real, clock, world.metrics, Log(), world.options, visit);
        REQUIRE(opened);
        world.journal = *std::move(opened);
    };
    Lsn before = 0;
    for (const int hours : {500'000, 499'999, 0, 508'760, 600'000}) {  // an hour back, 1970, a year on, beyond 2038
        reopen(std::chrono::hours(hours));
        const Lsn lsn = world.commit("at " + std::to_string(hours));
        CHECK(lsn > before);
        before = lsn;
    }
    CHECK(world.seen.size() == 4);
}

}  // namespace
}  // namespace mbx::journal
