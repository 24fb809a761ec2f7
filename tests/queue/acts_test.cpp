// What administrators do to the queue, seen from their side: what is told, what is remembered, what stands in the trace.
#include <filesystem>
#include <set>

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

// An act while the disk takes its time over the entry's file, until everything else that follows from the act has been done.
co::Task<void> act_beside_a_slow_file(World& world, Act act, Selection selection)
{
    constexpr int kMoreThanEverFollows = 30;

    world.notes.shut();
    const auto done = co_await world->act(act, std::move(selection), "the administrator");
    for (int n = 0; n < kMoreThanEverFollows; ++n) {
        auto nothing = [] {};
        co_await world.workers().run(net::WorkClass::delivery, std::move(nothing));
    }
    world.notes.open();
    CHECK(done);
}

}  // namespace

TEST_CASE("what goes by a filter waits until a schedule that is made anew has every message", "[queue][admin][damage]")
{
    World world;
    fail_for_now(world);
    for (int n = 0; n < 300; ++n) (void)world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.checkpoint();
    world.close();
    // As a process leaves it that died while it used the schedule.
    test::write_file(world.directory() + "/queue.mdb-busy", '\1' + std::string(4095, '\0'));
    world.open(false);
    co::Scope beside;
    std::optional<Acted> held;
    std::uint64_t listed = 0;
    const auto hold = [](World& where, std::optional<Acted>& into) -> co::Task<void> {
        const auto done = co_await where->act(Act::hold, to_domain("one.example"), "the administrator");
        if (done) into = *done;
    };
    const auto list = [](World& where, std::uint64_t& into) -> co::Task<void> {
        Selection all;
        const auto page = co_await where->list(std::move(all), "", 1'000);
        if (page) into = page->entries.size();
    };
    beside.spawn(hold(world, held));
    beside.spawn(list(world, listed));
    world.start();
    world.run();
    test::run_on(world.loop(), beside.finished());
    REQUIRE(held);
    CHECK(held->messages == 300);
    CHECK(listed == 300);
}

TEST_CASE("while a schedule that is made anew lacks what cannot be read, acts by a filter are refused and say so", "[queue][admin][damage]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.checkpoint();
    world.close();
    test::write_file(world.directory() + "/queue.mdb-busy", '\1' + std::string(4095, '\0'));
    world.open(false);
    std::string folder;
    for (const auto& one : std::filesystem::directory_iterator(world.directory())) {
        if (one.is_directory() && std::filesystem::exists(one.path() / (id + ".entry"))) folder = one.path();
    }
    REQUIRE_FALSE(folder.empty());
    std::filesystem::rename(folder, folder + ".away");
    test::write_file(folder, "no directory");
    world.start();
    world.run();
    const auto refused = test::run_on(world.loop(), world->act(Act::hold, everything(), "the administrator"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("try again in a moment") != std::string::npos);
    CHECK_FALSE(test::run_on(world.loop(), world->list({}, "", 10)));
    std::filesystem::remove(folder);
    std::filesystem::rename(folder + ".away", folder);
    world.pass(1min, 5s);
    CHECK(acted(world, Act::hold, everything()).messages == 1);
}

TEST_CASE("retry sends at once, however long its note in the entry's file takes", "[queue][admin]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.transport->on_deliver = nullptr;
    test::run_on(world.loop(), act_beside_a_slow_file(world, Act::retry, of_id(id)));
    CHECK(world.times(id, "bob@one.example") == 1);
    world.reopen();
    CHECK(world.entry_files() == 0);
}

TEST_CASE("hold, release and retry of a recipient are of the whole message, and say of how many others", "[queue][admin]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "eve@two.example", "carl@two.example"});
    world.run();
    CHECK(acted(world, Act::hold, of_id(id)).other_recipients == 0);
    CHECK(acted(world, Act::release, of_id(id)).other_recipients == 0);
    CHECK(acted(world, Act::hold, to_domain("one.example")).other_recipients == 2);
    (void)hold_from_now_on(world, to_domain("two.example"));
    // Those whom a standing hold keeps do not go.
    CHECK(acted(world, Act::release, to_domain("one.example")).other_recipients == 0);
    CHECK(acted(world, Act::retry, to_domain("one.example")).other_recipients == 0);
    CHECK(acted(world, Act::release, to_domain("two.example")).other_recipients == 0);
    CHECK(acted(world, Act::retry, to_domain("one.example")).other_recipients == 2);
    CHECK(acted(world, Act::hold, to_domain("two.example")).other_recipients == 1);
    CHECK(acted(world, Act::release, to_domain("two.example")).other_recipients == 1);
    CHECK(acted(world, Act::bounce, to_domain("two.example")).other_recipients == 0);
}

TEST_CASE("retry leaves what is held alone, and says how many that are", "[queue][admin]")
{
    World world;
    fail_for_now(world);
    const auto held = world.send("anna@here.example", {"bob@one.example"});
    const auto free = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(acted(world, Act::hold, of_id(held)).messages == 1);
    world.transport->on_deliver = nullptr;
    const Acted retried = acted(world, Act::retry, everything());
    CHECK(retried.messages == 1);
    CHECK(retried.held == 1);
    world.tick();
    CHECK(world.times(free, "bob@one.example") == 1);
    CHECK(world.times(held, "bob@one.example") == 0);
    CHECK(traced(world, held, trace::EventKind::retried).empty());
    CHECK(acted(world, Act::release, of_id(held)).messages == 1);
    CHECK(acted(world, Act::release, of_id(held)).messages == 0);
    world.pass(1h, 5min);
    CHECK(world.times(held, "bob@one.example") == 1);
}

TEST_CASE("what is being sent is listed so, and as waiting before and behind it", "[queue][admin]")
{
    World world;
    const auto id = being_sent(world, {"bob@slow.example", "carl@quick.example"});
    CHECK(shown(world, id, 0).is_being_sent);
    CHECK_FALSE(shown(world, id, 1).is_being_sent);
    CHECK(world.list().entries.at(0).recipients.at(0).is_being_sent);
    world.transport->let_go();
    world.run();
    CHECK_FALSE(shown(world, id, 0).is_being_sent);
}

TEST_CASE("a bounce of what is being sent is told, and done when the attempt does not deliver", "[queue][admin]")
{
    World world;
    const bool delivers = GENERATE(false, true);
    const bool crashes = GENERATE(false, true);
    const auto id = being_sent(world, {"bob@slow.example", "carl@quick.example"});
    world.advance(2s);
    const Acted told = acted(world, Act::bounce, of_id(id));
    CHECK(told.messages == 1);
    CHECK(told.being_sent == 1);
    CHECK(told.at_once == 1);
    // Who was not being sent to is returned at once, in the report of its own.
    CHECK(traced(world, id, trace::EventKind::returned) == std::vector<std::string>{"carl@quick.example by the administrator"});
    if (delivers) world.transport->on_deliver = nullptr;
    if (crashes) {
        world.crash();
    } else {
        world.transport->let_go();
        world.run();
    }
    world.pass(2h, 1min);
    const bool is_delivered = delivers && !crashes;
    CHECK(world.times(id, "bob@slow.example") == (is_delivered ? 1 : 0));
    CHECK(traced(world, id, trace::EventKind::returned).size() == (is_delivered ? 1 : 2));
    std::size_t told_of = 0;
    for (const auto& report : world.made_reports()) told_of += report.recipients.size();
    CHECK(told_of == (is_delivered ? 1 : 2));
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
}

TEST_CASE("a deletion of what is being sent is done when the attempt does not deliver, and nobody is told", "[queue][admin]")
{
    World world;
    const bool crashes = GENERATE(false, true);
    const auto id = being_sent(world, {"bob@slow.example"});
    CHECK(acted(world, Act::remove, of_id(id)).being_sent == 1);
    CHECK(world.list().entries.size() == 1);
    if (crashes) {
        world.crash();
    } else {
        world.transport->let_go();
        world.run();
    }
    world.transport->on_deliver = nullptr;
    world.pass(2h, 1min);
    CHECK(world.times(id, "bob@slow.example") == 0);
    CHECK(traced(world, id, trace::EventKind::deleted) == std::vector<std::string>{"bob@slow.example by the administrator"});
    CHECK(world.made_reports().empty());
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
}

TEST_CASE("a hold of what is being sent keeps what the attempt does not deliver", "[queue][admin]")
{
    World world;
    const bool is_standing = GENERATE(false, true);
    const auto id = being_sent(world, {"bob@slow.example"});
    const Acted told = is_standing ? hold_from_now_on(world, to_domain("slow.example")) : acted(world, Act::hold, of_id(id));
    CHECK(told.messages == 1);
    CHECK(told.being_sent == 1);
    CHECK(traced(world, id, trace::EventKind::held).empty());
    world.transport->let_go();
    world.run();
    CHECK(traced(world, id, trace::EventKind::held).size() == 1);
    if (is_standing) return;
    world.transport->on_deliver = nullptr;
    world.pass(6 * 24h, 1h);
    CHECK(world.times(id, "bob@slow.example") == 0);
    CHECK(world.list().entries.at(0).entry.is_held);
    CHECK(world.made_reports().empty());
}

TEST_CASE("a hold that never took effect, because the attempt delivered or it was released, is not in the trace", "[queue][admin][trace]")
{
    World world;
    const bool delivers = GENERATE(false, true);
    const auto id = being_sent(world, {"bob@slow.example"});
    CHECK(acted(world, Act::hold, of_id(id)).being_sent == 1);
    if (delivers) world.transport->on_deliver = nullptr;
    else CHECK(acted(world, Act::release, of_id(id)).messages == 1);
    world.transport->let_go();
    world.run();
    CHECK(traced(world, id, trace::EventKind::held).empty());
    CHECK(traced(world, id, trace::EventKind::released).empty());
    CHECK(world.times(id, "bob@slow.example") == (delivers ? 1 : 0));
}

TEST_CASE("what the trace is told stands in the journal beside the record that it tells of", "[queue][admin][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example", "never@three.example"});
    const auto removed = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    (void)acted(world, Act::hold, of_id(id));
    (void)acted(world, Act::release, of_id(id));
    (void)acted(world, Act::retry, of_id(id));
    (void)acted(world, Act::bounce, to_domain("two.example"));
    (void)acted(world, Act::remove, of_id(removed));
    (void)hold_from_now_on(world, to_domain("one.example"));
    const auto kept = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    (void)acted(world, Act::release, to_domain("one.example"));
    world.transport->on_deliver = nullptr;
    world.pass(6 * 24h, 1h);
    CHECK(traced(world, id, trace::EventKind::held).size() == 2);
    CHECK(traced(world, kept, trace::EventKind::held).size() == 1);
    CHECK(traced(world, kept, trace::EventKind::released).size() == 1);
    std::vector<trace::Event> written;
    for (const auto& entry : world.ledger->entries) {
        if (entry.traced.empty()) continue;
        const auto events = trace::decode_events(entry.traced);
        REQUIRE(events);
        written.insert(written.end(), events->begin(), events->end());
    }
    const auto& told = world.recorder.events;
    REQUIRE(written.size() == told.size());
    const auto name = [](const trace::Event& event) {
        const auto at = std::chrono::duration_cast<std::chrono::microseconds>(event.at.time_since_epoch()).count();
        return event.id + " " + std::to_string(static_cast<int>(event.kind)) + " " + event.recipient + " " + std::to_string(at) + " " + event.detail;
    };
    std::multiset<std::string> a;
    std::multiset<std::string> b;
    for (const auto& event : written) a.insert(name(event));
    for (const auto& event : told) b.insert(name(event));
    CHECK(a == b);
    for (const auto kind : {trace::EventKind::attempted, trace::EventKind::delivered, trace::EventKind::returned, trace::EventKind::deleted,
                            trace::EventKind::held, trace::EventKind::released, trace::EventKind::retried, trace::EventKind::reported}) {
        CAPTURE(static_cast<int>(kind));
        CHECK(world.recorder.count(kind) != 0);
    }
}

