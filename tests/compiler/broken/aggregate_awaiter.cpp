// What the house form avoids, in row "an awaiter that is an aggregate" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

struct Awaiter {
    Event* event;
    Life life;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { event->wait().await_suspend(caller); }
    std::string await_resume() const { return life.text(); }
};

Task<void> body(Event& event, std::string& heard)
{
    heard = co_await Awaiter{&event, Life("a")};
}

}  // namespace

int main() { return verdict(body, "a"); }
