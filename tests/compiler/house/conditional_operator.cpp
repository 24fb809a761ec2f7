// The house form of row "?: in the awaited expression" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    const bool is_empty = heard.empty();
    Life life(is_empty ? "a" : "b");
    heard = co_await ask(event, std::move(life));
    if (is_empty) {
        Life other("c");
        const std::string more = co_await ask(event, std::move(other));
        heard += more;
    }
}

}  // namespace

int main() { return verdict(body, "ac"); }
