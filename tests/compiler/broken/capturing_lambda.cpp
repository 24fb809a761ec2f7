// What the house form avoids, in row "a capturing lambda in the awaited expression" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    const Life life("a");
    heard = co_await run_job(event, [life] { return life.text(); });
}

}  // namespace

int main() { return verdict(body, "a"); }
