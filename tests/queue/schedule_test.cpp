// The schedule by itself, and who is served next.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>

#include "queue/dispatcher.hpp"
#include "queue/pace.hpp"
#include "queue/schedule.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::Scratch;

namespace {

constexpr std::uint64_t kSmallMap = 256U << 10U;

std::unique_ptr<Schedule> open_schedule(const Scratch& scratch)
{
    auto opened = Schedule::open(scratch.path(), kSmallMap);
    REQUIRE(opened);
    return *std::move(opened);
}

ScheduleRow row(const std::string& id, std::int64_t deadline = 0)
{
    ScheduleRow made;
    made.id = id;
    made.accepted = 5;
    made.deadline = deadline;
    made.reverse_path = "a@b";
    made.recipients = "c@d\n";
    return made;
}

std::vector<std::string> ids_of(const Schedule::Taken& taken)
{
    std::vector<std::string> ids;
    for (const auto& errand : taken.errands) ids.push_back(errand.id);
    return ids;
}

const std::string kHere = key_of({"here.example", "", false});
const std::string kThere = key_of({"there.example", "", false});

}  // namespace

TEST_CASE("destinations have equal keys when they are equal, and keys that fit", "[queue][schedule]")
{
    CHECK(key_of({"a", "b", false}) != key_of({"a", "", false}));
    CHECK(key_of({"a", "", true}) != key_of({"a", "", false}));
    const std::string longest(255, 'x');
    CHECK(key_of({longest, "one", false}) != key_of({longest, "two", false}));
    CHECK(key_of({longest, std::string(500, 'r'), false}).size() <= 200);
}

TEST_CASE("what is due comes by time, and not before", "[queue][schedule]")
{
    Scratch scratch;
    const auto schedule = open_schedule(scratch);
    CHECK(schedule->is_new());
    REQUIRE(schedule->apply({PutRow{row("m1", 900)}, PutErrand{"m1", kHere, 1, 100}, PutErrand{"m1", kThere, 1, 300},
                             PutRow{row("m2", 50)}, PutErrand{"m2", kHere, 1, 200}}));
    CHECK(schedule->due_destinations(99, "", 10)->keys.empty());
    CHECK(schedule->due_destinations(100, "", 10)->keys == std::vector<std::string>{kHere});
    CHECK(schedule->due_destinations(300, "", 10)->keys == std::vector<std::string>{kHere, kThere});
    const auto first = schedule->due_destinations(300, "", 1);
    CHECK(schedule->due_destinations(300, first->next, 10)->keys == std::vector<std::string>{kThere});
    CHECK(*schedule->due_deadlines(60, 10, {}) == std::vector<std::string>{"m2"});
    CHECK(schedule->due_deadlines(60, 10, {"m2"})->empty());
    CHECK(ids_of(*schedule->take(kHere, 150, 0, 10, {})) == std::vector<std::string>{"m1"});
    // It was taken: the destination wakes for the next one.
    CHECK(schedule->due_destinations(199, "", 10)->keys.empty());
    CHECK(schedule->due_destinations(200, "", 10)->keys == std::vector<std::string>{kHere});
    REQUIRE(schedule->apply({PutErrand{"m1", kHere, 1, 160}}));
    CHECK(schedule->due_destinations(160, "", 10)->keys == std::vector<std::string>{kHere});
    REQUIRE(schedule->apply({NotBefore{kHere, 500}}));
    CHECK(schedule->due_destinations(499, "", 10)->keys == std::vector<std::string>{kThere});
    REQUIRE(schedule->apply({PutErrand{"m2", kHere, 1, 170}}));
    CHECK(schedule->due_destinations(499, "", 10)->keys == std::vector<std::string>{kThere});
    CHECK(schedule->due_destinations(500, "", 10)->keys.size() == 2);
    REQUIRE(schedule->apply({DropEntry{"m1"}}));
    CHECK(schedule->count() == 1);
    CHECK(ids_of(*schedule->take(kHere, 600, 0, 10, {})) == std::vector<std::string>{"m2"});
    CHECK(schedule->take(kThere, 600, 0, 10, {})->errands.empty());
    CHECK(schedule->due_deadlines(1000, 10, {})->size() == 1);
    CHECK(*schedule->destinations_of("m2") == std::vector<std::string>{kHere});
}

