// What the house form avoids, in row "an aggregate temporary" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    heard = co_await ask_pair(event, Pair{.first = Life("a"), .second = Life("b")});
}

}  // namespace

int main() { return verdict(body, "ab"); }
