// What the house form avoids, in row "a class-type default argument" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<std::string> ask_default(Event& event, Pair pair = Pair{Life("a"), Life("b")})
{
    co_await event.wait();
    co_return pair.first.text() + pair.second.text();
}

Task<void> body(Event& event, std::string& heard)
{
    heard = co_await ask_default(event);
}

}  // namespace

int main() { return verdict(body, "ab"); }