TEST_CASE("an attempt that was asked for moves none of those that were planned", "[queue][admin]")
{
    World world;
    const bool reopens = GENERATE(false, true);
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.pass(30min, 1min);
    const auto state = [&] { return world.list().entries.at(0).entry.states.at(0); };
    const auto before = state();
    REQUIRE(before.attempts == 3);
    CHECK(acted(world, Act::retry, of_id(id)).messages == 1);
    if (reopens) world.reopen();
    world.advance(2s);
    world.advance(2s);
    const auto after = state();
    CHECK(after.attempts == 4);
    CHECK(after.next == before.next);
    world.pass(31min, 1min);
    const auto third = state();
    CHECK(third.attempts == 5);
    // As after the fourth of the plan: an hour, a tenth more or less.
    CHECK(third.next - third.last.at * 1000 <= std::chrono::milliseconds(67min).count());
}

TEST_CASE("a return by an administrator stands in the trace as one, with who did it", "[queue][admin][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    const auto from_nobody = world.send("", {"bob@one.example"});
    const auto deleted = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(acted(world, Act::bounce, of_id(id)).messages == 1);
    CHECK(acted(world, Act::bounce, of_id(from_nobody)).messages == 1);
    CHECK(acted(world, Act::remove, of_id(deleted)).messages == 1);
    CHECK(traced(world, id, trace::EventKind::returned) == std::vector<std::string>{"bob@one.example by the administrator"});
    CHECK(traced(world, id, trace::EventKind::deleted).empty());
    CHECK(traced(world, id, trace::EventKind::failed).empty());
    CHECK(traced(world, id, trace::EventKind::reported).size() == 1);
    REQUIRE(traced(world, from_nobody, trace::EventKind::returned).size() == 1);
    CHECK(traced(world, from_nobody, trace::EventKind::returned).front().find("nobody is told") != std::string::npos);
    CHECK(traced(world, deleted, trace::EventKind::deleted) == std::vector<std::string>{" by the administrator"});
}

