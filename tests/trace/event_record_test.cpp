#include "trace/event_record.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using namespace mbx;
using namespace mbx::trace;

namespace {

constexpr auto kStart = std::chrono::microseconds(1'800'000'000'123'456);

std::vector<Event> some_events()
{
    return {Event{"m", EventKind::accepted, WallTime(kStart), "", "", {{"subject", "Lunch"}, {"peer", ""}}},
            Event{"m", EventKind::queued, WallTime(kStart), "carol@example.net", "", {}},
            Event{"other", EventKind::delivered, WallTime(kStart - std::chrono::seconds(3)), "carol@example.net", std::string("a\0b", 3),
                  {{"host", "mx.example.net"}}},
            Event{"m", EventKind::moved, WallTime(kStart + std::chrono::hours(9)), "bob@example.org", "words", {}}};
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
    }
    CHECK(decode_events(encode_events({}))->empty());
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
