// What an administrator can ask of the trace.
#include <catch2/catch_test_macros.hpp>

#include <nlohmann/json.hpp>

#include "support/administration_world.hpp"

using namespace mbx;
using nlohmann::json;

namespace {

void record(test::AdministrationWorld& world, const std::string& id, std::chrono::seconds took)
{
    using trace::EventKind;
    const WallTime before = world.clock.wall() - std::chrono::minutes(5);
    world.trace.record({id, EventKind::accepted, before, "", "",
                        {{"reverse_path", "alice@example.org"}, {"subject", "Lunch " + id}, {"message_id", id + "@x"}}});
    world.trace.record({id, EventKind::delivered, before + took, "bob@example.net", "250 2.0.0 ok",
                        {{"host", "mx.example.net"}, {"our_ms", "2"}, {"their_ms", "7"}}});
}

json ask(test::AdministrationWorld& world, const std::string& target, int status = 200)
{
    const auto answer = world.ask(http::Method::get, target);
    CAPTURE(target, answer.content());
    REQUIRE(answer.status == status);
    return json::parse(answer.content());
}

}  // namespace

TEST_CASE("a search that finds one message tells its story", "[admin][trace]")
{
    test::AdministrationWorld world;
    record(world, "one", std::chrono::seconds(1));
    record(world, "two", std::chrono::seconds(1));
    const json found = ask(world, "/api/v1/trace?q=lunch%20one&story=yes");
    REQUIRE(found["messages"].size() == 1);
    REQUIRE(found["story"]["story"].size() == 2);
    CHECK(found["story"]["story"][1]["text"] ==
          "delivered to mx.example.net for bob@example.net, in clear: 250 2.0.0 ok (our part 2 ms, theirs 7 ms)");
    CHECK(found["story"]["story"][1]["after"] == "1.000 s");
    CHECK(found["story"]["about"] == "");
    CHECK(found["story"]["outcomes"] == json{{"delivered", 1}});
    world.trace.record({"three", trace::EventKind::queued, world.clock.wall(), "\"c d\"@example.net", "", {}});
    CHECK(ask(world, "/api/v1/trace?q=%22C%20d%22%40example.net&story=yes")["story"]["about"] == "\"c d\"@example.net");
    CHECK(ask(world, "/api/v1/trace/one?recipient=bob%40example.net")["about"] == "bob@example.net");
    const json both = ask(world, "/api/v1/trace?q=alice@example.org&story=yes&limit=1");
    CHECK(both["story"].is_null());
    CHECK(both["messages"][0]["id"] == "two");
    const json next = ask(world, "/api/v1/trace?q=alice@example.org&before=" + std::to_string(both["before"].get<std::int64_t>()));
    CHECK(next["messages"][0]["id"] == "one");
    CHECK(next["before"].is_null());
}

TEST_CASE("slo says the share in time and names what was late", "[admin][trace]")
{
    test::AdministrationWorld world;
    record(world, "quick", std::chrono::seconds(1));
    record(world, "slow", std::chrono::seconds(60));
    const json slo = ask(world, "/api/v1/slo?since=1h");
    CHECK(slo["delivered"] == 2);
    CHECK(slo["percent"] == 50.0);
    REQUIRE(slo["violations"].size() == 1);
    CHECK(slo["violations"][0]["id"] == "slow");
    CHECK(slo["violations"][0]["their_milliseconds"] == 7.0);
    CHECK(ask(world, "/api/v1/slo?within_ms=70000")["percent"] == 100.0);
}

TEST_CASE("what is wrong with a question about the trace is said", "[admin][trace]")
{
    test::AdministrationWorld world;
    for (const char* target : {"/api/v1/trace?since=soon", "/api/v1/trace?limit=0", "/api/v1/trace?limit=201", "/api/v1/trace?before=x",
                               "/api/v1/slo?since=?", "/api/v1/slo?within_ms=none", "/api/v1/slo?within_ms=0", "/api/v1/trace?q=%3C%3E", "/api/v1/trace?q=%01",
                               "/api/v1/trace?q=+", "/api/v1/trace?q=%09%7f"})
        ask(world, target, 422);
    ask(world, "/api/v1/trace?q=");
    ask(world, "/api/v1/trace/unknown", 404);
    world.administration.set_trace(nullptr);
    ask(world, "/api/v1/trace", 503);
    ask(world, "/api/v1/slo", 503);
}
