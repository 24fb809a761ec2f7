// Messages with very many recipients: a list with 10,000 members.
#include <malloc.h>

#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

namespace {

constexpr int kMembers = 10'000;

std::vector<std::string> members(int domains)
{
    std::vector<std::string> all;
    for (int n = 0; n < kMembers; ++n) all.push_back("member" + std::to_string(n) + "@d" + std::to_string(n % domains) + ".example");
    return all;
}

}  // namespace

TEST_CASE("a list of 10,000 members, at one destination or at hundreds, has its message delivered to each once", "[queue][crowd]")
{
    const int domains = GENERATE(1, 700);
    CAPTURE(domains);
    World world;
    // A tenth of them is put off, a hundredth refused.
    std::set<std::string> seen;
    world.transport->on_deliver = [&seen](const std::string&, const std::string& address) {
        const auto number = std::stoi(address.substr(6));
        if (number % 100 == 7) return ScriptedTransport::never();
        if (number % 10 == 3 && seen.insert(address).second) return ScriptedTransport::later();
        return ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", members(domains));
    world.run();
    world.advance(1'100ms);
    world.checkpoint();
    world.pass(20min, 1min);
    std::size_t once = 0;
    for (const auto& [address, times] : world.transport->delivered[id]) once += times == 1 ? 1U : 0U;
    CHECK(once == kMembers - kMembers / 100);
    REQUIRE(world.reports(ReportKind::failed) == 1);
    CHECK(world.made_reports().front().recipients.size() == kMembers / 100);
    CHECK(world.entry_files() == 0);
    CHECK(world->facts().messages == 0);
}

TEST_CASE("a message to 10,000 dead destinations waits on the disk and outlives a crash", "[queue][crowd]")
{
    World world;
    world.transport->on_open = [](const std::string&) { return std::optional(ScriptedTransport::dead()); };
    const auto id = world.send("anna@here.example", members(2'000));
    world.run();
    world.advance(1'100ms);
    world.checkpoint();
    CHECK(world->facts().messages == 1);
    CHECK(world.list().entries.front().entry.states.size() == kMembers);
    world.crash();
    world.transport->on_open = nullptr;
    world.pass(4h, 5min);
    std::size_t once = 0;
    for (const auto& [address, times] : world.transport->delivered[id]) once += times == 1 ? 1U : 0U;
    CHECK(once == kMembers);
    CHECK(world.entry_files() == 0);
}
