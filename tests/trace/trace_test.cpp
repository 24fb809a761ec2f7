#include "trace/trace.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "support/run.hpp"
#include "support/scratch.hpp"
#include "trace/event_record.hpp"
#include "trace/mailbox_events.hpp"
#include "trace/schema.hpp"
#include "trace/story.hpp"
#include "trace/trace_file.hpp"
#include "trace/trace_reader.hpp"

using namespace mbx;
using namespace mbx::trace;

namespace {

constexpr auto kStart = std::chrono::seconds(1'800'000'000);

WallTime at(std::chrono::milliseconds after) { return WallTime(kStart + after); }

Event accepted(const std::string& id, std::chrono::milliseconds after = {}, const std::string& subject = "Lunch")
{
    return Event{id, EventKind::accepted, at(after), "", "",
                 {{"reverse_path", "alice@example.org"}, {"account", "alice@example.org"}, {"peer", "192.0.2.1"},
                  {"helo", "laptop"}, {"tls", "TLSv1.3"}, {"size", "4711"}, {"subject", subject},
                  {"message_id", id + "@mail.example.org"}}};
}

const TracedMailbox kInbox{"bob@example.org", 2, 1, "INBOX"};

Event placed(const std::string& id, std::chrono::milliseconds after, int uid = 17)
{
    return placed_event(id, kInbox, static_cast<std::uint32_t>(uid), at(after));
}

Event delivered(const std::string& id, std::chrono::milliseconds started, std::chrono::milliseconds after,
                const std::string& recipient = "carol@example.net")
{
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(at(started).time_since_epoch()).count();
    return Event{id, EventKind::delivered, at(after), recipient, "2.0.0 taken as 4711",
                 {{"host", "mx.example.net"}, {"address", "198.51.100.7:25"}, {"tls", "TLSv1.3, DANE"}, {"code", "250"},
                  {"started", std::to_string(millis)}}};
}

// A trace on a loop of its own, in a directory of its own.
class World {
public:
    explicit World(TraceOptions options = fast()) { open(options); }
    static TraceOptions fast()
    {
        TraceOptions options;
        options.interval = std::chrono::milliseconds(1);
        return options;
    }
    void open(TraceOptions options)
    {
        trace = std::make_unique<Trace>(Trace::Ground{loop, workers, files, clock, metrics, Log(), scratch / "trace.db"}, options);
    }
    template <typename T>
    T run(co::Task<T> task)
    {
        return test::run_on(loop, std::move(task));
    }
    std::vector<std::string> ids(const std::string& text, SearchQuery query = {})
    {
        query.text = text;
        const auto answer = run(trace->search(query));
        REQUIRE(answer);
        std::vector<std::string> found;
        for (const MessageRow& row : answer->messages) found.push_back(row.id);
        return found;
    }
    MessageStory story(const std::string& id, std::string about = {})
    {
        auto found = run(trace->story(id, std::move(about)));
        REQUIRE(found);
        REQUIRE(*found);
        return **found;
    }

    test::Scratch scratch;
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
    PosixFileSystem files;
    ManualClock clock;
    Metrics metrics;
    std::unique_ptr<Trace> trace;
};

using Ids = std::vector<std::string>;

std::int64_t count(const std::string& path, const std::string& sql)
{
    Database database(path, OpenMode::read);
    const auto number = database.number(sql.c_str());
    CHECK(database.take_error() == 0);
    return number;
}

}  // namespace

TEST_CASE("what is recorded is found by id, address, Message-ID and subject", "[trace]")
{
    World world;
    const std::string id = "0abcdefghij123456789";
    world.trace->record(accepted(id, {}, "Обед и Straße"));
    world.trace->record(placed(id, std::chrono::milliseconds(3)));
    world.trace->record(accepted("other", std::chrono::seconds(1)));
    const std::string query = GENERATE("0abcdefghij123456789", "0ABCDEFGHIJ123456789", "BOB@example.org", "<0abcdefghij123456789@mail.example.org>",
                                       "0abcdefghij123456789@mail.example.org", "обед", "STRASSE ");
    CAPTURE(query);
    CHECK(world.ids(query) == (query == "STRASSE " ? Ids{} : Ids{id}));
    CHECK(world.ids("alice@example.org") == Ids{"other", id});
    CHECK(world.ids("") == Ids{"other", id});
    CHECK(world.ids("nothing like it").empty());
}

TEST_CASE("a trace in which nothing was recorded answers with nothing", "[trace]")
{
    World world;
    CHECK(world.ids("").empty());
    const auto story = world.run(world.trace->story("x", ""));
    CHECK((story && !*story));
    CHECK(world.run(world.trace->slo({}))->delivered == 0);
}

TEST_CASE("a search is bounded in time and goes on page by page", "[trace]")
{
    World world;
    for (int n = 0; n < 5; ++n) world.trace->record(accepted("id" + std::to_string(n), std::chrono::seconds(n)));
    SearchQuery query;
    query.most = 2;
    auto page = world.run(world.trace->search(query));
    REQUIRE(page);
    REQUIRE(page->messages.size() == 2);
    CHECK(page->has_more);
    CHECK(page->messages[0].id == "id4");
    query.before = page->messages[1].number;
    query.most = 3;
    page = world.run(world.trace->search(query));
    REQUIRE(page->messages.size() == 3);
    CHECK_FALSE(page->has_more);
    CHECK(page->messages[2].id == "id0");
    SearchQuery late;
    late.since = std::chrono::microseconds(kStart).count() + 3'000'000;
    CHECK(world.ids("", late) == Ids{"id4", "id3"});
    late.until = *late.since + 1;
    CHECK(world.ids("", late) == Ids{"id3"});
}

TEST_CASE("an event that is recorded twice is one row and counts once", "[trace]")
{
    World world;
    const Event attempt{"m", EventKind::attempted, at(std::chrono::seconds(1)), "carol@example.net", "451 later", {}};
    for (int n = 0; n < 3; ++n) {
        world.trace->record(accepted("m"));
        world.trace->record(attempt);
        world.trace->record(delivered("m", std::chrono::seconds(2), std::chrono::seconds(3)));
        world.run(world.trace->flush());
    }
    const MessageStory story = world.story("m");
    CHECK(story.events.size() == 3);
    REQUIRE(story.deliveries.size() == 1);
    CHECK(story.deliveries[0].attempts == 2);
    CHECK(story.deliveries[0].outcome == "delivered");
    CHECK(story.deliveries[0].total_us == 3'000'000);
    CHECK(story.deliveries[0].our_us == 1'000'000);
    CHECK(story.deliveries[0].their_us == 2'000'000);
}

TEST_CASE("who is refused at the first attempt has it counted, with the host and its time, as any other", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    const std::vector<std::pair<std::string, std::string>> facts{{"attempt", "1"}, {"host", "mx.example.net"}, {"our_ms", "40"}, {"their_ms", "500"}};
    const Event refused{"m", EventKind::failed, at(std::chrono::seconds(2)), "carol@example.net", "550 no such user", facts};
    for (int n = 0; n < 2; ++n) world.trace->record(refused);
    // Nobody was asked about this one.
    world.trace->record({"m", EventKind::failed, at(std::chrono::seconds(3)), "dora@example.net", "its time is over", {}});
    const MessageStory story = world.story("m");
    REQUIRE(story.deliveries.size() == 2);
    CHECK(story.deliveries[0].outcome == "failed");
    CHECK(story.deliveries[0].attempts == 1);
    CHECK(story.deliveries[0].host == "mx.example.net");
    CHECK(story.deliveries[0].our_us == 40'000);
    CHECK(story.deliveries[0].their_us == 500'000);
    CHECK(story.deliveries[1].outcome == "failed");
    CHECK(story.deliveries[1].attempts == 0);
    CHECK(story.deliveries[1].our_us == 3'000'000);
}

TEST_CASE("what a crash took is written again from the journal's records, before what is new, and once", "[trace]")
{
    World world;
    const std::vector<std::string> records = {encode_events({accepted("m")}), "of a later version",
                                              encode_events({delivered("m", std::chrono::seconds(2), std::chrono::seconds(3))})};
    world.trace->record(accepted("m"));
    world.run(world.trace->flush());
    for (int n = 0; n < 2; ++n) {
        world.trace->record_again(records);
        world.trace->record(placed("new", {}));
        const MessageStory story = world.story("m");
        CHECK(story.events.size() == 2);
        CHECK(story.deliveries.at(0).outcome == "delivered");
        CHECK(story.deliveries.at(0).attempts == 1);
        CHECK(world.story("new").events.size() == 1);
    }
    CHECK(world.metrics.exposition().find("mailboxd_trace_dropped_total 2") != std::string::npos);
}

TEST_CASE("more records than memory has room for events come again, and keep no new event out", "[trace]")
{
    TraceOptions options;
    options.most_waiting = 10;
    World world(options);
    std::vector<std::string> records;
    for (int n = 0; n < 1200; ++n) records.push_back(encode_events({accepted("m" + std::to_string(n))}));
    world.trace->record_again(std::move(records));
    world.trace->record(accepted("new"));
    world.run(world.trace->settle());
    CHECK(count(world.scratch / "trace.db", "SELECT count(*) FROM messages") == 1201);
    CHECK(world.metrics.exposition().find("mailboxd_trace_dropped_total 0") != std::string::npos);
}

TEST_CASE("a message that was placed again after a crash is in one place", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    world.trace->record(placed("m", std::chrono::milliseconds(3), 17));
    world.trace->record(placed("m", std::chrono::seconds(4), 18));
    const MessageStory story = world.story("m");
    REQUIRE(story.events.size() == 2);
    CHECK(story.events[1].facts.at(1).second == "18");
    CHECK(story.deliveries.at(0).ended_at == story.events[1].at);
}

TEST_CASE("a checkpoint does not wait for a trace that cannot be written", "[trace]")
{
    World world;
    std::filesystem::create_directory(world.scratch / "trace.db");  // in the way
    test::write_file(world.scratch / "trace.db/x", "y");
    world.trace->record(accepted("m"));
    world.run(world.trace->settle());
    world.run(world.trace->settle());
    std::filesystem::remove_all(world.scratch / "trace.db");
    world.run(world.trace->settle());
    CHECK_FALSE(std::filesystem::exists(world.scratch / "trace.db"));
    CHECK(world.ids("") == Ids{"m"});
}

TEST_CASE("a story that was asked for by an address tells of that one first, and of the others in numbers", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    constexpr int kMany = 2500;
    for (int n = 0; n < kMany; ++n) {
        const std::string to = "r" + std::to_string(n) + "@example.net";
        if (n % 5 != 0) world.trace->record(delivered("m", {}, std::chrono::milliseconds(n), to));
        else world.trace->record(Event{"m", EventKind::queued, at({}), to, "", {}});
    }
    world.run(world.trace->flush());
    const MessageStory story = world.story("m", "R2499@Example.net");
    CHECK(story.about == "r2499@example.net");
    CHECK(story.deliveries.at(0).recipient == "r2499@example.net");
    CHECK(story.deliveries.size() == 2000);
    CHECK(story.is_cut);
    std::vector<std::string> words;
    for (const StoryLine& line : tell_story(story)) words.push_back(line.text);
    REQUIRE(words.size() == 3);
    CHECK(words[0].starts_with("accepted from alice@example.org"));
    CHECK(words[1].starts_with("delivered to mx.example.net [198.51.100.7:25] for r2499@example.net"));
    CHECK(words[2] == "2499 other recipients of it: 1999 delivered to another server, 500 still waiting; mailboxctl trace m tells of them");
    const auto waits = tell_story(world.story("m", "r2495@example.net"));
    CHECK(waits.at(2).text == "still waiting for r2495@example.net; what comes next: mailboxctl queue show m");
    const auto all = tell_story(world.story("m", "alice@example.org"));
    CHECK(all.size() == 2002);
    CHECK(all.back().text == "there is more, which is not shown here: 2000 delivered to another server, 500 still waiting; mailboxctl trace "
                             "ADDRESS tells what befell one of them");
}

TEST_CASE("addresses that led to others are not counted with those whom a message is for", "[trace]")
{
    MessageStory story;
    story.about = "u2@example.org";
    story.deliveries.emplace_back().outcome = "expanded";
    const auto told = [&story](std::vector<std::pair<std::string, std::int64_t>> outcomes) {
        story.outcomes = std::move(outcomes);
        return tell_story(story).at(0).text;
    };
    CHECK(told({{"expanded", 11}, {"failed", 1}}) == "1 other recipient of it: 1 given up; 10 other addresses of it led to others");
    CHECK(told({{"expanded", 2}}) == "1 other address of it led to others");
    CHECK(told({{"expanded", 1}, {"placed", 2}}) == "2 other recipients of it: 2 placed into a mailbox here");
}

TEST_CASE("a story about one of a few recipients tells of the others behind it", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    world.trace->record(placed("m", std::chrono::milliseconds(3)));
    world.trace->record(delivered("m", {}, std::chrono::seconds(1)));
    const auto lines = tell_story(world.story("m", "carol@example.net"));
    REQUIRE(lines.size() == 4);
    CHECK(lines[1].text.starts_with("delivered to mx.example.net"));
    CHECK(lines[2].text == "1 other recipient of it: 1 placed into a mailbox here");
    CHECK(lines[3].text.starts_with("placed into INBOX of bob@example.org"));
}

TEST_CASE("what the queue measured counts for a first attempt, and all from there on is theirs after several", "[trace]")
{
    World world;
    for (const char* id : {"first", "second"}) {
        const bool is_second = std::string_view(id) == "second";
        world.trace->record(accepted(id));
        if (is_second)
            world.trace->record(Event{id, EventKind::attempted, at(std::chrono::milliseconds(500)), "carol@example.net", "451 later",
                                      {{"their_ms", "400"}, {"next_ms", "1800000300000"}, {"peer", "198.51.100.7:25"}}});
        Event event{id, EventKind::delivered, at(std::chrono::milliseconds(2000)), "carol@example.net", "ok", {{"their_ms", "150"}}};
        if (!is_second) event.facts.emplace_back("our_ms", "30");
        world.trace->record(event);
    }
    const MessageStory first = world.story("first");
    CHECK(first.deliveries.at(0).our_us == 30'000);
    CHECK(first.deliveries.at(0).their_us == 150'000);
    const MessageStory second = world.story("second");
    CHECK(second.deliveries.at(0).our_us == 100'000);
    CHECK(second.deliveries.at(0).their_us == 1'900'000);
    CHECK(tell_story(second).at(1).text == "tried 198.51.100.7:25 for carol@example.net: 451 later; it waits, next attempt "
                                           "2027-01-15 08:05:00.000 UTC");
}

TEST_CASE("the story tells in plain words what befell a message", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    world.trace->record(placed("m", std::chrono::milliseconds(4)));
    world.trace->record(Event{"m", EventKind::queued, at(std::chrono::milliseconds(5)), "carol@example.net", "", {}});
    world.trace->record(delivered("m", std::chrono::milliseconds(10), std::chrono::milliseconds(210)));
    std::vector<std::string> words;
    for (const StoryLine& line : tell_story(world.story("m"))) words.push_back(line.text);
    CHECK(words == std::vector<std::string>{
                       "accepted from alice@example.org, logged in as alice@example.org, client 192.0.2.1 (laptop), "
                       "encrypted (TLSv1.3), 4711 bytes",
                       "placed into INBOX of bob@example.org as message 17",
                       "waits to be sent to another server for carol@example.net",
                       "delivered to mx.example.net [198.51.100.7:25] for carol@example.net, encrypted (TLSv1.3, DANE): 250 "
                       "2.0.0 taken as 4711"});
    CHECK(tell_message(world.story("m").message) ==
          "m  2027-01-15 08:00:00.000 UTC  from alice@example.org, 4.7 KB, \"Lunch\", <m@mail.example.org>");
}

TEST_CASE("the story tells of failed TLS, of answers out of place, and of what administrators did", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    const auto event = [&](EventKind kind, int milliseconds, std::string detail, std::vector<std::pair<std::string, std::string>> facts,
                           std::string recipient = "carol@example.net") {
        world.trace->record(Event{"m", kind, at(std::chrono::milliseconds(milliseconds)), std::move(recipient), std::move(detail), std::move(facts)});
    };
    const std::string why = "TLS failed (the handshake failed: no common cipher), tried again in clear";
    event(EventKind::held, 10, "all mail to example.net is held", {{"by", "the administrator"}}, "");
    event(EventKind::attempted, 20, "the other server answered out of place: 250 to DATA (\"ok\")",
          {{"host", "mx.example.net"}, {"code", "250"}, {"enhanced", "4.5.0"}, {"tls", ""}, {"tls_failure", why}});
    event(EventKind::delivered, 30, "ok", {{"host", "mx.example.net"}, {"code", "250"}, {"enhanced", "2.0.0"}, {"tls", ""}, {"tls_failure", why}});
    event(EventKind::returned, 40, "", {{"by", "the administrator"}}, "dora@example.net");
    event(EventKind::returned, 45, "", {{"by", "the administrator"}, {"to", "the administrators (eve@example.org is switched off)"}}, "eva@example.net");
    event(EventKind::deleted, 50, "", {{"by", "the administrator"}}, "");
    std::vector<std::string> words;
    for (const StoryLine& line : tell_story(world.story("m"))) words.push_back(line.text);
    words.erase(words.begin());
    CHECK(words == std::vector<std::string>{
                       "held in the queue by the administrator: all mail to example.net is held",
                       "tried mx.example.net for carol@example.net, in clear (before that: " + why +
                           "): 4.5.0 the other server answered out of place: 250 to DATA (\"ok\")",
                       "delivered to mx.example.net for carol@example.net, in clear (before that: " + why + "): 250 2.0.0 ok",
                       "returned to the sender by the administrator for dora@example.net",
                       "returned to the administrators (eve@example.org is switched off) by the administrator for eva@example.net",
                       "deleted from the queue by the administrator"});
    const auto story = world.story("m");
    for (const auto& delivery : story.deliveries) {
        if (delivery.recipient == "dora@example.net") CHECK(delivery.outcome == "failed");
    }
}

TEST_CASE("the story tells who answered, where nobody did, and what the sender was told", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    const auto event = [&](EventKind kind, int seconds, std::string detail, std::vector<std::pair<std::string, std::string>> facts) {
        world.trace->record(Event{"m", kind, at(std::chrono::seconds(seconds)), "carol@example.net", std::move(detail), std::move(facts)});
    };
    event(EventKind::attempted, 1, "looking up the MX of example.net failed: no answer within 20000 ms",
          {{"tls", ""}, {"code", "0"}, {"enhanced", "4.4.3"}, {"next_ms", "1800000300000"}});
    event(EventKind::attempted, 2, "connecting to mx.example.net at 198.51.100.7:25: connection refused",
          {{"host", "mx.example.net"}, {"peer", "198.51.100.7:25"}, {"tls", ""}, {"code", "0"}, {"enhanced", "4.4.1"}});
    event(EventKind::attempted, 3, "try again", {{"host", "mx.example.net"}, {"peer", "198.51.100.7:25"}, {"tls", ""}, {"code", "451"},
                                                {"enhanced", "4.7.1"}, {"said_by", "remote"}});
    event(EventKind::reported, 4, "told alice@example.org", {{"report", "r1"}, {"reason", "delayed"}});
    event(EventKind::failed, 5, "no such user", {{"host", "mx.example.net"}, {"tls", "TLSv1.3, DANE"}, {"code", "550"}, {"enhanced", "5.1.1"},
                                                {"said_by", "remote"}});
    event(EventKind::reported, 6, "told alice@example.org", {{"report", "r2"}, {"reason", "failed"}});
    std::vector<std::string> words;
    for (const StoryLine& line : tell_story(world.story("m"))) words.push_back(line.text);
    words.erase(words.begin());
    CHECK(words == std::vector<std::string>{
                       "tried, but found no server to ask, for carol@example.net: 4.4.3 looking up the MX of example.net failed: no answer "
                       "within 20000 ms; it waits, next attempt 2027-01-15 08:05:00.000 UTC",
                       "tried mx.example.net [198.51.100.7:25] for carol@example.net: 4.4.1 connecting to mx.example.net at "
                       "198.51.100.7:25: connection refused",
                       "tried mx.example.net [198.51.100.7:25] for carol@example.net, in clear: it answered 451 4.7.1 try again",
                       "told alice@example.org in message r1, that it is delayed on its way to carol@example.net",
                       "given up: tried mx.example.net for carol@example.net, encrypted (TLSv1.3, DANE): it answered 550 5.1.1 no such user",
                       "told alice@example.org in message r2, that it cannot be delivered to carol@example.net"});
}

TEST_CASE("slo tells the share in time, our part apart from theirs, and each violation", "[trace]")
{
    World world;
    for (int n = 0; n < 10; ++n) {
        const std::string id = "m" + std::to_string(n);
        world.trace->record(accepted(id));
        world.trace->record(placed(id, std::chrono::milliseconds(2), n + 1));
        const bool is_slow = n == 9;
        world.trace->record(delivered(id, std::chrono::milliseconds(10), std::chrono::milliseconds(is_slow ? 8000 : 100)));
    }
    world.trace->record(accepted("stuck"));
    world.trace->record(Event{"stuck", EventKind::queued, at({}), "dave@example.com", "", {}});
    world.trace->record(accepted("dead"));
    world.trace->record(Event{"dead", EventKind::failed, at(std::chrono::seconds(1)), "eve@example.com", "no such user", {}});
    SloQuery query;
    query.since = std::chrono::microseconds(kStart).count() - 1;
    query.until = query.since + 3'600'000'000;
    const auto slo = world.run(world.trace->slo(query));
    REQUIRE(slo);
    CHECK(slo->delivered == 20);
    CHECK(slo->within == 19);
    CHECK(slo->failed == 1);
    CHECK(slo->late == 1);
    CHECK(slo->p99_us == 8'000'000);
    CHECK(slo->median_us == 2'000);
    REQUIRE(slo->destinations.size() == 2);
    CHECK(slo->destinations[0].destination.empty());
    CHECK(slo->destinations[1].destination == "example.net");
    CHECK(slo->destinations[1].within == 9);
    CHECK(slo->destinations[1].mean_our_us == 10'000);
    CHECK(slo->destinations[1].worst_us == 8'000'000);
    REQUIRE(slo->violations.size() == 2);
    CHECK(slo->violations[1].id == "m9");
    CHECK(slo->violations[1].their_us == 7'990'000);
    CHECK(slo->violations[0].outcome == "waiting");
}

TEST_CASE("no time of a delivery is less than none, whatever the clocks say", "[trace]")
{
    World world;
    world.trace->record(accepted("back", std::chrono::seconds(10)));
    world.trace->record(placed("back", std::chrono::seconds(9)));
    world.trace->record(delivered("back", std::chrono::seconds(8), std::chrono::seconds(7)));
    for (const DeliveryRow& one : world.story("back").deliveries) {
        CAPTURE(one.recipient);
        CHECK(one.total_us == 0);
        CHECK(one.our_us == 0);
        CHECK(one.their_us.value_or(0) == 0);
    }
    CHECK(count(world.scratch / "trace.db", "SELECT count(*) FROM deliveries WHERE min(total_us, our_us, coalesce(their_us, 0)) < 0") == 0);
}

TEST_CASE("a message that the queue set aside is over for everybody who waited, and the story does not say that it waits", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    world.trace->record(delivered("m", std::chrono::seconds(1), std::chrono::seconds(1), "dora@example.net"));
    world.trace->record(Event{"m", EventKind::queued, at({}), "carol@example.net", "", {}});
    world.trace->record(Event{"m", EventKind::failed, at(std::chrono::seconds(2)), "", "its entry in the queue was set aside: it is damaged", {}});
    const MessageStory story = world.story("m");
    REQUIRE(story.deliveries.size() == 2);
    CHECK(story.deliveries[0].outcome == "failed");
    CHECK(story.deliveries[0].answer.find("set aside") != std::string::npos);
    CHECK(story.deliveries[1].outcome == "delivered");
    CHECK(tell_story(story).back().text == "given up: its entry in the queue was set aside: it is damaged");
}

TEST_CASE("the writer writes by itself, and what is recorded on other threads too", "[trace]")
{
    World world;
    world.trace->start();
    std::thread other([&world] {
        for (int n = 0; n < 1500; ++n) world.trace->record(delivered("m", {}, std::chrono::milliseconds(n)));
    });
    other.join();
    const auto wait = [](World* on) -> co::Task<void> {
        net::Timer timer(on->loop);
        while (on->metrics.exposition().find("mailboxd_trace_events_total 1500") == std::string::npos)
            (void)co_await timer.wait(std::chrono::milliseconds(5));
        co_await on->trace->stop();
    };
    world.run(wait(&world));
    CHECK(count(world.scratch / "trace.db", "SELECT count(*) FROM events") == 1500);
}

TEST_CASE("what has no room in memory is dropped and counted, and nobody waits", "[trace]")
{
    TraceOptions options;
    options.most_waiting = 10;
    World world(options);
    for (int n = 0; n < 25; ++n) world.trace->record(delivered("m", {}, std::chrono::milliseconds(n)));
    world.run(world.trace->stop());
    CHECK(count(world.scratch / "trace.db", "SELECT count(*) FROM events") == 10);
    CHECK(world.metrics.exposition().find("mailboxd_trace_dropped_total 15") != std::string::npos);
    world.trace->record(accepted("late"));
    CHECK(world.metrics.exposition().find("mailboxd_trace_dropped_total 16") != std::string::npos);
}

TEST_CASE("a trace that is switched off makes no file", "[trace]")
{
    TraceOptions options;
    options.keep = {};
    World world(options);
    world.trace->start();
    world.trace->record(accepted("m"));
    world.run(world.trace->stop());
    CHECK_FALSE(std::filesystem::exists(world.scratch / "trace.db"));
}

TEST_CASE("a damaged, foreign or future file is set aside and a new one begun", "[trace]")
{
    World world;
    const std::string path = world.scratch / "trace.db";
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    if (kind == 0) test::write_file(path, std::string(8192, 'x'));
    if (kind == 1) {
        Database database(path, OpenMode::write);
        database.execute("CREATE TABLE strange (a)");
    }
    if (kind >= 2) {
        world.trace->record(accepted("before"));
        world.run(world.trace->stop());
        Database database(path, OpenMode::write);
        // Of another version; or ours by its marks, with a table gone.
        database.execute(kind == 2 ? "PRAGMA user_version = 99" : "DROP TABLE delivery");
        REQUIRE(database.take_error() == 0);
    }
    world.open(World::fast());
    world.trace->record(accepted("after"));
    world.trace->record(placed("after", std::chrono::milliseconds(1)));
    CHECK(world.ids("") == Ids{"after"});
    CHECK(std::filesystem::exists(path + ".damaged"));
    CHECK(world.metrics.exposition().find("mailboxd_trace_set_aside 1") != std::string::npos);
}

TEST_CASE("a file that was set aside is complained of while it lies there, also by the next run", "[trace]")
{
    World world;
    const std::string path = world.scratch / "trace.db";
    TraceOptions options = World::fast();
    options.look_interval = std::chrono::milliseconds(1);
    world.open(options);
    world.trace->record(accepted("before"));
    world.run(world.trace->stop());
    CHECK(world.trace->complaints().empty());
    test::write_file(path, std::string(8192, 'x'));
    world.open(options);
    world.trace->record(accepted("after"));
    world.run(world.trace->stop());
    REQUIRE(world.trace->complaints().size() == 1);
    CHECK(world.trace->complaints().front().find(path + ".damaged") != std::string::npos);
    world.open(options);
    CHECK(world.trace->complaints().empty());
    world.trace->start();
    const auto look = [](World* on, std::string aside) -> co::Task<void> {
        net::Timer timer(on->loop);
        while (on->trace->complaints().empty()) (void)co_await timer.wait(std::chrono::milliseconds(1));
        std::filesystem::remove(aside);
        while (!on->trace->complaints().empty()) (void)co_await timer.wait(std::chrono::milliseconds(1));
        co_await on->trace->stop();
    };
    world.run(look(&world, path + ".damaged"));
}

TEST_CASE("a message whose beginning is lost is not one from the empty sender", "[trace]")
{
    World world;
    world.trace->record(delivered("lost", {}, std::chrono::seconds(1)));
    world.trace->record(Event{"lost", EventKind::queued, at(std::chrono::seconds(1)), "dan@example.net", "", {}});
    Event bounce = accepted("bounce", std::chrono::seconds(2));
    std::erase_if(bounce.facts, [](const auto& one) { return one.first == "reverse_path"; });
    world.trace->record(bounce);
    world.trace->record(Event{"bounce", EventKind::queued, at(std::chrono::seconds(2)), "dan@example.net", "", {}});
    world.trace->record(Event{"bounce", EventKind::queued, at(std::chrono::seconds(2)), "eve@example.net", "", {}});
    world.trace->record(Event{"refused", EventKind::refused, at(std::chrono::seconds(3)), "dan@example.net", "550 no", {}});
    const auto lost = world.story("lost").message;
    CHECK_FALSE(lost.is_begun);
    CHECK(tell_message(lost).find("<>") == std::string::npos);
    CHECK(tell_message(lost).find("when it came, and from whom, is not in the trace") != std::string::npos);
    CHECK(tell_message(world.story("bounce").message).find("from <>") != std::string::npos);
    CHECK(world.story("refused").message.is_begun);
    SloQuery query;
    query.since = 0;
    query.until = INT64_MAX;
    CHECK(world.run(world.trace->slo(query))->waiting_messages == 1);
}

TEST_CASE("pages that are damaged while it runs cost the old rows and no new ones", "[trace]")
{
    World world;
    const std::string path = world.scratch / "trace.db";
    for (int n = 0; n < 400; ++n) world.trace->record(accepted("m" + std::to_string(n), std::chrono::milliseconds(n)));
    world.run(world.trace->stop());
    std::string bytes = test::read_file(path);
    REQUIRE(bytes.size() > 8192);
    std::fill(bytes.begin() + 4096, bytes.end(), '\xee');
    test::write_file(path, bytes);
    std::filesystem::remove(path + "-wal");
    world.open(World::fast());
    world.trace->record(accepted("after"));
    CHECK(world.ids("") == Ids{"after"});
    CHECK(std::filesystem::exists(path + ".damaged"));
}

TEST_CASE("a folder that cannot be written is told once, and what waits is written when it can be", "[trace]")
{
    World world;
    std::filesystem::create_directory(world.scratch / "trace.db");  // in the way
    test::write_file(world.scratch / "trace.db/x", "y");
    world.trace->record(accepted("m"));
    world.run(world.trace->flush());
    CHECK(world.metrics.exposition().find("mailboxd_trace_failing 1") != std::string::npos);
    std::filesystem::remove_all(world.scratch / "trace.db");
    CHECK(world.ids("") == Ids{"m"});
    CHECK(world.metrics.exposition().find("mailboxd_trace_failing 0") != std::string::npos);
}

TEST_CASE("the oldest messages go by age and by size, in slices", "[trace]")
{
    test::Scratch scratch;
    PosixFileSystem files;
    const std::string path = scratch / "trace.db";
    TraceFile file(files, path, Log());
    std::vector<Event> events;
    for (int n = 0; n < 1000; ++n) {
        events.push_back(accepted("m" + std::to_string(n), std::chrono::seconds(n)));
        events.push_back(placed("m" + std::to_string(n), std::chrono::seconds(n), n + 1));
    }
    REQUIRE(file.write(events) == TraceFile::Written::all);
    const auto cutoff = std::chrono::microseconds(kStart).count() + 700 * 1'000'000LL;
    CHECK(file.retain(cutoff, 1U << 30));
    CHECK(count(path, "SELECT count(*) FROM message") == 700);
    while (file.retain(cutoff, 1U << 30)) {
    }
    CHECK(count(path, "SELECT count(*) FROM message") == 300);
    CHECK(count(path, "SELECT count(*) FROM event") == 600);
    CHECK(count(path, "SELECT count(*) FROM delivery") == 300);
    (void)file.retain(0, 1000);
    CHECK(count(path, "SELECT count(*) FROM message") == 0);
}

TEST_CASE("the public views have their columns and say their version", "[trace]")
{
    World world;
    world.trace->record(accepted("m"));
    world.trace->record(placed("m", std::chrono::milliseconds(4)));
    world.run(world.trace->stop());
    const std::string path = world.scratch / "trace.db";
    CHECK(count(path, "SELECT version FROM schema_version") == kSchemaVersion);
    CHECK(count(path, "PRAGMA user_version") == kSchemaVersion);
    CHECK(count(path, "SELECT count(*) FROM (SELECT id, accepted_at, accepted_text, reverse_path, account, peer, helo, tls, "
                      "subject, message_id, size FROM messages)") == 1);
    CHECK(count(path, "SELECT count(*) FROM (SELECT id, at, at_text, kind, recipient, detail, facts FROM events)") == 2);
    CHECK(count(path, "SELECT count(*) FROM (SELECT id, recipient, outcome, destination, host, attempts, accepted_at, "
                      "first_attempt_at, ended_at, total_us, our_us, their_us, mailbox, uid, answer FROM deliveries)") == 1);
    CHECK(count(path, "SELECT uid FROM deliveries WHERE outcome = 'placed' AND total_us = 4000") == 17);
    CHECK(count(path, "SELECT accepted_text = '2027-01-15T08:00:00.000Z' FROM messages") == 1);
    CHECK(std::filesystem::status(path).permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("hostile words are cut, cleaned and come back as they were kept", "[trace]")
{
    World world;
    Event event = accepted("m", {}, "a\"b\\c\r\n\x01\xff" "d");
    event.detail = std::string(100'000, 'x') + "\n";
    for (int n = 0; n < 100; ++n) event.facts.emplace_back("name" + std::to_string(n), std::string(5000, 'y'));
    world.trace->record(event);
    world.trace->record(Event{std::string(500, 'i'), EventKind::refused, at({}), std::string(5000, 'r') + "\x80", "no", {}});
    const MessageStory story = world.story("m");
    CHECK(story.message.subject == "a\"b\\c   ?d");
    REQUIRE(story.events.size() == 1);
    CHECK(story.events[0].detail.size() == 2048);
    CHECK(story.events[0].facts.size() == 24 + 8);
    const auto subject = std::find_if(story.events[0].facts.begin(), story.events[0].facts.end(),
                                      [](const auto& fact) { return fact.first == "subject"; });
    REQUIRE(subject != story.events[0].facts.end());
    CHECK(subject->second == "a\"b\\c   ?d");
    CHECK(count(world.scratch / "trace.db", "SELECT count(*) FROM message WHERE length(id) = 64") == 1);
}

TEST_CASE("spans, times and sizes are said as people say them", "[trace]")
{
    CHECK(span_text(4'200) == "0.004 s");
    CHECK(span_text(125'000'000) == "2 min 5 s");
    CHECK(span_text(15'000'000'000) == "4 h 10 min");
    CHECK(span_text(266'400'000'000) == "3 d 2 h");
    CHECK(span_text(-1'500'000) == "-1.500 s");
    CHECK(time_text(1'800'000'000'123'456) == "2027-01-15 08:00:00.123 UTC");
    CHECK(size_text(999) == "999 bytes");
    CHECK(size_text(4711) == "4.7 KB");
    CHECK(size_text(12'345'678) == "12.3 MB");
}
