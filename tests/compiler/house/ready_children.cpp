// The house form of row "a million ready children" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<int> ready() { co_return 1; }

Task<void> body(Event& event, std::string& heard)
{
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        const int one = co_await ready();
        sum += one;
    }
    co_await event.wait();
    heard = std::to_string(sum);
}

}  // namespace

int main() { return verdict(body, "1000000"); }
