// What the compiler probes share: objects that count their lives, and a verdict for run.sh. No test framework: a probe
// is to show what the compiler does, and nothing else.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "co/event.hpp"
#include "co/scope.hpp"
#include "co/task.hpp"

namespace probe {

using mbx::co::Event;
using mbx::co::Scope;
using mbx::co::Task;

inline int alive = 0;
inline bool is_wrong = false;

// Knows whether it is alive, and where it lives: a copy made by bytes, a second death and a use after death show.
class Life {
public:
    explicit Life(std::string text = "life") : self_(this), text_(std::move(text)) { ++alive; }
    Life(const Life& other) : self_(this), text_(other.text()) { ++alive; }
    Life(Life&& other) noexcept : self_(this), text_(other.text()) { ++alive; }
    Life& operator=(const Life&) = delete;
    Life& operator=(Life&&) = delete;
    ~Life()
    {
        if (self_ != this) is_wrong = true;
        self_ = nullptr;
        --alive;
    }
    const std::string& text() const
    {
        if (self_ != this) is_wrong = true;
        return text_;
    }

private:
    const Life* self_;
    std::string text_;
};

// An aggregate with a member that has a destructor.
struct Pair {
    Life first;
    Life second;
};

inline Task<std::string> ask(Event& event, Life life)
{
    co_await event.wait();
    co_return life.text();
}

inline Task<std::string> ask_ready(Life life)
{
    co_return life.text();
}

inline Task<std::string> ask_pair(Event& event, Pair pair)
{
    co_await event.wait();
    co_return pair.first.text() + pair.second.text();
}

template <typename Job>
Task<std::string> run_job(Event& event, Job job)
{
    co_await event.wait();
    co_return job();
}

inline Task<bool> answer(Event& event, bool value)
{
    co_await event.wait();
    co_return value;
}

// Runs `body(event, heard)` to its end, waking it as long as it waits. 0: every object lived and died once and the text
// is the expected one.
template <typename Body>
int verdict(Body body, const std::string& expected)
{
    std::string heard;
    {
        Event event;
        Scope scope;
        scope.spawn(body(event, heard));
        for (int i = 0; i < 100 && scope.running() != 0; ++i) event.notify_all();
        if (scope.running() != 0) {
            std::puts("hangs: the coroutine neither goes on nor ends");
            std::fflush(stdout);
            std::_Exit(1);
        }
    }
    const bool fine = alive == 0 && !is_wrong && heard == expected;
    std::printf("alive %d, %s, heard \"%s\"\n", alive, is_wrong ? "wrong lives" : "right lives", heard.c_str());
    std::fflush(stdout);
    // Without the destructors of the process: what is wrong has been said.
    std::_Exit(fine ? 0 : 1);
}

}  // namespace probe