TEST_CASE("who names an id twice means it once", "[queue][admin]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    Selection twice = of_id(id);
    twice.ids.push_back(id);
    twice.ids.push_back("unknown");
    twice.ids.push_back("unknown");
    const Acted told = acted(world, Act::retry, twice);
    CHECK(told.messages == 1);
    CHECK(told.unknown == std::vector<std::string>{"unknown"});
    CHECK(traced(world, id, trace::EventKind::retried).size() == 1);
}

TEST_CASE("what an account forwards is told of as returned to it", "[queue][admin]")
{
    World world;
    fail_for_now(world);
    auto envelope = World::envelope("fwd@here.example", {"bob@one.example"});
    envelope.is_forwarded = true;
    envelope.account = "anna@here.example";
    const auto id = world.send(envelope);
    const auto other = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(acted(world, Act::bounce, of_id(id)).forwarded == 1);
    CHECK(acted(world, Act::bounce, of_id(other)).forwarded == 0);
}

TEST_CASE("who failed already is told although the message is deleted", "[queue][admin][I7]")
{
    World world;
    const bool is_returned = GENERATE(false, true);
    world.intake->refuses = true;  // the report waits meanwhile
    world.transport->on_deliver = [&](const std::string&, const std::string& recipient) {
        return recipient == "bob@one.example" && !is_returned ? ScriptedTransport::never() : ScriptedTransport::later();
    };
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    if (is_returned) REQUIRE(acted(world, Act::bounce, to_domain("one.example")).messages == 1);
    CHECK(acted(world, Act::remove, of_id(id)).messages == 1);
    CHECK(traced(world, id, trace::EventKind::deleted) == std::vector<std::string>{"carl@two.example by the administrator"});
    world.intake->refuses = false;
    world.pass(3min, 30s);
    CHECK(world.reports(ReportKind::failed, id) == 1);
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
}

