// Whether something is held is a state: the trace has one row where it begins and one where it ends, whatever comes between.
#include "queue/acts.hpp"
#include "queue/hold_rules.hpp"
#include "trace/event_record.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace mbx::test::acts;
using namespace std::chrono_literals;

namespace {

std::size_t held_rows(const World& world, const std::string& id) { return traced(world, id, trace::EventKind::held).size(); }
std::size_t released_rows(const World& world, const std::string& id) { return traced(world, id, trace::EventKind::released).size(); }

// Rows that stand in the journal, of which nothing was forgotten: what the trace has in the end, whenever the crash came.
std::size_t written_rows(const World& world, const std::string& id, trace::EventKind kind)
{
    std::size_t count = 0;
    for (const auto& entry : world.ledger->entries) {
        if (entry.traced.empty()) continue;
        const auto events = trace::decode_events(entry.traced);
        REQUIRE(events);
        for (const auto& event : *events) count += event.id == id && event.kind == kind ? 1 : 0;
    }
    return count;
}

std::vector<std::string> send_some(World& world, int count, const std::string& to)
{
    std::vector<std::string> ids;
    ids.reserve(static_cast<std::size_t>(count));
    for (int n = 0; n < count; ++n) ids.push_back(world.send("anna@here.example", {to}));
    world.run();
    return ids;
}

co::Task<void> release_beside_the_start(World& world)
{
    co::Scope beside;
    auto release = [](World& where) -> co::Task<void> {
        const auto done = co_await where->act(Act::release, everything(), "the administrator");
        CHECK(done);
    };
    beside.spawn(release(world));
    while (!world->holds().empty()) {
        auto nothing = [] {};
        co_await world.workers().run(net::WorkClass::interactive, std::move(nothing));
    }
    world->start();
    co_await beside.finished();
}

// The third of them arrives when the hold stands already, and before its round has come that far.
co::Task<void> hold_while_one_comes(World& world, std::string* late)
{
    co::Scope beside;
    auto hold = [](World& where) -> co::Task<void> {
        const auto done = co_await where->hold_from_now_on(to_domain("one.example"), "the administrator");
        CHECK(done);
    };
    beside.spawn(hold(world));
    while (late->empty()) {
        auto nothing = [] {};
        co_await world.workers().run(net::WorkClass::interactive, std::move(nothing));
        if (!world->holds().empty()) *late = world.send("anna@here.example", {"bob@one.example"});
    }
    while (beside.running() != 0) {
        world.clock.advance(2s);
        world->tick();
        auto nothing = [] {};
        co_await world.workers().run(net::WorkClass::interactive, std::move(nothing));
    }
    co_await beside.finished();
}

}  // namespace

TEST_CASE("a release of what was never held counts nothing, and is not in the trace", "[queue][holds][trace]")
{
    World world;
    world.transport->on_deliver = [](const std::string& domain, const std::string&) {
        return domain == "good.example" ? ScriptedTransport::ok() : ScriptedTransport::later();
    };
    const auto id = world.send("anna@here.example", {"bob@one.example", "dora@good.example"});
    world.run();
    CHECK(hold_from_now_on(world, to_domain("good.example")).messages == 0);
    const Acted released = acted(world, Act::release, everything());
    CHECK(released.messages == 0);
    CHECK(released.rules == 1);
    CHECK(held_rows(world, id) == 0);
    CHECK(released_rows(world, id) == 0);
}

TEST_CASE("a hold that ended with its recipient is not released", "[queue][holds][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    CHECK(hold_from_now_on(world, to_domain("two.example")).messages == 1);
    CHECK(acted(world, Act::bounce, to_domain("two.example")).messages == 1);
    CHECK(acted(world, Act::release, everything()).messages == 0);
    CHECK(held_rows(world, id) == 1);
    CHECK(released_rows(world, id) == 0);
}

