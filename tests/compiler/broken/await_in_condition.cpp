// What the house form avoids, in row "co_await in a condition" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    if (co_await answer(event, true)) {
        heard += "yes";
    }
    while (co_await answer(event, heard.size() < 6)) {
        heard += "+";
    }
    co_await event.wait();
    heard += "end";
}

}  // namespace

int main() { return verdict(body, "yes+++end"); }
