// The house form of row "an awaiter that is an aggregate" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

class Awaiter {
public:
    Awaiter(Event& event, Life life) : event_(event.wait()), life_(std::move(life)) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { event_.await_suspend(caller); }
    std::string await_resume() const { return life_.text(); }

private:
    Event::Awaiter event_;
    Life life_;
};

Task<void> body(Event& event, std::string& heard)
{
    Life life("a");
    Awaiter awaiter(event, std::move(life));
    heard = co_await awaiter;
}

}  // namespace

int main() { return verdict(body, "a"); }