TEST_CASE("a hold that was told is released in the trace, though another one never took effect", "[queue][holds][trace]")
{
    World world;
    const auto id = being_sent(world, {"bob@slow.example", "carl@two.example"});
    (void)hold_from_now_on(world, to_domain("slow.example"));
    const Acted held = acted(world, Act::hold, of_id(id));
    CHECK(held.being_sent == 1);
    CHECK(held.at_once == 1);
    CHECK(traced(world, id, trace::EventKind::held) == std::vector<std::string>{" by the administrator"});
    CHECK(acted(world, Act::release, everything()).messages == 1);
    CHECK(released_rows(world, id) == 1);
    world.transport->let_go();
    world.run();
    CHECK(held_rows(world, id) == 1);
    CHECK(released_rows(world, id) == 1);
}

TEST_CASE("what a standing hold goes on keeping is said where another hold of the message ends", "[queue][holds][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    (void)hold_from_now_on(world, to_domain("one.example"));
    const auto after_hold_and_release = [&] {
        (void)acted(world, Act::hold, of_id(id));
        (void)acted(world, Act::release, of_id(id));
        return traced(world, id, trace::EventKind::released).back();
    };
    CHECK(after_hold_and_release() == " by the administrator: a standing hold still keeps some of its recipients");
    (void)hold_from_now_on(world, to_domain("two.example"));
    CHECK(after_hold_and_release() == " by the administrator: a standing hold still keeps it");
    CHECK(acted(world, Act::release, everything()).rules == 2);
    CHECK(traced(world, id, trace::EventKind::released).back() == " by the administrator");
    CHECK(held_rows(world, id) == 4);
    CHECK(released_rows(world, id) == 3);
}

TEST_CASE("a hold of what is being sent is told when its attempt ends, also where a crash ends it", "[queue][holds][trace]")
{
    World world;
    const bool crashes = GENERATE(false, true);
    const bool is_standing = GENERATE(false, true);
    const auto id = being_sent(world, {"bob@slow.example"});
    if (is_standing) (void)hold_from_now_on(world, to_domain("slow.example"));
    else (void)acted(world, Act::hold, of_id(id));
    CHECK(written_rows(world, id, trace::EventKind::held) == 0);
    if (crashes) {
        world.crash();
    } else {
        world.transport->let_go();
    }
    world.run();
    CHECK(written_rows(world, id, trace::EventKind::held) == 1);
    CHECK(acted(world, Act::release, everything()).messages == 1);
    CHECK(written_rows(world, id, trace::EventKind::released) == 1);
}

TEST_CASE("a standing hold that is said twice is told once", "[queue][holds][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = send_some(world, 1, "bob@one.example").front();
    CHECK(hold_from_now_on(world, to_domain("one.example")).messages == 1);
    CHECK(hold_from_now_on(world, to_domain("ONE.example")).messages == 1);
    CHECK(held_rows(world, id) == 1);
    CHECK(acted(world, Act::release, everything()).messages == 1);
    CHECK(acted(world, Act::release, everything()).messages == 0);
    CHECK(released_rows(world, id) == 1);
}

TEST_CASE("what is accepted while a standing hold goes through the queue is told of it once", "[queue][holds][trace]")
{
    constexpr int kMoreThanOnePage = 450;

    World world;
    fail_for_now(world);
    const auto ids = send_some(world, kMoreThanOnePage, "bob@one.example");
    world.advance(2s);
    std::string late;
    test::run_on(world.loop(), hold_while_one_comes(world, &late));
    world.run();
    CHECK(held_rows(world, ids.front()) == 1);
    CHECK(held_rows(world, ids.back()) == 1);
    CHECK(held_rows(world, late) == 1);
}

TEST_CASE("a release as soon as the queue is there, before it has begun, is told once", "[queue][holds][trace]")
{
    World world;
    fail_for_now(world);
    (void)hold_from_now_on(world, to_domain("one.example"));
    const auto ids = send_some(world, 3, "bob@one.example");
    world.advance(2s);
    world.checkpoint();
    world.close();
    world.open(false);
    test::run_on(world.loop(), release_beside_the_start(world));
    world.run();
    for (const auto& id : ids) {
        CHECK(held_rows(world, id) == 1);
        CHECK(released_rows(world, id) == 1);
    }
    CHECK(world->holds().empty());
}

