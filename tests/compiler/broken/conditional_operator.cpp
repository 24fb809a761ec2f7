// What the house form avoids, in row "?: in the awaited expression" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    const bool is_empty = heard.empty();
    heard = co_await ask(event, is_empty ? Life("a") : Life("b"));
    const std::string more = is_empty ? co_await ask(event, Life("c")) : std::string();
    heard += more;
}

}  // namespace

int main() { return verdict(body, "ac"); }