TEST_CASE("what is deleted for one recipient is deleted in the trace for that one alone", "[queue][admin][trace]")
{
    World world;
    fail_for_now(world);
    const auto id = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    CHECK(acted(world, Act::remove, to_domain("two.example")).messages == 1);
    CHECK(traced(world, id, trace::EventKind::deleted) == std::vector<std::string>{"carl@two.example by the administrator"});
}

TEST_CASE("a standing hold keeps what is there and what comes, over restarts, until it is released", "[queue][holds]")
{
    World world;
    fail_for_now(world);
    const auto before = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.transport->on_deliver = nullptr;
    const Acted begun = hold_from_now_on(world, to_domain("ONE.example"));
    CHECK(begun.messages == 1);
    CHECK(begun.rules == 1);
    const auto after = world.send("anna@here.example", {"bob@one.example"});
    const auto other = world.send("anna@here.example", {"bob@two.example"});
    const auto both = world.send("anna@here.example", {"bob@one.example", "carl@two.example"});
    world.run();
    world.pass(1h, 5min);
    CHECK(world.times(other, "bob@two.example") == 1);
    CHECK(world.times(both, "carl@two.example") == 1);
    CHECK(traced(world, after, trace::EventKind::held) == std::vector<std::string>{" by the administrator: all mail to ONE.example is held"});
    CHECK(traced(world, before, trace::EventKind::held).size() == 1);
    CHECK(shown(world, after).held_by == "all mail to ONE.example");
    const bool crashes = GENERATE(false, true);
    if (crashes) world.crash();
    else world.reopen();
    REQUIRE(world->holds().size() == 1);
    world.pass(6 * 24h, 1h);
    for (const auto& id : {before, after, both}) CHECK(world.times(id, "bob@one.example") == 0);
    CHECK(world.list().entries.size() == 3);
    CHECK(world.made_reports().empty());
    CHECK(acted(world, Act::retry, everything()).held == 3);

    world.clock.set_wall(world.clock.wall() - 6 * 24h);
    const Acted released = acted(world, Act::release, to_domain("one.example"));
    CHECK(released.messages == 3);
    CHECK(released.rules == 1);
    CHECK(world->holds().empty());
    world.pass(2h, 1min);
    for (const auto& id : {before, after, both}) CHECK(world.times(id, "bob@one.example") == 1);
    CHECK(world.list().entries.empty());
    CHECK(traced(world, after, trace::EventKind::released).size() == 1);
}