TEST_CASE("holds and releases that a crash cut are told once of each message, at each durable step", "[queue][holds][trace][I8]")
{
    const bool releases = GENERATE(false, true);
    for (std::uint64_t step = 1; step < 60; ++step) {
        World world;
        fail_for_now(world);
        const auto ids = send_some(world, 3, "bob@one.example");
        world.advance(2s);
        // So that they are none of those whom a recovery looks at anyway.
        world.checkpoint();
        if (releases) (void)hold_from_now_on(world, to_domain("one.example"));
        world.fuse.set(step);
        if (releases) (void)test::run_on(world.loop(), world->act(Act::release, to_domain("one.example"), "the administrator"));
        else (void)test::run_on(world.loop(), world->hold_from_now_on(to_domain("one.example"), "the administrator"));
        const bool was_cut = world.fuse.is_out();
        CAPTURE(step, releases, was_cut);
        world.crash();
        world.advance(1s);
        const bool is_listed = !world->holds().empty();
        for (const auto& id : ids) {
            CHECK(written_rows(world, id, trace::EventKind::held) == (releases || is_listed ? 1 : 0));
            CHECK(written_rows(world, id, trace::EventKind::released) == (releases && !is_listed ? 1 : 0));
        }
        if (!was_cut) break;
    }
}

TEST_CASE("a message that waits for its report alone is not held", "[queue][holds][trace]")
{
    World world;
    const bool is_standing = GENERATE(false, true);
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    if (is_standing) CHECK(hold_from_now_on(world, to_domain("one.example")).messages == 0);
    else CHECK(acted(world, Act::hold, of_id(id)).messages == 0);
    CHECK_FALSE(world.list().entries.at(0).entry.is_held);
    CHECK(acted(world, Act::release, everything()).messages == 0);
    CHECK(held_rows(world, id) == 0);
    CHECK(released_rows(world, id) == 0);
}

TEST_CASE("a retry of those who are held leaves their message alone, and one of others says who of it is held", "[queue][admin][holds]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    (void)hold_from_now_on(world, to_domain("one.example"));
    world.transport->on_deliver = nullptr;
    const Acted left = acted(world, Act::retry, to_domain("one.example"));
    CHECK(left.messages == 0);
    CHECK(left.held == 1);
    CHECK(left.other_recipients == 0);
    CHECK(traced(world, id, trace::EventKind::retried).empty());
    world.tick();
    CHECK(world.times(id, "carl@two.example") == 0);
    const Acted tried = acted(world, Act::retry, everything());
    CHECK(tried.messages == 1);
    CHECK(tried.held == 0);
    CHECK(tried.held_recipients == 1);
    world.tick();
    CHECK(world.times(id, "carl@two.example") == 1);
    CHECK(world.times(id, "bob@one.example") == 0);
}

TEST_CASE("a retry of a message that waits for its report alone makes it now", "[queue][admin]")
{
    World world;
    const bool has_room = GENERATE(false, true);
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(acted(world, Act::hold, of_id(id)).reports == 1);
    world.intake->refuses = !has_room;
    const Act act = GENERATE(Act::retry, Act::bounce);
    const Acted done = acted(world, act, of_id(id));
    CHECK(done.messages == 0);
    CHECK(done.reports == 1);
    CHECK(world.reports(ReportKind::failed, id) == (has_room ? 1 : 0));
    CHECK(world.list().entries.size() == (has_room ? 0 : 1));
    CHECK(traced(world, id, trace::EventKind::report_waits).size() == 1);
}

