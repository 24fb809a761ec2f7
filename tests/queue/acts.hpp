// What tests of administrators' acts say to a queue, and how they look at what it tells.
#pragma once

#include "queue/world.hpp"

namespace mbx::test::acts {

inline queue::Acted acted(World& world, queue::Act act, queue::Selection selection)
{
    auto done = test::run_on(world.loop(), world->act(act, std::move(selection), "the administrator"));
    REQUIRE(done);
    world.run();
    return *done;
}

inline queue::Acted hold_from_now_on(World& world, queue::Selection selection)
{
    auto done = test::run_on(world.loop(), world->hold_from_now_on(std::move(selection), "the administrator"));
    REQUIRE(done);
    world.run();
    return *done;
}

inline queue::Selection of_id(std::string id)
{
    queue::Selection selection;
    selection.ids = {std::move(id)};
    return selection;
}

inline queue::Selection to_domain(std::string domain)
{
    queue::Selection selection;
    selection.destination = std::move(domain);
    return selection;
}

inline queue::Selection everything()
{
    queue::Selection selection;
    selection.is_all = true;
    return selection;
}

// What stands in the trace of a message: kinds with their recipient and who did it.
inline std::vector<std::string> traced(const World& world, const std::string& id, trace::EventKind kind)
{
    std::vector<std::string> found;
    for (const auto& event : world.recorder.events) {
        if (event.id != id || event.kind != kind) continue;
        std::string line = event.recipient;
        for (const auto& [name, value] : event.facts) {
            if (name == "by") line += " by " + value;
        }
        found.push_back(line + (event.detail.empty() ? "" : ": " + event.detail));
    }
    return found;
}

inline void fail_for_now(World& world)
{
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
}

inline queue::ListedRecipient shown(World& world, const std::string& id, std::size_t recipient = 0)
{
    const auto listed = test::run_on(world.loop(), world->show(id));
    REQUIRE(listed);
    return listed->recipients.at(recipient);
}

// A message whose attempt waits for let_go().
inline std::string being_sent(World& world, const std::vector<std::string>& to)
{
    world.transport->is_slow = [](const std::string& domain) { return domain == "slow.example"; };
    fail_for_now(world);
    const auto id = world.send("anna@here.example", to);
    world.run();
    return id;
}

}  // namespace mbx::test::acts
