// What the house form avoids, in row "awaits within one braced value" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

struct Texts {
    std::string first;
    std::string second;
};

Task<void> body(Event& event, std::string& heard)
{
    const Texts texts{co_await ask(event, Life("a")), co_await ask(event, Life("b"))};
    heard = texts.first + texts.second;
}

}  // namespace

int main() { return verdict(body, "ab"); }
