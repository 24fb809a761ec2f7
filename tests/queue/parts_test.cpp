// A message that takes several transactions: what one came to counts from its answer on, not from the end of the attempt.
#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

namespace {

Listed shown(World& world, const std::string& id)
{
    const auto listed = test::run_on(world.loop(), world->show(id));
    REQUIRE(listed);
    return *listed;
}

std::vector<std::string> traced(const World& world, const std::string& id, trace::EventKind kind)
{
    std::vector<std::string> found;
    for (const auto& event : world.recorder.events) {
        if (event.id == id && event.kind == kind) found.push_back(event.recipient);
    }
    return found;
}

// Two recipients a transaction; how many transactions are over when it waits for let_go().
std::string sent_in_parts(World& world, const std::vector<std::string>& to, std::size_t transactions)
{
    world.transport->most_recipients = 2;
    world.transport->pauses_behind = transactions;
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        if (address.starts_with("never")) return ScriptedTransport::never();
        if (address.starts_with("later")) return ScriptedTransport::later();
        return ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", to);
    world.run();
    return id;
}

void go_on(World& world)
{
    world.transport->pauses_behind = 0;
    world.transport->let_go();
    world.run();
}

std::vector<std::string> told_of(const World& world)
{
    std::vector<std::string> addresses;
    for (const auto& report : world.made_reports()) {
        for (const auto& line : report.recipients) addresses.push_back(line.substr(0, line.find(' ')));
    }
    return addresses;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("I8: a crash between two transactions of a message sends only those again who had no answer", "[queue][I8]")
{
    const std::size_t transactions = GENERATE(std::size_t{1}, std::size_t{2});
    const bool has_files = GENERATE(false, true);
    CAPTURE(transactions, has_files);
    const Strings to{"a@one.example", "never@one.example", "b@one.example", "c@one.example", "d@one.example"};
    World world;
    const auto id = sent_in_parts(world, to, transactions);
    if (has_files) {
        world.advance(2s);
        world.checkpoint();
    }
    world.transport->pauses_behind = 0;
    world.crash();
    world.pass(2h, 1min);
    for (const auto& address : to) {
        CAPTURE(address);
        CHECK(world.times(id, address) == (address.starts_with("never") ? 0 : 1));
    }
    CHECK(traced(world, id, trace::EventKind::failed) == Strings{"never@one.example"});
    CHECK(told_of(world) == Strings{"never@one.example"});
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
}

TEST_CASE("what one of several transactions came to is shown and traced at once, with its own moment", "[queue][admin]")
{
    World world;
    const auto begun = world.clock.wall();
    const auto id = sent_in_parts(world, {"a@one.example", "later@one.example", "b@one.example"}, 1);
    const Listed half = shown(world, id);
    CHECK(half.entry.states[0].status == RecipientStatus::delivered);
    CHECK(half.entry.states[1].last.code == 451);
    CHECK_FALSE(half.recipients[0].is_being_sent);
    CHECK_FALSE(half.recipients[1].is_being_sent);
    CHECK(half.recipients[2].is_being_sent);
    CHECK(traced(world, id, trace::EventKind::delivered) == Strings{"a@one.example"});
    world.advance(8s);
    go_on(world);
    CHECK(traced(world, id, trace::EventKind::delivered) == Strings{"a@one.example", "b@one.example"});
    CHECK(world.recorder.events.front().at == begun);
    CHECK(world.recorder.events.back().at == begun + 8s);
}

TEST_CASE("each answer of a message in several transactions is recorded, counted and traced once", "[queue]")
{
    World world;
    const Strings to{"a@one.example", "later@one.example", "b@one.example", "never@one.example", "c@one.example"};
    const auto id = sent_in_parts(world, to, 1);
    go_on(world);
    std::map<std::uint32_t, int> outcomes;
    for (const auto& entry : world.ledger->entries) {
        const auto record = decode_record(entry.record);
        if (!record || !std::holds_alternative<Change>(*record)) continue;
        for (const auto& outcome : std::get<Change>(*record).outcomes) {
            if (outcome.state.status != RecipientStatus::failed) ++outcomes[outcome.recipient];
        }
    }
    CHECK(outcomes == std::map<std::uint32_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}});
    CHECK(traced(world, id, trace::EventKind::delivered) == Strings{"a@one.example", "b@one.example", "c@one.example"});
    CHECK(traced(world, id, trace::EventKind::attempted) == Strings{"later@one.example"});
    CHECK(traced(world, id, trace::EventKind::failed) == Strings{"never@one.example"});
    CHECK(shown(world, id).entry.states[1].attempts == 1);
    world.transport->on_deliver = nullptr;
    world.pass(2h, 1min);
    CHECK(world.times(id, "later@one.example") == 1);
    CHECK(world.times(id, "a@one.example") == 1);
    CHECK(told_of(world) == Strings{"never@one.example"});
    CHECK(world.list().entries.empty());
}

