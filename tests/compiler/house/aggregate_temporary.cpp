// The house form of row "an aggregate temporary" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    Pair pair{Life("a"), Life("b")};
    heard = co_await ask_pair(event, std::move(pair));
}

}  // namespace

int main() { return verdict(body, "ab"); }
