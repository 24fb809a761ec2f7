// The house form of row "a statement-expression macro" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    Life life("a");
    const std::string text = co_await ask(event, std::move(life));
    if (text.empty()) co_return;
    heard = text;
}

}  // namespace

int main() { return verdict(body, "a"); }