TEST_CASE("that a standing hold keeps a message is told after a crash that came before its word, and once", "[queue][holds][trace]")
{
    World world;
    const bool is_lost = GENERATE(false, true);
    (void)hold_from_now_on(world, to_domain("one.example"));
    if (is_lost) world.ledger->hold_back();
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    // Its acceptance is on the disk, and not what came behind.
    if (is_lost) world.ledger->synced = world.ledger->last - 1;
    world.run();
    REQUIRE(traced(world, id, trace::EventKind::held).size() == (is_lost ? 0 : 1));
    world.crash();
    world.run();
    CHECK(traced(world, id, trace::EventKind::held).size() == 1);
    world.crash();
    world.run();
    CHECK(traced(world, id, trace::EventKind::held).size() == 1);
}

TEST_CASE("a standing hold of a sender, of an address and of everything", "[queue][holds]")
{
    World world;
    Selection sender;
    sender.sender = "@loud.example";
    Selection recipient;
    recipient.recipient = "bob@one.example";
    (void)hold_from_now_on(world, sender);
    (void)hold_from_now_on(world, recipient);
    (void)hold_from_now_on(world, recipient);
    CHECK(world->holds().size() == 2);
    const auto loud = world.send("x@loud.example", {"carl@one.example"});
    const auto named = world.send("anna@here.example", {"bob@one.example", "carl@one.example"});
    world.run();
    CHECK(world.times(loud, "carl@one.example") == 0);
    CHECK(world.times(named, "bob@one.example") == 0);
    // Of one destination, those whom nothing holds.
    CHECK(world.times(named, "carl@one.example") == 1);
    // What another hold keeps stays, and that is said.
    CHECK(acted(world, Act::release, to_domain("one.example")).held == 2);
    (void)hold_from_now_on(world, everything());
    const auto any = world.send("anna@here.example", {"dora@three.example"});
    world.run();
    CHECK(world.times(any, "dora@three.example") == 0);
    CHECK(acted(world, Act::release, everything()).rules == 3);
    world.pass(5min, 1s);
    CHECK(world.times(loud, "carl@one.example") == 1);
    CHECK(world.times(named, "bob@one.example") == 1);
    CHECK(world.times(any, "dora@three.example") == 1);
    CHECK(world.list().entries.empty());
}

TEST_CASE("a release that a crash cut is brought to its end by the next start", "[queue][holds][I8]")
{
    // At each durable step: afterwards everything is delivered, or held by a rule that is still listed.
    for (std::uint64_t step = 1; step < 40; ++step) {
        World world;
        (void)hold_from_now_on(world, to_domain("one.example"));
        std::vector<std::string> ids;
        for (int n = 0; n < 3; ++n) ids.push_back(world.send("anna@here.example", {"bob@one.example"}));
        world.run();
        world.advance(2s);
        world.checkpoint();
        world.fuse.set(step);
        (void)test::run_on(world.loop(), world->act(Act::release, to_domain("one.example"), "the administrator"));
        const bool was_cut = world.fuse.is_out();
        CAPTURE(step);
        world.crash();
        world.pass(20min, 1min);
        const bool is_listed = !world->holds().empty();
        for (const auto& id : ids) CHECK(world.times(id, "bob@one.example") + (is_listed ? 1 : 0) >= 1);
        CHECK(world.list().entries.size() == (is_listed ? 3 : 0));
        if (!was_cut) break;
    }
}

