// What the house form avoids, in row "braces in the awaited expression" of docs/net.md's table.
#include <vector>

#include "probe.hpp"

namespace {

using namespace probe;

Task<std::string> join(Event& event, std::vector<Life> all)
{
    std::string text;
    for (const Life& one : all) text += one.text();
    co_await event.wait();
    co_return text;
}

Task<void> body(Event& event, std::string& heard)
{
    heard = co_await join(event, {Life("a"), Life("b")});
}

}  // namespace

int main() { return verdict(body, "ab"); }
