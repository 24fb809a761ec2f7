#include "trace/event_record.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

#include "base/record_bytes.hpp"

using namespace mbx;
using namespace mbx::trace;

namespace {

constexpr auto kStart = std::chrono::microseconds(1'800'000'000'123'456);

std::vector<Event> some_events()
{
    Event moved{"", EventKind::moved, WallTime(kStart + std::chrono::hours(9)), "bob@example.org", "", {{"mailbox", "INBOX"}}};
    moved.from = {7, 1, 5};
    moved.to = {INT64_MAX, 3, UINT32_MAX};
    Event next = moved;
    next.from.uid = 6;
    return {Event{"m", EventKind::accepted, WallTime(kStart), "", "", {{"subject", "Lunch"}, {"peer", ""}}},
            Event{"m", EventKind::queued, WallTime(kStart), "carol@example.net", "", {}},
            Event{"other", EventKind::delivered, WallTime(kStart - std::chrono::seconds(3)), "carol@example.net", std::string("a\0b", 3),
                  {{"host", "mx.example.net"}}},
            Event{"m", EventKind::moved, WallTime(kStart + std::chrono::hours(9)), "bob@example.org", "words", {}},
            moved, next};
}

}  // namespace

TEST_CASE("events come back from bytes as they were", "[trace]")
{
    const auto events = some_events();
    const auto back = decode_events(encode_events(events));
    REQUIRE(back);
    REQUIRE(back->size() == events.size());
    for (std::size_t n = 0; n < events.size(); ++n) {
        CHECK((*back)[n].id == events[n].id);
        CHECK((*back)[n].kind == events[n].kind);
        CHECK((*back)[n].at == events[n].at);
        CHECK((*back)[n].recipient == events[n].recipient);
        CHECK((*back)[n].detail == events[n].detail);
        CHECK((*back)[n].facts == events[n].facts);
        CHECK((*back)[n].from == events[n].from);
        CHECK((*back)[n].to == events[n].to);
    }
    CHECK(decode_events(encode_events({}))->empty());
}

TEST_CASE("the thousand events of one act take some ten bytes each", "[trace]")
{
    std::vector<Event> events(1000, some_events().back());
    for (std::uint32_t n = 0; n < events.size(); ++n) {
        events[n].from = {7, 1, n + 1};
        events[n].to = {7, 3, n + 70'001};
    }
    CHECK(encode_events(events).size() < 15'000);
}

TEST_CASE("few bytes do not become many events with many words", "[trace]")
{
    Event event = some_events().back();
    for (int n = 0; n < 1000; ++n) event.facts.emplace_back("name", std::string(1000, 'x'));
    CHECK(decode_events(encode_events(std::vector<Event>(10, event))));
    CHECK_FALSE(decode_events(encode_events(std::vector<Event>(100, event))));
}

TEST_CASE("events that the version before wrote into the journal are read", "[trace]")
{
    RecordWriter old;
    old.number(1);
    old.number(1);
    old.signed_number(kStart.count());
    old.text("m");
    old.number(static_cast<std::uint64_t>(EventKind::queued));
    old.text("carol@example.net");
    old.text("");
    old.number(1);
    old.text("destination");
    old.text("example.net");
    const auto events = decode_events(old.bytes());
    REQUIRE((events && events->size() == 1));
    CHECK(events->front().recipient == "carol@example.net");
    CHECK(events->front().facts.at(0).second == "example.net");
}

TEST_CASE("bytes of events that are cut or changed are none, or other events", "[trace]")
{
    const std::string bytes = encode_events(some_events());
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_events(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(decode_events(bytes + "x"));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int value : {0, 1, 0x7f, 0x80, 0xff}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(value);
            const auto events = decode_events(changed);
            CHECK((!events || events->size() <= bytes.size()));
        }
    }
}