TEST_CASE("a release that did not reach its end holds nothing, and its messages come back", "[queue][holds]")
{
    World world;
    (void)hold_from_now_on(world, to_domain("one.example"));
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    world.advance(2s);
    world.checkpoint();
    world.close();
    auto rules = parse_hold_rules(*read_whole(world.files, world.directory() + "/holds", 10'000));
    REQUIRE(rules);
    rules->at(0).is_ending = true;
    REQUIRE(replace_whole(world.files, world.directory() + "/holds", format_hold_rules(*rules), 0600));
    world.open();
    world.pass(5min, 1s);
    CHECK(world.times(id, "bob@one.example") == 1);
    CHECK(world->holds().empty());
    CHECK(*read_whole(world.files, world.directory() + "/holds", 10'000) == format_hold_rules({}));
}

TEST_CASE("where the list of standing holds cannot be read all mail is held, and that is told", "[queue][holds][I9]")
{
    World world;
    (void)hold_from_now_on(world, to_domain("one.example"));
    world.close();
    auto bytes = *read_whole(world.files, world.directory() + "/holds", 10'000);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    REQUIRE(replace_whole(world.files, world.directory() + "/holds", bytes, 0600));
    world.open();
    REQUIRE(world->facts().complaints.size() == 1);
    CHECK(world->facts().complaints.front().find("mailboxctl queue release --all") != std::string::npos);
    const auto id = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    CHECK(world.times(id, "bob@two.example") == 0);
    CHECK(acted(world, Act::release, everything()).messages == 1);
    world.pass(1min, 1s);
    CHECK(world.times(id, "bob@two.example") == 1);
    CHECK(world->facts().complaints.empty());
}

TEST_CASE("a standing hold that the disk does not take is refused, and holds nothing", "[queue][holds][G3]")
{
    World world;
    world.files.only({});
    world.files.fail_at(1, ENOSPC, true);
    const auto refused = test::run_on(world.loop(), world->hold_from_now_on(to_domain("one.example"), "the administrator"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("ENOSPC") != std::string::npos);
    world.files.heal();
    const auto id = world.send("anna@here.example", {"bob@one.example"});
    world.run();
    CHECK(world.times(id, "bob@one.example") == 1);
    CHECK_FALSE(test::run_on(world.loop(), world->hold_from_now_on(of_id(id), "x")));
    CHECK_FALSE(test::run_on(world.loop(), world->hold_from_now_on(Selection(), "x")));
}

TEST_CASE("lists of standing holds come back as written, and damaged ones do not", "[queue][codec][holds]")
{
    HoldRule one;
    one.which = to_domain("one.example");
    one.since = 1'700'000'000'000;
    one.by = "the administrator";
    HoldRule all;
    all.which.is_all = true;
    all.is_ending = true;
    one.is_beginning = true;
    const std::string bytes = format_hold_rules({one, all});
    const auto back = parse_hold_rules(bytes);
    REQUIRE(back);
    REQUIRE(back->size() == 2);
    CHECK(back->at(0).which.is_same(one.which));
    CHECK(back->at(0).by == one.by);
    CHECK(back->at(0).since == one.since);
    CHECK(back->at(0).is_beginning);
    CHECK(back->at(1).is_ending);
    CHECK_FALSE(back->at(1).is_beginning);
    CHECK(parse_hold_rules(format_hold_rules({})));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        CHECK_FALSE(parse_hold_rules(bytes.substr(0, at)));
        std::string other = bytes;
        other[at] = static_cast<char>(other[at] ^ 4);
        CHECK_FALSE(parse_hold_rules(other));
    }
    CHECK_FALSE(parse_hold_rules(bytes + "x"));
}

TEST_CASE("records that nobody knows keep the queue from beginning, and health says so", "[queue][I9]")
{
    World world;
    auto recovered = test::run_on(world.loop(), world->recover({}, {"of another version"}));
    CHECK_FALSE(recovered);
    REQUIRE(world->facts().complaints.size() == 1);
    CHECK(world->facts().complaints.front().find("start the version of mailboxd that wrote it") != std::string::npos);
    CHECK(test::run_on(world.loop(), world->recover({}, {})));
    CHECK(world->facts().complaints.empty());
}

TEST_CASE("the null sender is meant by <> alone", "[queue][admin]")
{
    Selection which;
    which.sender = "@";
    CHECK_FALSE(which.means_sender(""));
    which.sender = "<>";
    CHECK(which.means_sender(""));
    CHECK_FALSE(which.means_sender("anna@here.example"));
}
