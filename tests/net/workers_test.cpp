#include "net/workers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/run.hpp"

namespace mbx::net {
namespace {

// Holds worker threads until it is opened.
class Gate {
public:
    void pass()
    {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void wait_for(int count)
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return arrived_ >= count; });
    }
    void open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    int arrived()
    {
        const std::lock_guard lock(mutex_);
        return arrived_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int arrived_ = 0;
    bool open_ = false;
};

co::Task<void> hold(Workers& workers, WorkClass work_class, Gate& gate)
{
    auto job = [&gate] { gate.pass(); };
    co_await workers.run(work_class, std::move(job));
}

co::Task<void> note(Workers& workers, WorkClass work_class, std::string name, std::vector<std::string>& order)
{
    auto job = [name] { return name + "!"; };
    const std::string done = co_await workers.run(work_class, std::move(job));
    order.push_back(done);
}

co::Task<void> open_after(Workers& workers, WorkClass work_class, Gate& gate, std::vector<std::string>& order)
{
    auto job = [] {};
    co_await workers.run(work_class, std::move(job));
    order.emplace_back("first");
    gate.open();
}

co::Task<int> fail(Workers& workers)
{
    auto job = []() -> int { throw std::runtime_error("a bug"); };
    const int value = co_await workers.run(WorkClass::interactive, std::move(job));
    co_return value;
}

}  // namespace

TEST_CASE("a job runs on another thread, its value and its exception come back on the loop's", "[net]")
{
    Loop loop;
    Workers workers(loop, 2, 1);
    auto where = [] { return std::this_thread::get_id(); };
    CHECK(test::run_on(loop, workers.run(WorkClass::bulk, where)) != std::this_thread::get_id());
    CHECK_THROWS_AS(test::run_on(loop, fail(workers)), std::runtime_error);
    std::atomic<int> count{0};
    auto add = [&count] { ++count; };
    test::run_on(loop, workers.run(WorkClass::delivery, add));
    CHECK(count == 1);
}

TEST_CASE("delivery is done while every other class holds all the threads it may", "[net]")
{
    Loop loop;
    Gate gate;
    std::vector<std::string> order;
    Workers workers(loop, 4, 2);
    co::Scope scope;
    for (int i = 0; i < 20; ++i) {
        scope.spawn(hold(workers, WorkClass::bulk, gate));
        scope.spawn(hold(workers, WorkClass::interactive, gate));
        scope.spawn(hold(workers, WorkClass::hashing, gate));
    }
    gate.wait_for(3);
    // The gate opens only when the delivery is done: with no thread kept for it the test would hang.
    scope.spawn(open_after(workers, WorkClass::delivery, gate, order));
    loop.run();
    CHECK(order == std::vector<std::string>{"first"});
    CHECK(scope.running() == 0);
}

TEST_CASE("as many jobs as there are threads run beside each other, and work is never left with a thread that waits", "[net]")
{
    Loop loop;
    constexpr int kThreads = 4;
    Workers workers(loop, kThreads, 1);
    co::Scope scope;
    for (int turn = 0; turn < 200; ++turn) {
        Gate gate;
        // Each job waits for all the others: one that nobody was woken for would hold them for ever.
        const auto meet = [&gate] { gate.pass(); };
        const auto one = [](Workers& on, WorkClass of, auto job) -> co::Task<void> { co_await on.run(of, job); };
        scope.spawn(one(workers, WorkClass::interactive, meet));
        scope.spawn(one(workers, WorkClass::bulk, meet));
        scope.spawn(one(workers, WorkClass::delivery, meet));
        scope.spawn(one(workers, WorkClass::delivery, meet));
        std::thread opener([&gate] {
            gate.wait_for(kThreads);
            gate.open();
        });
        loop.run();
        opener.join();
        CHECK(gate.arrived() == kThreads);
    }
}

TEST_CASE("J3: hashing takes no more threads than its slots", "[net][J3]")
{
    Loop loop;
    Workers workers(loop, 6, 2);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    auto hash = [&] {
        const int now = ++inside;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::yield();
        --inside;
    };
    const auto one = [](Workers& on, auto job) -> co::Task<void> { co_await on.run(WorkClass::hashing, job); };
    co::Scope scope;
    for (int i = 0; i < 200; ++i) scope.spawn(one(workers, hash));
    loop.run();
    CHECK(most <= 2);
    CHECK(inside == 0);
}