TEST_CASE("I6: senders take turns, however much one of them brings", "[queue][schedule][I6]")
{
    Scratch scratch;
    const auto schedule = open_schedule(scratch);
    std::vector<ScheduleChange> changes;
    for (int n = 0; n < 1000; ++n) changes.push_back(PutErrand{"bulk" + std::to_string(n), kHere, 10, n});
    for (std::uint64_t n = 0; n < 5; ++n) changes.push_back(PutErrand{"small" + std::to_string(n), kHere, 20 + n, 2000});
    REQUIRE(schedule->apply(changes));
    const auto taken = schedule->take(kHere, 3000, 0, 16, {});
    REQUIRE(taken);
    const auto ids = ids_of(*taken);
    CHECK(std::count_if(ids.begin(), ids.end(), [](const std::string& id) { return id.starts_with("small"); }) == 5);
    CHECK(taken->has_more);
    // All of them come, each once, when what was taken is left out.
    std::set<std::string> seen(ids.begin(), ids.end());
    std::uint64_t from = taken->next_sender;
    for (int round = 0; round < 2000 && seen.size() < 1005; ++round) {
        const auto more = schedule->take(kHere, 3000, from, 16, seen);
        REQUIRE(more);
        from = more->next_sender;
        for (const auto& id : ids_of(*more)) CHECK(seen.insert(id).second);
    }
    CHECK(seen.size() == 1005);
}