TEST_CASE("a bounce between two transactions returns nobody who had an answer of delivery", "[queue][admin]")
{
    const bool crashes = GENERATE(false, true);
    CAPTURE(crashes);
    World world;
    const Strings to{"a@one.example", "later1@one.example", "b@one.example", "later2@one.example", "c@one.example"};
    const auto id = sent_in_parts(world, to, 1);
    Selection selection;
    selection.ids = {id};
    CHECK(world.act(Act::bounce, selection) == 1);
    // It was not being sent to any more.
    CHECK(traced(world, id, trace::EventKind::returned) == Strings{"later1@one.example"});
    world.transport->pauses_behind = 0;
    if (crashes) world.crash();
    else go_on(world);
    world.pass(2h, 1min);
    Strings returned{"later1@one.example", "later2@one.example"};
    // Nothing of the second transaction had gone: what was wanted of them is done.
    if (crashes) returned = {"later1@one.example", "b@one.example", "later2@one.example", "c@one.example"};
    CHECK(traced(world, id, trace::EventKind::returned) == returned);
    auto told = told_of(world);
    std::sort(told.begin(), told.end());
    std::sort(returned.begin(), returned.end());
    CHECK(told == returned);
    CHECK(world.times(id, "a@one.example") == 1);
    CHECK(world.times(id, "c@one.example") == (crashes ? 0 : 1));
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
}

TEST_CASE("what was wanted during a transaction is done behind it to whom it did not deliver", "[queue][admin]")
{
    World world;
    const Act act = GENERATE(Act::bounce, Act::remove);
    const auto id = sent_in_parts(world, {"a@one.example", "b@one.example", "later@one.example", "c@one.example", "later2@one.example"}, 1);
    Selection selection;
    selection.ids = {id};
    (void)world.act(act, selection);
    const auto kind = act == Act::bounce ? trace::EventKind::returned : trace::EventKind::deleted;
    CHECK(traced(world, id, kind).empty());
    go_on(world);
    world.pass(2h, 1min);
    CHECK(traced(world, id, kind) == Strings{"later@one.example", "later2@one.example"});
    CHECK(traced(world, id, trace::EventKind::delivered) == Strings{"a@one.example", "b@one.example", "c@one.example"});
    CHECK(world.list().entries.empty());
}

TEST_CASE("where what a transaction came to cannot be recorded no further one begins", "[queue][I8]")
{
    World world;
    world.transport->most_recipients = 2;
    int asked = 0;
    world.transport->on_deliver = [&](const std::string&, const std::string&) {
        if (++asked == 2) world.fuse.blow();
        return ScriptedTransport::ok();
    };
    (void)world.send("anna@here.example", {"a@one.example", "b@one.example", "c@one.example", "d@one.example"});
    world.run();
    CHECK(asked == 2);
    CHECK(world.transport->told_to_stop == 1);
}

TEST_CASE("where the journal has no room for what a transaction came to the others wait, and nobody gets it twice", "[queue][G3]")
{
    World world;
    world.transport->most_recipients = 2;
    int asked = 0;
    world.transport->on_deliver = [&](const std::string&, const std::string&) {
        world.ledger->is_full = ++asked == 2;
        return ScriptedTransport::ok();
    };
    const Strings to{"a@one.example", "b@one.example", "c@one.example", "d@one.example"};
    const auto id = world.send("anna@here.example", to);
    world.run();
    CHECK(asked == 2);
    CHECK(world.transport->told_to_stop == 1);
    world.ledger->is_full = false;
    world.pass(2h, 1min);
    for (const auto& address : to) CHECK(world.times(id, address) == 1);
    CHECK(world.list().entries.empty());
}