TEST_CASE("interactive work goes before bulk work, and bulk work is not left waiting for ever", "[net]")
{
    Loop loop;
    Gate gate;
    std::vector<std::string> order;
    Workers workers(loop, 2, 1);  // one thread for all but delivery
    co::Scope scope;
    scope.spawn(hold(workers, WorkClass::interactive, gate));
    gate.wait_for(1);
    scope.spawn(note(workers, WorkClass::bulk, "bulk", order));
    for (int i = 0; i < 40; ++i) scope.spawn(note(workers, WorkClass::interactive, "interactive", order));
    CHECK(workers.waiting(WorkClass::interactive) == 40);
    CHECK(workers.waiting(WorkClass::bulk) == 1);
    gate.open();
    loop.run();
    REQUIRE(order.size() == 41);
    const auto bulk = std::ranges::find(order, "bulk!") - order.begin();
    CHECK(bulk > 0);
    CHECK(bulk < 16);  // the sixteenth pick turns the order round, however often the other thread was woken in vain
}

namespace {

co::Task<void> in_strand(Strand& strand, int number, std::vector<int>& ran, std::vector<int>& resumed)
{
    // No lock: the strand alone keeps the jobs apart, and TSan watches.
    auto job = [number, &ran] { ran.push_back(number); };
    const auto work_class = number % 2 == 0 ? WorkClass::bulk : WorkClass::delivery;
    co_await strand.run(work_class, std::move(job));
    resumed.push_back(number);
}

co::Task<void> failing(Strand& strand, bool& thrown)
{
    auto job = [] { throw std::runtime_error("a bug"); };
    try {
        co_await strand.run(WorkClass::delivery, std::move(job));
    } catch (const std::runtime_error&) {
        thrown = true;
    }
}

}  // namespace

TEST_CASE("jobs of a strand run one after another in their order, whatever their class", "[net]")
{
    Loop loop;
    Workers workers(loop, 4, 1);
    std::vector<int> ran;
    std::vector<int> resumed;
    std::vector<int> expected;
    {
        Strand strand(workers);
        co::Scope scope;
        for (int i = 0; i < 300; ++i) {
            scope.spawn(in_strand(strand, i, ran, resumed));
            expected.push_back(i);
        }
        CHECK(strand.waiting() == 300);
        loop.run();
        CHECK(strand.waiting() == 0);
    }
    CHECK(ran == expected);
    CHECK(resumed == expected);
}

TEST_CASE("a job that throws does not stop its strand", "[net]")
{
    Loop loop;
    Workers workers(loop, 2, 1);
    Strand strand(workers);
    bool thrown = false;
    std::vector<int> ran;
    std::vector<int> resumed;
    co::Scope scope;
    scope.spawn(failing(strand, thrown));
    scope.spawn(in_strand(strand, 1, ran, resumed));
    loop.run();
    CHECK(thrown);
    CHECK(ran == std::vector<int>{1});
}

TEST_CASE("strands run beside each other", "[net]")
{
    Loop loop;
    Gate gate;
    Workers workers(loop, 4, 1);
    Strand held(workers);
    Strand free(workers);
    std::vector<std::string> order;
    co::Scope scope;
    const auto hold_strand = [](Strand& strand, Gate& at) -> co::Task<void> {
        auto job = [&at] { at.pass(); };
        co_await strand.run(WorkClass::interactive, std::move(job));
    };
    const auto open_by_other = [](Strand& strand, Gate& at, std::vector<std::string>& into) -> co::Task<void> {
        auto job = [] {};
        co_await strand.run(WorkClass::interactive, std::move(job));
        into.emplace_back("other strand");
        at.open();
    };
    scope.spawn(hold_strand(held, gate));
    scope.spawn(open_by_other(free, gate, order));
    loop.run();
    CHECK(order.size() == 1);
}

}  // namespace mbx::net
