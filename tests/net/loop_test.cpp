#include "net/loop.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <thread>
#include <vector>

#include "support/run.hpp"

namespace mbx::net {
namespace {

using std::chrono::milliseconds;

co::Task<void> wait_and_note(Timer& timer, milliseconds span, std::vector<int>& order, int number)
{
    const bool passed = co_await timer.wait(span);
    order.push_back(passed ? number : -number);
}

}  // namespace

TEST_CASE("timers end in the order of their times", "[net]")
{
    Loop loop;
    Timer late(loop);
    Timer early(loop);
    std::vector<int> order;
    co::Scope scope;
    scope.spawn(wait_and_note(late, milliseconds(30), order, 2));
    scope.spawn(wait_and_note(early, milliseconds(1), order, 1));
    loop.run();
    CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a cancelled wait says so, after the call that cancelled it", "[net]")
{
    Loop loop;
    Timer timer(loop);
    std::vector<int> order;
    co::Scope scope;
    scope.spawn(wait_and_note(timer, std::chrono::hours(1), order, 1));
    timer.cancel();
    timer.cancel();
    CHECK(order.empty());
    loop.run();
    CHECK(order == std::vector<int>{-1});

    scope.spawn(wait_and_note(timer, milliseconds(0), order, 5));
    loop.run();
    CHECK(order == std::vector<int>{-1, 5});
}

TEST_CASE("jobs posted from other threads run on the loop's thread, each once and in the order of its thread", "[net]")
{
    Loop loop;
    constexpr int kThreads = 4;
    constexpr int kJobs = 500;
    const auto loop_thread = std::this_thread::get_id();
    std::vector<std::vector<int>> seen(kThreads);
    bool only_here = true;
    int finished = 0;
    loop.hold();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kJobs; ++i) {
                loop.post([&, t, i] {
                    seen[static_cast<std::size_t>(t)].push_back(i);
                    only_here = only_here && std::this_thread::get_id() == loop_thread;
                });
            }
            loop.post([&] {
                if (++finished == kThreads) loop.release();
            });
        });
    }
    loop.run();
    for (auto& thread : threads) thread.join();
    CHECK(only_here);
    for (const auto& of_thread : seen) {
        REQUIRE(of_thread.size() == kJobs);
        CHECK(std::ranges::is_sorted(of_thread));
    }
}

TEST_CASE("what is asked for after the events comes once, behind every event of the turn and before the loop sleeps", "[net]")
{
    Loop loop;
    Timer never(loop);
    std::vector<int> order;
    co::Scope scope;
    scope.spawn(wait_and_note(never, std::chrono::hours(1), order, 9));
    const auto wake = [&] {
        order.push_back(3);
        never.cancel();
    };
    loop.post([&] {
        loop.after_events([&] { loop.after_events(wake); });
        order.push_back(1);
    });
    loop.post([&] { order.push_back(2); });
    loop.run();
    CHECK(order == std::vector<int>{1, 2, 3, -9});

    Timer soon(loop);
    const auto ask = [](Loop* on, Timer* timer, std::vector<int>* into) -> co::Task<void> {
        (void)co_await timer->wait(milliseconds(1));
        on->after_events([into] { into->push_back(4); });
    };
    scope.spawn(ask(&loop, &soon, &order));
    loop.run();
    CHECK(order.back() == 4);
}

TEST_CASE("a job posted before or within run keeps it going until it has run", "[net]")
{
    Loop loop;
    int count = 0;
    loop.post([&] {
        ++count;
        loop.post([&] { ++count; });
    });
    CHECK(count == 0);
    loop.run();
    CHECK(count == 2);
}

TEST_CASE("stop ends run under a wait, and run goes on with it later", "[net]")
{
    Loop loop;
    Timer timer(loop);
    std::vector<int> order;
    co::Scope scope;
    scope.spawn(wait_and_note(timer, std::chrono::hours(1), order, 1));
    loop.post([&] { loop.stop(); });
    loop.run();
    CHECK(order.empty());
    timer.cancel();
    loop.run();
    CHECK(order == std::vector<int>{-1});
}

TEST_CASE("a loop that was held up knows it", "[net]")
{
    Loop loop;
    Timer timer(loop);
    std::vector<int> order;
    co::Scope scope;
    scope.spawn(wait_and_note(timer, milliseconds(250), order, 1));
    loop.post([] { std::this_thread::sleep_for(milliseconds(180)); });
    loop.run();
    CHECK(loop.take_worst_lag() >= milliseconds(20));
    CHECK(loop.take_worst_lag() == std::chrono::microseconds(0));
}

}  // namespace mbx::net
