// The house form of row "a capturing lambda in the awaited expression" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

Task<void> body(Event& event, std::string& heard)
{
    const Life life("a");
    auto job = [life] { return life.text(); };
    heard = co_await run_job(event, std::move(job));
}

}  // namespace

int main() { return verdict(body, "a"); }
