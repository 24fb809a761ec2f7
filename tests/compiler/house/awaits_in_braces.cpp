// The house form of row "awaits within one braced value" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

struct Texts {
    std::string first;
    std::string second;
};

Task<void> body(Event& event, std::string& heard)
{
    Life one("a");
    Life two("b");
    std::string first = co_await ask(event, std::move(one));
    std::string second = co_await ask(event, std::move(two));
    const Texts texts{std::move(first), std::move(second)};
    heard = texts.first + texts.second;
}

}  // namespace

int main() { return verdict(body, "ab"); }
