// The house form of row "braces in the awaited expression" of docs/net.md's table.
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
    std::vector<Life> all;
    all.emplace_back("a");
    all.emplace_back("b");
    heard = co_await join(event, std::move(all));
}

}  // namespace

int main() { return verdict(body, "ab"); }
