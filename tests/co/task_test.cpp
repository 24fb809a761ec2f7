#include "co/task.hpp"

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "co/event.hpp"
#include "co/scope.hpp"

namespace mbx::co {
namespace {

Task<int> ready(int value)
{
    co_return value;
}

Task<long> sum_of_ready(int count)
{
    long sum = 0;
    for (int i = 0; i < count; ++i) {
        const int one = co_await ready(1);
        sum += one;
    }
    co_return sum;
}

Task<void> keep(Task<long> task, long& into)
{
    into = co_await std::move(task);
}

Task<void> throwing()
{
    throw std::runtime_error("a bug");
    co_return;
}

Task<int> throwing_value()
{
    throw std::runtime_error("a bug");
    co_return 1;
}

Task<void> count_catches(Event* event, int& caught)
{
    if (event != nullptr) co_await event->wait();
    try {
        co_await throwing();
    } catch (const std::runtime_error&) {
        ++caught;
    }
    try {
        (void)co_await throwing_value();
    } catch (const std::runtime_error&) {
        ++caught;
    }
}

Task<std::unique_ptr<std::string>> only_movable(Event& event)
{
    co_await event.wait();
    co_return std::make_unique<std::string>("moved");
}

Task<void> take(Event& event, std::string& into)
{
    const std::unique_ptr<std::string> got = co_await only_movable(event);
    into = *got;
}

// Counts itself.
class Life {
public:
    explicit Life(int& alive) : alive_(&alive) { ++*alive_; }
    Life(const Life& other) : alive_(other.alive_) { ++*alive_; }
    Life(Life&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    Life& operator=(const Life&) = delete;
    Life& operator=(Life&&) = delete;
    ~Life() { --*alive_; }

private:
    int* alive_;
};

Task<Life> pass_through(Life life, Event& event)
{
    co_await event.wait();
    co_return life;
}

Task<void> hold_lives(int& alive, Event& event)
{
    Life own(alive);
    const Life got = co_await pass_through(own, event);
    co_await event.wait();
}

}  // namespace

TEST_CASE("a million ready children take constant stack", "[co]")
{
    Scope scope;
    long sum = 0;
    scope.spawn(keep(sum_of_ready(1'000'000), sum));
    CHECK(sum == 1'000'000);
}

TEST_CASE("a task runs when it is awaited and not before; one that is never awaited never runs", "[co]")
{
    long sum = -1;
    {
        Task<long> never = sum_of_ready(3);
        CHECK(sum == -1);
    }
    Scope scope;
    Task<long> later = sum_of_ready(3);
    scope.spawn(keep(std::move(later), sum));
    CHECK(sum == 3);
}

TEST_CASE("an exception goes to who awaits, ready or after a wait", "[co]")
{
    int caught = 0;
    Event event;
    Scope scope;
    scope.spawn(count_catches(nullptr, caught));
    CHECK(caught == 2);
    scope.spawn(count_catches(&event, caught));
    CHECK(caught == 2);
    event.notify_all();
    CHECK(caught == 4);
}

TEST_CASE("a value that can only be moved comes through a wait", "[co]")
{
    std::string got;
    Event event;
    Scope scope;
    scope.spawn(take(event, got));
    CHECK(got.empty());
    event.notify_all();
    CHECK(got == "moved");
}

TEST_CASE("every object of a frame dies once, when the frame ends", "[co]")
{
    int alive = 0;
    {
        Event event;
        Scope scope;
        scope.spawn(hold_lives(alive, event));
        CHECK(alive > 0);
        event.notify_all();
        CHECK(alive > 0);
        event.notify_all();
        CHECK(scope.running() == 0);
        CHECK(alive == 0);
    }
    CHECK(alive == 0);
}

namespace {

Task<void> wait_twice(Event& event, std::vector<int>& order, int number)
{
    co_await event.wait();
    order.push_back(number);
    co_await event.wait();
    order.push_back(-number);
}

Task<void> destroy_within(std::unique_ptr<Event>& event, bool& done)
{
    co_await event->wait();
    event.reset();
    done = true;
}

Task<void> note_finished(Scope& scope, bool& finished)
{
    co_await scope.finished();
    finished = true;
}

Task<void> wait_once(Event& event)
{
    co_await event.wait();
}

}  // namespace

TEST_CASE("an event wakes those that wait, in their order, and those that wait again only next time", "[co]")
{
    Event event;
    Scope scope;
    std::vector<int> order;
    event.notify_all();  // nobody waits: nothing is remembered
    scope.spawn(wait_twice(event, order, 1));
    scope.spawn(wait_twice(event, order, 2));
    event.notify_all();
    CHECK(order == std::vector<int>{1, 2});
    event.notify_all();
    CHECK(order == std::vector<int>{1, 2, -1, -2});
    CHECK(scope.running() == 0);
}

TEST_CASE("an event may die by the hand of whom it woke", "[co]")
{
    auto event = std::make_unique<Event>();
    bool done = false;
    Scope scope;
    scope.spawn(destroy_within(event, done));
    event->notify_all();
    CHECK(done);
}

TEST_CASE("a scope says when its last task is over, to everyone who asks", "[co]")
{
    Event event;
    Scope scope;
    Scope watchers;
    bool first = false;
    bool second = false;
    watchers.spawn(note_finished(scope, first));
    CHECK(first);  // empty from the start
    first = false;
    scope.spawn(wait_once(event));
    scope.spawn(wait_once(event));
    watchers.spawn(note_finished(scope, first));
    watchers.spawn(note_finished(scope, second));
    CHECK(scope.running() == 2);
    CHECK_FALSE(first);
    event.notify_all();
    CHECK(first);
    CHECK(second);
    CHECK(scope.running() == 0);
}

namespace {

Task<void> spawn_again(Scope& scope, int depth, int& count)
{
    ++count;
    if (depth > 0) scope.spawn(spawn_again(scope, depth - 1, count));
    co_return;
}

}  // namespace

TEST_CASE("a task may spawn into its own scope", "[co]")
{
    int count = 0;
    Scope scope;
    scope.spawn(spawn_again(scope, 100, count));
    CHECK(count == 101);
    CHECK(scope.running() == 0);
}

}  // namespace mbx::co
