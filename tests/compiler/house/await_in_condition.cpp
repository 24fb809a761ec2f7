// The house form of row "co_await in a condition" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    const bool first = co_await answer(event, true);
    if (first) heard += "yes";
    bool more = co_await answer(event, true);
    while (more) {
        heard += "+";
        more = co_await answer(event, heard.size() < 6);
    }
    co_await event.wait();
    heard += "end";
}

}  // namespace

int main() { return verdict(body, "yes+++end"); }