TEST_CASE("the trace of a return says who is told, where an account forwarded the message", "[queue][admin][trace]")
{
    World world;
    fail_for_now(world);
    const bool is_off = GENERATE(false, true);
    if (is_off) world.intake->missing = "is switched off";
    auto envelope = World::envelope("fwd@here.example", {"bob@one.example"});
    envelope.is_forwarded = true;
    envelope.account = "anna@here.example";
    const auto id = world.send(envelope);
    const auto own = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(acted(world, Act::bounce, everything()).messages == 2);
    const auto told = [&](const std::string& of) {
        for (const auto& event : world.recorder.events) {
            const auto to = std::ranges::find(event.facts, "to", &std::pair<std::string, std::string>::first);
            if (event.id == of && event.kind == trace::EventKind::returned && to != event.facts.end()) return to->second;
        }
        return std::string();
    };
    CHECK(told(id) == (is_off ? "the administrators (anna@here.example is switched off)" : "anna@here.example"));
    CHECK(told(own).empty());
}

TEST_CASE("a second report that waits for the same reason is told of again", "[queue][trace][I7]")
{
    World world;
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string& domain, const std::string&) {
        return domain == "one.example" ? ScriptedTransport::never() : ScriptedTransport::later();
    };
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    world.pass(2min, 30s);
    world.intake->refuses = false;
    world.pass(2min, 30s);
    CHECK(world.reports(ReportKind::failed, id) == 1);
    world.intake->refuses = true;
    CHECK(acted(world, Act::bounce, of_id(id)).messages == 1);
    world.pass(2min, 30s);
    CHECK(traced(world, id, trace::EventKind::report_waits).size() == 2);
}

TEST_CASE("what a version held whose entries did not say so is not told of again, and its release is", "[queue][holds][trace]")
{
    World world;
    fail_for_now(world);
    const bool begins = GENERATE(false, true);
    const auto id = send_some(world, 1, "bob@one.example").front();
    world.advance(2s);
    world.checkpoint();
    world.close();
    HoldRule rule;
    rule.which = to_domain("one.example");
    rule.since = 1'700'000'000'000;
    rule.by = "the administrator";
    std::string bytes = format_hold_rules({rule});
    bytes.replace(bytes.find("holds 2"), 7, "holds 1");
    REQUIRE(replace_whole(world.files, world.directory() + "/holds", bytes, 0600));
    world.open(begins);
    world.run();
    CHECK(world.list().entries.at(0).entry.told.rules.size() == (begins ? 1 : 0));
    CHECK(held_rows(world, id) == 0);
    CHECK(acted(world, Act::release, everything()).messages == 1);
    CHECK(released_rows(world, id) == 1);
}

TEST_CASE("that a report waits is told once, over restarts too", "[queue][trace][I7]")
{
    World world;
    const bool crashes = GENERATE(false, true);
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.advance(2s);
    if (crashes) world.crash();
    else world.reopen();
    CHECK(world.list().entries.at(0).report_trouble == "the mailbox is full");
    world.pass(5min, 30s);
    CHECK(traced(world, id, trace::EventKind::report_waits) == std::vector<std::string>{": the mailbox is full"});
    world.intake->refuses = false;
    world.pass(3min, 30s);
    CHECK(world.reports(ReportKind::failed, id) == 1);
    CHECK(world.list().entries.empty());
}

TEST_CASE("a report that has another addressee since does not wait for the old one's reason", "[queue][trace][I7]")
{
    World world;
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    auto envelope = World::envelope("fwd@here.example", {"bob@one.example"});
    envelope.is_forwarded = true;
    envelope.account = "anna@here.example";
    const auto id = world.send(envelope);
    world.run();
    CHECK(world.list().entries.at(0).report_trouble == "the mailbox is full");
    world.intake->missing = "is switched off";
    CHECK(world.list().entries.at(0).report_trouble.empty());
    world.pass(3min, 30s);
    // Theirs is full too.
    CHECK(world.list().entries.at(0).report_trouble == "the mailbox is full");
    CHECK(traced(world, id, trace::EventKind::report_waits).size() == 2);
}
