// Figures of a long queue; run by name: queue_test "[many]" (a release build gives figures worth quoting).
#include <malloc.h>

#include <iostream>

#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

namespace {

double seconds_since(std::chrono::steady_clock::time_point from)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

std::size_t heap_bytes() { return ::mallinfo2().uordblks; }

void forget_what_tests_keep(World& world)
{
    world.recorder.events.clear();
    world.recorder.events.shrink_to_fit();
    world.transport->order.clear();
    world.transport->order.shrink_to_fit();
    world.transport->sizes.clear();
}

}  // namespace

TEST_CASE("100,000 waiting messages cost little memory, and the first attempt after a start comes soon", "[.][many]")
{
    World world(7, test::Scratch::Where::on_disk);
    world.transport->on_open = [](const std::string& domain) {
        return domain.starts_with("dead") ? std::optional(ScriptedTransport::dead()) : std::nullopt;
    };
    const std::size_t empty = heap_bytes();
    auto begin = std::chrono::steady_clock::now();
    constexpr int kMany = 100'000;
    for (int n = 0; n < kMany; ++n) {
        world.send("u" + std::to_string(n % 500) + "@here.example", {"x@dead" + std::to_string(n % 1'000) + ".example"});
        if (n % 500 != 499) continue;
        world.run();
        world.advance(1'100ms);
        world.checkpoint();
        forget_what_tests_keep(world);
    }
    world.advance(2s);
    world.checkpoint();
    forget_what_tests_keep(world);
    std::cout << "entered and put off: " << seconds_since(begin) << " s, waiting " << world->facts().messages << "\n";
    std::cout << "heap: " << static_cast<double>(heap_bytes() - empty) / 1e6 << " MB more than empty\n";
    CHECK(world->facts().messages == kMany);
    begin = std::chrono::steady_clock::now();
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    while (world.times(id, "bob@there.example") == 0) world.run();
    std::cout << "a new message passes in " << seconds_since(begin) * 1000 << " ms\n";
    begin = std::chrono::steady_clock::now();
    const auto page = world.list({}, 50, {});
    CHECK(page.entries.size() == 50);
    Selection one;
    one.recipient = "x@dead777.example";
    CHECK(world.list(one, 1'000).entries.size() == 100);
    std::cout << "two listings: " << seconds_since(begin) * 1000 << " ms\n";
    world.close();
    int attempts = 0;
    world.clock.advance(1h);
    begin = std::chrono::steady_clock::now();
    double first = 0;
    world.transport->on_open = [&](const std::string&) {
        if (++attempts == 1) first = seconds_since(begin);
        return std::optional(ScriptedTransport::dead());
    };
    world.open();
    std::cout << "start to first attempt: " << first << " s, start with its comparing of files: " << seconds_since(begin) << " s\n";
    CHECK(attempts > 0);
    forget_what_tests_keep(world);
    world.close();
    // As a process leaves it that died while it used the schedule.
    test::write_file(world.directory() + "/queue.mdb-busy", '\1' + std::string(4095, '\0'));
    world.clock.advance(1h);
    attempts = 0;
    begin = std::chrono::steady_clock::now();
    world.open();
    std::cout << "schedule made anew from files: first attempt " << first << " s, whole " << seconds_since(begin) << " s\n";
    CHECK(attempts > 0);
    world.tick();
    CHECK(world->facts().messages == kMany);
}
