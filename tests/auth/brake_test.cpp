#include "auth/brake.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace mbx;
using namespace mbx::auth;
using namespace std::chrono_literals;

namespace {

struct World {
    Brake brake{BrakeOptions{3, 900s, 8s}};
    ManualClock clock;

    std::optional<std::chrono::milliseconds> admit(const std::string& network, const std::string& account)
    {
        return brake.admit({network, account}, clock.steady());
    }
    void fail(const std::string& network, const std::string& account, int times = 1)
    {
        for (int i = 0; i < times; ++i) brake.failed({network, account}, clock.steady());
    }
};

}  // namespace

TEST_CASE("J1: the first failures cost nothing, further ones double the wait up to the most", "[auth][hostile]")
{
    World w;
    for (int i = 0; i < 3; ++i) {
        CHECK(w.admit("1", "ann") == 0ms);
        w.fail("1", "ann");
    }
    for (const auto wait : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 8000ms, 8000ms}) {
        const auto got = w.admit("1", "ann");
        CHECK(got == wait);
        w.clock.advance(wait);
        w.fail("1", "ann");
    }
}

TEST_CASE("J1: log-ins at the same time take turns, and those whose turn is too far off are refused", "[auth][hostile]")
{
    World w;
    w.fail("1", "ann", 7);
    CHECK(w.admit("1", "ann") == 8000ms);
    CHECK(w.admit("1", "ann") == std::nullopt);
    CHECK(w.admit("1", "bob") == std::nullopt);
    w.clock.advance(8s);
    CHECK(w.admit("1", "bob") == 8000ms);
}

TEST_CASE("J1: one network trying many accounts is slowed down, others are not", "[auth][hostile]")
{
    World w;
    for (int i = 0; i < 100; ++i) w.fail("1", "user" + std::to_string(i));
    CHECK(w.admit("1", "somebody") > 0ms);
    CHECK(w.admit("2", "somebody") == 0ms);
    CHECK(w.admit("2", "user1") == 0ms);
}

TEST_CASE("J1: many networks trying one account are slowed down, its owner at a known network is not", "[auth][hostile]")
{
    World w;
    w.brake.succeeded({"home", "ann"});
    for (int i = 0; i < 1000; ++i) w.fail("net" + std::to_string(i), "ann");
    CHECK(w.admit("new", "ann") > 0ms);
    CHECK(w.admit("home", "ann") == 0ms);
    CHECK(w.admit("home", "ann") == 0ms);
    CHECK(w.admit("new", "bob") == 0ms);
}

TEST_CASE("J1: failures at a known network slow down this pair and nobody else", "[auth][hostile]")
{
    World w;
    w.brake.succeeded({"home", "ann"});
    w.fail("home", "ann", 20);
    CHECK(w.admit("home", "ann") > 0ms);
    CHECK(w.admit("home", "bob") == 0ms);
    CHECK(w.admit("other", "ann") == 0ms);
}

TEST_CASE("J1: an own account does not clear what a network has on its record", "[auth][hostile]")
{
    World w;
    w.fail("1", "ann", 4);
    w.brake.succeeded({"1", "mallory"});
    CHECK(w.admit("1", "mallory") == 0ms);
    CHECK(w.admit("1", "bob") > 0ms);
}

TEST_CASE("failures are forgotten after the window", "[auth]")
{
    World w;
    w.fail("1", "ann", 50);
    w.clock.advance(899s);
    CHECK(w.admit("1", "bob") == 0ms);  // its turn has come long ago
    CHECK(w.admit("1", "bob") > 0ms);   // but the next must wait
    w.clock.advance(1s);
    CHECK(w.admit("1", "bob") == 0ms);
    CHECK(w.admit("1", "bob") == 0ms);
    w.fail("1", "bob", 2);
    CHECK(w.admit("1", "bob") == 0ms);
}

TEST_CASE("J1: the tables of the brake stay bounded and forget the longest unused first", "[auth][hostile]")
{
    World w;
    w.fail("kept", "x", 50);
    for (std::size_t i = 0; i < 2 * Brake::kMostRemembered; ++i) {
        w.fail("n" + std::to_string(i), "a" + std::to_string(i));
        if (i % 1000 == 0) (void)w.admit("kept", "y");
    }
    CHECK(w.admit("kept", "y") != 0ms);
    LruTable<int, int> table(2);
    table.find_or_insert(1) = 10;
    table.find_or_insert(2) = 20;
    CHECK(*table.find(1) == 10);
    table.find_or_insert(3) = 30;
    CHECK(table.size() == 2);
    CHECK(table.find(2) == nullptr);
    CHECK(*table.find(1) == 10);
    table.erase(1);
    table.erase(7);
    CHECK(table.size() == 1);
}

TEST_CASE("with no delay configured nothing is ever held up", "[auth]")
{
    Brake brake(BrakeOptions{1, 900s, 0ms});
    const ManualClock clock;
    for (int i = 0; i < 100; ++i) brake.failed({"1", "ann"}, clock.steady());
    CHECK(brake.admit({"1", "ann"}, clock.steady()) == 0ms);
}