TEST_CASE("F9: a full map grows and nothing is lost", "[queue][schedule][F9]")
{
    Scratch scratch;
    {
        const auto schedule = open_schedule(scratch);
        std::vector<ScheduleChange> changes;
        for (int n = 0; n < 20'000; ++n) {
            const auto id = "id" + std::to_string(100'000 + n);
            changes.push_back(PutRow{row(id, 10'000 + n)});
            changes.push_back(PutErrand{id, key_of({"d" + std::to_string(n % 700) + ".example", "", false}), 1, n});
            if (changes.size() == 4'000) {
                REQUIRE(schedule->apply(changes));
                changes.clear();
            }
        }
        REQUIRE(schedule->sync());
        CHECK(schedule->count() == 20'000);
    }
    const auto again = open_schedule(scratch);
    CHECK_FALSE(again->is_new());
    CHECK(again->count() == 20'000);
    CHECK(again->due_destinations(30'000, "", 1'000)->keys.size() == 700);
}

TEST_CASE("F9: a second opener is refused, in this process and in another", "[queue][schedule][F9]")
{
    Scratch scratch;
    const auto schedule = open_schedule(scratch);
    const auto second = Schedule::open(scratch.path(), kSmallMap);
    REQUIRE_FALSE(second);
    CHECK(second.error().text().find("another process") != std::string::npos);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(Schedule::open(scratch.path(), kSmallMap) ? 1 : 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(schedule->apply({PutErrand{"a", kHere, 1, 1}}));
}

TEST_CASE("F9: a damaged file is put aside and a new one made", "[queue][schedule][F9]")
{
    Scratch scratch;
    const std::string path = scratch / "queue.mdb";
    const auto fill = [&scratch] {
        const auto schedule = open_schedule(scratch);
        for (int n = 0; n < 500; ++n) REQUIRE(schedule->apply({PutErrand{"a" + std::to_string(n), kHere, 1, n}}));
        REQUIRE(schedule->sync());
    };
    SECTION("its meta pages are overwritten")
    {
        fill();
        std::string bytes = test::read_file(path);
        bytes.replace(0, 8192, 8192, '\xa5');
        test::write_file(path, bytes);
    }
    SECTION("it is cut short")
    {
        fill();
        std::filesystem::resize_file(path, 8192);
    }
    SECTION("it is another program's") { test::write_file(path, std::string(40'000, 'x')); }
    const auto schedule = open_schedule(scratch);
    CHECK(schedule->is_new());
    CHECK_FALSE(schedule->damage().empty());
    CHECK(std::filesystem::exists(path + ".damaged"));
    CHECK(schedule->apply({PutErrand{"a", kHere, 1, 1}}));
    CHECK(schedule->due_destinations(2, "", 10)->keys.size() == 1);
}

TEST_CASE("what was taken when a run ended is due again at the next start", "[queue][schedule]")
{
    Scratch scratch;
    {
        const auto schedule = open_schedule(scratch);
        REQUIRE(schedule->apply({PutErrand{"a", kHere, 1, 100}, PutErrand{"b", kThere, 1, 100}, NotBefore{kThere, 700}}));
        CHECK(schedule->take(kHere, 200, 0, 10, {})->errands.size() == 1);
        CHECK(schedule->due_destinations(200, "", 10)->keys.empty());
    }
    const auto again = open_schedule(scratch);
    CHECK(again->due_destinations(200, "", 10)->keys == std::vector<std::string>{kHere});
    CHECK(again->due_destinations(700, "", 10)->keys.size() == 2);
}

TEST_CASE("I6: connections are shared: by destination, by sender, and half are kept for new mail", "[queue][dispatcher][I6]")
{
    Dispatcher dispatcher({10, 4});
    const auto add = [&dispatcher](const std::string& domain, const std::string& id, const std::string& sender, bool is_retry) {
        const Destination to{domain, "", false};
        dispatcher.add(to, {id, key_of(to), sender, is_retry});
    };
    for (int n = 0; n < 50; ++n) add("one.example", "a" + std::to_string(n), "bulk", false);
    std::vector<Dispatcher::Start> open;
    while (auto start = dispatcher.next_start(0)) {
        CHECK(dispatcher.take(start->key));
        open.push_back(*start);
    }
    CHECK(open.size() == 4);
    for (int n = 0; n < 50; ++n) add("retry" + std::to_string(n) + ".example", "r", "bulk", true);
    std::size_t retries = 0;
    while (auto start = dispatcher.next_start(0)) {
        CHECK(dispatcher.take(start->key));
        ++retries;
    }
    CHECK(retries == 5);
    // One sender has a hundred destinations waiting, another one.
    for (int n = 0; n < 100; ++n) add("d" + std::to_string(n) + ".example", "x", "bulk", false);
    add("small.example", "s", "small", false);
    auto ninth = dispatcher.next_start(0);
    REQUIRE(ninth);
    CHECK(dispatcher.take(ninth->key));
    CHECK_FALSE(dispatcher.next_start(0));
    CHECK(dispatcher.is_contested());
    dispatcher.closed(open[0]);
    const auto next = dispatcher.next_start(0);
    REQUIRE(next);
    CHECK((next->destination.domain == "small.example" || ninth->destination.domain == "small.example"));
}

TEST_CASE("I6: a destination that fails three times is left alone, then asked by one probe", "[queue][dispatcher][I6]")
{
    Dispatcher dispatcher({100, 10});
    const Destination to{"dead.example", "", false};
    const std::string key = key_of(to);
    for (int n = 0; n < 30; ++n) dispatcher.add(to, {"m" + std::to_string(n), key, "s", false});
    std::int64_t until = 0;
    for (int n = 0; n < 3; ++n) {
        const auto start = dispatcher.next_start(1000);
        REQUIRE(start);
        if (n != 0) CHECK_FALSE(dispatcher.next_start(1000));
        CHECK(dispatcher.take(key));
        until = dispatcher.failed(key, 1000, 0, {0, "4.4.1", "refused", "", 1, false});
        dispatcher.closed(*start);
    }
    CHECK(until > 1000);
    CHECK(dispatcher.down_until(key, 1000) == until);
    CHECK_FALSE(dispatcher.next_start(until - 1));
    CHECK(dispatcher.drain(key).size() == 27);
    dispatcher.add(to, {"probe", key, "s", true});
    dispatcher.add(to, {"second", key, "s", true});
    const auto probe = dispatcher.next_start(until);
    REQUIRE(probe);
    CHECK_FALSE(dispatcher.next_start(until));
    CHECK(dispatcher.take(key)->id == "probe");
    dispatcher.reached(key);
    CHECK(dispatcher.next_start(until));
    CHECK(dispatcher.last_failure(key).at == 0);
}

TEST_CASE("a destination's minute has so many messages, a tenth of them at once, and others have their own", "[queue][pace]")
{
    constexpr std::int64_t kStart = 1'800'000'000'000;
    Pace pace;
    CHECK_FALSE(pace.is_limited());
    CHECK(pace.allowance("a", kStart) > 1'000'000);
    CHECK(pace.free_at("a", kStart) == 0);
    const auto limit = GENERATE(std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{60}, std::uint64_t{1'000}, std::uint64_t{60'000});
    CAPTURE(limit);
    pace.set(limit);
    const std::uint64_t burst = std::max<std::uint64_t>(1, limit / 10);
    std::uint64_t sent = 0;
    // Whoever comes whenever the next may go: no minute has more than its number and what may go at once.
    for (std::int64_t now = kStart; now < kStart + 60'000;) {
        CHECK(pace.allowance("a", now) <= burst);
        while (pace.allowance("a", now) != 0) {
            pace.sent("a", now);
            ++sent;
        }
        const std::int64_t next = pace.free_at("a", now);
        REQUIRE(next > now);
        CHECK(pace.free_at("a", next) == 0);
        now = next;
    }
    CHECK(sent >= limit);
    CHECK(sent <= limit + burst);
    CHECK(pace.allowance("b", kStart) == burst);
    // A clock that was set back by a day costs no more than a burst lasts.
    CHECK(pace.free_at("a", kStart - 86'400'000) <= kStart - 86'400'000 + 60'000);
    pace.set(0);
    CHECK(pace.free_at("a", kStart) == 0);
}
