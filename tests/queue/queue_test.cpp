// The queue as a whole, with a scripted other side and a clock that is moved.
#include <map>

#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

TEST_CASE("a message is delivered at once, and nothing of it is written but its end", "[queue]")
{
    World world;
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.times(id, "bob@there.example") == 1);
    CHECK(world.entry_files() == 0);
    REQUIRE(world.ledger->entries.size() == 2);
    CHECK(decode_record(world.ledger->entries.back().record) == QueueRecord(Ended{id}));
    CHECK(world.ledger->held->empty());
    CHECK(world.recorder.count(trace::EventKind::delivered) == 1);
    CHECK(world->facts().messages == 0);
}

TEST_CASE("what is not delivered within a second gets files, and the journal may forget it", "[queue]")
{
    World world;
    world.transport->is_slow = [](const std::string&) { return true; };
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.ledger->bound() == 0);
    world.advance(500ms);
    CHECK(world.entry_files() == 0);
    world.advance(600ms);
    CHECK(world.entry_files() == 1);
    CHECK(world.ledger->held->empty());
    world.checkpoint();
    CHECK(world.ledger->entries.empty());
    world.transport->let_go();
    world.run();
    CHECK(world.times(id, "bob@there.example") == 1);
    CHECK(world.entry_files() == 0);
    world.checkpoint();
    world.tick();
    CHECK(world->facts().messages == 0);
}

TEST_CASE("one connection serves what comes in a row, and ends when nothing does", "[queue]")
{
    World world;
    for (int n = 0; n < 20; ++n) {
        world.send("anna@here.example", {"bob@there.example"});
        world.run();
    }
    CHECK(world.transport->opens["there.example"] == 1);
    CHECK(world.transport->all_open == 1);
    world.advance(2'100ms);
    CHECK(world.transport->all_open == 0);
    // A connection that the other side closed meanwhile costs nothing but another one.
    world.send("anna@here.example", {"bob@there.example"});
    world.run();
    int calls = 0;
    world.transport->on_deliver = [&calls](const std::string&, const std::string&) {
        return ++calls == 1 ? ScriptedTransport::dead() : ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.times(id, "bob@there.example") == 1);
    CHECK(world.transport->opens["there.example"] == 3);
}

TEST_CASE("I7: 4xx for ever ends in one warning after 4 hours and one report after 5 days", "[queue][I7]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    world.pass(3h + 55min);
    CHECK(world.reports(ReportKind::delayed) == 0);
    world.pass(20min);
    CHECK(world.reports(ReportKind::delayed) == 1);
    world.reopen();
    world.pass(4 * 24h);
    CHECK(world.reports(ReportKind::delayed) == 1);
    CHECK(world.reports(ReportKind::failed) == 0);
    world.pass(24h, 10min);
    CHECK(world.reports(ReportKind::delayed) == 1);
    REQUIRE(world.reports(ReportKind::failed) == 1);
    const auto report = world.made_reports().back();
    CHECK(report.about == id);
    CHECK(report.to == "anna@here.example");
    CHECK(report.recipients.at(0).find("4.7.1 expired try again") != std::string::npos);
    CHECK(world.entry_files() == 0);
    const auto tries = std::count(world.transport->order.begin(), world.transport->order.end(), id);
    CHECK(tries >= 30);
    CHECK(tries <= 40);
}

TEST_CASE("I7: 5xx for one of 50 recipients reports that one, and the others are delivered once", "[queue][I7]")
{
    World world;
    std::vector<std::string> to;
    for (int n = 0; n < 50; ++n) to.push_back("r" + std::to_string(n) + "@there.example");
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address == "r7@there.example" ? ScriptedTransport::never() : ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", to);
    world.run();
    CHECK(world.reports(ReportKind::failed) == 1);
    REQUIRE(world.made_reports().at(0).recipients.size() == 1);
    CHECK(world.made_reports().at(0).recipients.at(0).starts_with("r7@there.example 5.1.1"));
    for (const auto& address : to) CHECK(world.times(id, address) == (address == "r7@there.example" ? 0 : 1));
    CHECK(world->facts().messages == 0);
}

TEST_CASE("I7: 421 in the middle and a greylisting 451 are tried again, only for those who wait", "[queue][I7]")
{
    World world;
    int calls = 0;
    world.transport->on_deliver = [&calls](const std::string&, const std::string& address) {
        ++calls;
        if (address == "a@there.example") return ScriptedTransport::ok();
        if (calls < 4) return ScriptedTransport::answer(Answer::Verdict::temporary, 421, "4.3.2", "going down");
        return ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", {"a@there.example", "b@there.example", "c@there.example"});
    world.run();
    CHECK(world.times(id, "a@there.example") == 1);
    CHECK(world.times(id, "b@there.example") == 0);
    world.pass(20min, 1min);
    for (const std::string address : {"a@there.example", "b@there.example", "c@there.example"}) CHECK(world.times(id, address) == 1);
    CHECK(world.transport->opens["there.example"] == 2);
}

TEST_CASE("I7: a connection lost after the dot is tried again and told of as uncertain", "[queue][I7]")
{
    World world;
    int calls = 0;
    world.transport->on_deliver = [&calls](const std::string&, const std::string&) {
        auto answer = ScriptedTransport::dead();
        answer.is_uncertain = true;
        return ++calls == 1 ? answer : ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    const auto& facts = world.recorder.events.front().facts;
    CHECK(std::any_of(facts.begin(), facts.end(), [](const auto& fact) { return fact.first == "uncertain"; }));
    world.pass(10min, 1min);
    CHECK(world.times(id, "bob@there.example") == 1);
}

TEST_CASE("I2: what comes back to the null return path is dropped with a line in the trace, and never reported", "[queue][I2]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    world.send("", {"nobody@there.example"});
    world.run();
    CHECK(world.intake->tos.empty());
    CHECK(world.recorder.count(trace::EventKind::failed) == 1);
    CHECK(world->facts().messages == 0);
    CHECK(world.entry_files() == 0);
}

TEST_CASE("I2: mail from nobody that waits for ever ends without a warning and without a report", "[queue][I2]")
{
    World world;
    world.transport->on_open = [](const std::string&) { return std::optional(ScriptedTransport::dead()); };
    world.send("", {"nobody@there.example"});
    world.run();
    world.pass(5 * 24h + 1h, 15min);
    CHECK(world.intake->tos.empty());
    CHECK(world.entry_files() == 0);
    CHECK(world->facts().messages == 0);
}

TEST_CASE("I3: a forged sender hears nothing of what could be delivered or still can", "[queue][I3]")
{
    World world;
    for (int n = 0; n < 100; ++n) world.send("victim@elsewhere.example", {"bob@there.example"});
    world.run();
    CHECK(world.intake->tos.empty());
}

TEST_CASE("success is reported by us where the other server cannot, and the entry ends after it", "[queue][I5]")
{
    World world;
    bool passes = false;
    world.transport->on_deliver = [&passes](const std::string&, const std::string&) {
        auto answer = ScriptedTransport::ok();
        answer.passed_dsn = passes;
        return answer;
    };
    auto envelope = World::envelope("anna@here.example", {"bob@there.example"});
    envelope.recipients[0].notify = {true, true, false, false};
    const auto id = world.send(envelope);
    world.run();
    CHECK(world.reports(ReportKind::relayed, id) == 1);
    CHECK(world->facts().messages == 0);
    passes = true;
    world.send(envelope);
    world.run();
    CHECK(world.reports(ReportKind::relayed) == 1);
}

TEST_CASE("who has the message already is reported of, and no server is asked; also after a crash before it", "[queue][I5]")
{
    World world;
    auto envelope = World::envelope("anna@here.example", {"bob@ours.example", "all@ours.example", "far@there.example"});
    for (auto& recipient : envelope.recipients) recipient.notify = {true, true, false, false};
    envelope.recipients[0].ending = Ending::here;
    envelope.recipients[1].ending = Ending::expanded;
    world.transport->on_open = [](const std::string&) { return std::optional(ScriptedTransport::dead()); };
    const auto id = world.send(envelope);
    world.run();
    CHECK(world.transport->opens.count("ours.example") == 0);
    CHECK(world.transport->opens.count("") == 0);
    CHECK(world.reports(ReportKind::relayed, id) == 1);
    // The one elsewhere waits on its own; nothing of the others is told to the trace as a delivery.
    CHECK(world.entry_files() == 1);
    CHECK(world.recorder.count(trace::EventKind::delivered) == 0);
    world.reopen();
    world.pass(1min, 15s);
    CHECK(world.reports(ReportKind::relayed, id) == 1);

    // The word of it is all there is: it ends with that.
    envelope.recipients.resize(1);
    world.send(envelope);
    world.run();
    CHECK(world.reports(ReportKind::relayed) == 2);
    CHECK(world.entry_files() == 1);
}

TEST_CASE("a report that cannot be made now is made later, once", "[queue][I7]")
{
    World world;
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    world.pass(5min, 30s);
    CHECK(world.intake->tos.empty());
    CHECK(world.entry_files() == 1);
    world.reopen();
    world.pass(3min, 30s);
    CHECK(world.intake->tos.empty());
    world.intake->refuses = false;
    world.pass(3min, 30s);
    CHECK(world.reports(ReportKind::failed, id) == 1);
    CHECK(world.entry_files() == 0);
    CHECK(world.transport->order.size() == 1);
}

namespace {

Envelope forwarded_by_anna()
{
    auto envelope = World::envelope("fwd@here.example", {"bob@there.example"});
    envelope.is_forwarded = true;
    envelope.account = "anna@here.example";
    return envelope;
}

std::vector<std::string> details_of(const World& world, trace::EventKind kind)
{
    std::vector<std::string> details;
    for (const auto& event : world.recorder.events) {
        if (event.kind == kind) details.push_back(event.detail);
    }
    return details;
}

// It has failed for good, and the report waits for room in Anna's mailbox.
std::string send_in_vain(World& world)
{
    world.intake->refuses = true;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    auto id = world.send(forwarded_by_anna());
    world.run();
    return id;
}

}  // namespace

TEST_CASE("why a report waits is listed until it is made, and traced once", "[queue][I7]")
{
    World world;
    const auto id = send_in_vain(world);
    world.pass(5min, 30s);
    REQUIRE(world.list().entries.size() == 1);
    CHECK(world.list().entries.front().report_trouble == "the mailbox is full");
    CHECK(details_of(world, trace::EventKind::report_waits) == std::vector<std::string>{"the mailbox is full"});
    world.intake->refuses = false;
    world.pass(3min, 30s);
    CHECK(world.reports(ReportKind::failed, id) == 1);
    CHECK(details_of(world, trace::EventKind::reported) == std::vector<std::string>{"told anna@here.example"});
    CHECK(world.list().entries.empty());
}

TEST_CASE("a message that is deleted while its report waits has none", "[queue][I7]")
{
    World world;
    const auto id = send_in_vain(world);
    REQUIRE(world.list().entries.size() == 1);
    Selection all;
    all.is_all = true;
    const auto done = test::run_on(world.loop(), world->act(Act::remove, all, "the administrator"));
    REQUIRE(done);
    world.run();
    CHECK(world.list().entries.empty());
    // Of the same name, which none has in truth: nothing is left of the first one.
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    world.send_again(forwarded_by_anna());
    world.run();
    REQUIRE(world.list().entries.size() == 1);
    CHECK(world.list().entries.front().entry.id == id);
    CHECK(world.list().entries.front().report_trouble.empty());
}

TEST_CASE("where the account that forwards is switched off the story says that the administrators were told", "[queue][I7]")
{
    World world;
    world.intake->missing = "is switched off";
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send(forwarded_by_anna());
    world.send("carl@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.list().entries.front().not_told == "is switched off");
    CHECK(world.list().entries.back().not_told.empty());
    Selection all;
    all.is_all = true;
    const auto done = test::run_on(world.loop(), world->act(Act::bounce, all, "the administrator"));
    REQUIRE(done);
    CHECK(done->messages == 2);
    CHECK(done->forwarded == 1);
    CHECK(done->to_administrators == 1);
    world.run();
    CHECK(world.reports(ReportKind::failed, id) == 1);
    auto told = details_of(world, trace::EventKind::reported);
    std::sort(told.begin(), told.end());
    CHECK(told == std::vector<std::string>{"told carl@here.example", "told the administrators (anna@here.example is switched off)"});
}

TEST_CASE("RET=FULL returns the message, and a large one only by its header", "[queue][I5]")
{
    World world;
    world.options.report_max_size = 1'000;
    world->set_options(world.options);
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    auto envelope = World::envelope("anna@here.example", {"bob@there.example"});
    envelope.ret = ReturnKind::full_message;
    world.send(envelope, "S: x\r\n\r\n" + std::string(900, 'x'));
    world.send(envelope, "S: x\r\n\r\n" + std::string(900'000, 'x'));
    world.run();
    const auto reports = world.made_reports();
    REQUIRE(reports.size() == 2);
    CHECK(std::min(reports[0].original, reports[1].original) == 908);
    CHECK(std::max(reports[0].original, reports[1].original) == kMaxReportedHeader);
}

TEST_CASE("a report brings the message with the fields of its copy, whole where nobody else has it", "[queue][I5]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    auto envelope = World::envelope("anna@here.example", {"bob@there.example"});
    envelope.fields = "X-Own: 12345\r\n";
    envelope.is_only_copy = true;
    world.send(envelope, "S: x\r\n\r\n" + std::string(900, 'x'));
    world.run();
    CHECK(world.made_reports().at(0).original == 908 + envelope.fields.size());
}

TEST_CASE("I6: a dead destination with 2,000 messages is asked now and then, and delays nobody else", "[queue][I6]")
{
    World world;
    world.transport->on_open = [](const std::string& domain) {
        return domain == "dead.example" ? std::optional(ScriptedTransport::dead()) : std::nullopt;
    };
    for (int n = 0; n < 2'000; ++n) world.send("bulk@here.example", {"x@dead.example"});
    world.run();
    CHECK(world.transport->opens["dead.example"] == 3);
    world.advance(2s);
    CHECK(world.entry_files() == 2'000);
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.times(id, "bob@there.example") == 1);
    world.pass(1h, 1min);
    CHECK(world.transport->opens["dead.example"] < 20);
    CHECK(world->facts().destinations_down == 1);
    // It comes back: everything goes, each once.
    world.transport->on_open = nullptr;
    world.pass(2h, 1min);
    CHECK(world.entry_files() == 0);
    std::size_t delivered = 0;
    for (const auto& [message, by] : world.transport->delivered) delivered += by.contains("x@dead.example") ? 1 : 0;
    CHECK(delivered == 2'000);
    for (const auto& [message, by] : world.transport->delivered) {
        for (const auto& [address, times] : by) CHECK(times == 1);
    }
}

TEST_CASE("I6: one slow host takes ten connections and no more, and others pass it", "[queue][I6]")
{
    World world;
    world.transport->is_slow = [](const std::string& domain) { return domain == "slow.example"; };
    for (int n = 0; n < 100; ++n) world.send("anna@here.example", {"x@slow.example"});
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.transport->most_open["slow.example"] == 10);
    CHECK(world.times(id, "bob@there.example") == 1);
    world.transport->let_go();
    world.run();
    CHECK(world->facts().messages == 0);
}

TEST_CASE("I6: a sender with 500 messages to a destination lets another one's pass after its turn", "[queue][I6]")
{
    World world;
    world.options.max_connections_per_destination = 1;
    world->set_options(world.options);
    world.transport->is_slow = [](const std::string&) { return true; };
    for (int n = 0; n < 500; ++n) world.send(World::envelope("bulk@here.example", {"x@there.example"}), "S: x\r\n\r\n", "bulk@here.example");
    const auto id = world.send(World::envelope("anna@here.example", {"x@there.example"}), "S: x\r\n\r\n", "anna@here.example");
    world.run();
    world.transport->let_go();
    world.run();
    const auto& order = world.transport->order;
    const auto at = std::find(order.begin(), order.end(), id) - order.begin();
    CHECK(at <= 3);
    CHECK(order.size() == 501);
}

TEST_CASE("a domain gets so many messages a minute, each once, and others wait for nothing", "[queue]")
{
    constexpr std::size_t kLimit = 60;
    constexpr std::size_t kAtOnce = kLimit / 10;
    constexpr std::size_t kMessages = 200;

    World world;
    world.options.max_messages_per_destination_minute = kLimit;
    world->set_options(world.options);
    for (std::size_t n = 0; n < kMessages; ++n) world.send("bulk@here.example", {"x@slow.example"});
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    CHECK(world.times(id, "bob@there.example") == 1);
    const auto delivered = [&world] { return world.transport->delivered.size() - 1; };
    CHECK(delivered() == kAtOnce);
    world.advance(2s);
    CHECK(world.list().entries.size() == 100);
    for (const auto& waiting : world.list().entries) CHECK(waiting.entry.states.at(0).attempts == 0);
    world.pass(1min, 1s);
    CHECK(delivered() >= kLimit);
    CHECK(delivered() <= kLimit + 2 * kAtOnce);
    const bool restarts = GENERATE(false, true);
    if (restarts) world.reopen();
    // What an administrator wants at once keeps to it as well.
    const std::size_t before = delivered();
    Selection all;
    all.is_all = true;
    CHECK(world.act(Act::retry, all) == kMessages - before);
    world.tick();
    CHECK(delivered() <= before + 2 * kAtOnce);
    if (GENERATE(false, true)) {
        world.options.max_messages_per_destination_minute = 0;
        world->set_options(world.options);
        world.pass(10s, 1s);
    } else {
        world.pass(3min, 1s);
    }
    CHECK(delivered() == kMessages);
    for (const auto& [message, by] : world.transport->delivered) {
        for (const auto& [address, times] : by) CHECK(times == 1);
    }
    CHECK(world.entry_files() == 0);
}

TEST_CASE("what only our own limit held back is told as not tried, and no server is blamed", "[queue]")
{
    World world;
    world.options.max_messages_per_destination_minute = 10;
    world.options.warn_after = 20s;
    world.options.lifetime = 1min;
    world->set_options(world.options);
    for (std::size_t n = 0; n < 30; ++n) world.send("bulk@here.example", {"x@slow.example"});
    world.run();
    world.pass(2min, 1s);
    REQUIRE(world.reports(ReportKind::delayed) > 0);
    REQUIRE(world.reports(ReportKind::failed) > 0);
    for (const auto& report : world.made_reports()) {
        const bool is_failed = report.kind == ReportKind::failed;
        CHECK(report.recipients.at(0) == (is_failed ? "x@slow.example 4.4.7 expired untried undated its time was over before it was tried"
                                                    : "x@slow.example 4.0.0 untried undated "));
    }
    std::size_t failed = 0;
    for (const auto& event : world.recorder.events) {
        if (event.kind != trace::EventKind::failed) continue;
        ++failed;
        CHECK(event.detail == "its time is over, and it was not tried: it waited here, in our own queue");
    }
    CHECK(failed == world.reports(ReportKind::failed));
}

TEST_CASE("10,000 recipients in as many domains are one entry, each delivered once", "[queue][I6]")
{
    World world;
    std::vector<std::string> to;
    for (int n = 0; n < 10'000; ++n) to.push_back("x@d" + std::to_string(n) + ".example");
    int calls = 0;
    world.transport->on_deliver = [&calls](const std::string&, const std::string&) {
        return ++calls % 10 == 0 ? ScriptedTransport::later() : ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", to);
    world.run();
    CHECK(world.entry_files() == 1);
    world.reopen();
    world.pass(20h, 5min);
    CHECK(world.transport->delivered[id].size() == 10'000);
    for (const auto& [address, times] : world.transport->delivered[id]) CHECK(times == 1);
    CHECK(world.entry_files() == 0);
}

TEST_CASE("I9: an entry that cannot be read is set aside with an alarm, and the queue goes on", "[queue][I9]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    std::vector<std::string> ids;
    for (int n = 0; n < 7; ++n) ids.push_back(world.send("anna@here.example", {"bob@d" + std::to_string(n) + ".example"}));
    world.run();
    world.checkpoint();
    world.close();
    test::write_file(world.file_of(ids[0]), "");
    test::write_file(world.file_of(ids[1]), "mailboxd queue entry 9\nnews");
    const std::string whole = test::read_file(world.file_of(ids[2]));
    test::write_file(world.file_of(ids[2]), whole.substr(0, 40));
    std::filesystem::remove(world.file_of(ids[3], ".eml"));
    std::filesystem::resize_file(world.file_of(ids[4], ".eml"), 3);
    // Only its end is damaged: it is cut off and the entry goes on.
    test::write_file(world.file_of(ids[5]), test::read_file(world.file_of(ids[5])) + "torn");
    world.open();
    world.transport->on_deliver = nullptr;
    world.pass(20min, 1min);
    for (int n = 0; n < 7; ++n) CHECK(world.times(ids[static_cast<std::size_t>(n)], "bob@d" + std::to_string(n) + ".example") == (n < 5 ? 0 : 1));
    CHECK(world->facts().damaged == 5);
    CHECK_FALSE(world->facts().complaints.empty());
    CHECK(std::filesystem::exists(world.directory() + "/damaged/" + ids[0] + ".entry"));
    CHECK(std::filesystem::exists(world.directory() + "/damaged/" + ids[0] + ".eml"));
    CHECK(world.entry_files() == 0);
    world.reopen();
    CHECK(world->facts().damaged == 5);
}

TEST_CASE("F9: without its schedule, with an old or a damaged one, the queue finds everything again", "[queue][F9]")
{
    World world;
    const std::string mdb = world.directory() + "/queue.mdb";
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    std::vector<std::string> ids;
    const auto send = [&] {
        for (int n = 0; n < 50; ++n) ids.push_back(world.send("anna@here.example", {"bob@d" + std::to_string(n) + ".example"}));
        world.run();
        world.checkpoint();
    };
    send();
    world.close();
    const std::string old = test::read_file(mdb);
    world.open();
    send();
    world.close();
    SECTION("lost") { std::filesystem::remove(mdb); }
    SECTION("old") { test::write_file(mdb, old); }
    SECTION("damaged") { test::write_file(mdb, std::string(100'000, '\x5a')); }
    SECTION("not at all") {}
    world.open();
    world.transport->on_deliver = nullptr;
    world.pass(30min, 1min);
    for (const auto& id : ids) CHECK(world.transport->delivered[id].size() == 1);
    CHECK(world.entry_files() == 0);
    CHECK(world->facts().messages == 0);
}

TEST_CASE("an administrator lists, holds, releases, retries, bounces and deletes", "[queue][admin]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto one = world.send("anna@here.example", {"bob@one.example"});
    const auto two = world.send("anna@here.example", {"bob@two.example"});
    const auto three = world.send("ben@other.example", {"carl@two.example"});
    world.run();
    CHECK(world.list().entries.size() == 3);
    CHECK(world.list({}, 2).entries.size() == 2);
    CHECK(world.list({}, 2, world.list({}, 2).next).entries.size() == 1);
    Selection by;
    by.destination = "TWO.example";
    CHECK(world.list(by).entries.size() == 2);
    by.sender = "@other.example";
    CHECK(world.list(by).entries.at(0).entry.id == three);
    Selection recipient;
    recipient.recipient = "bob@one.example";
    CHECK(world.list(recipient).entries.at(0).entry.states.at(0).attempts == 1);
    Selection ids;
    ids.ids = {two, "unknown"};
    const auto held = test::run_on(world.loop(), world->act(Act::hold, ids, "the administrator"));
    REQUIRE(held);
    CHECK(held->messages == 1);
    CHECK(held->unknown == std::vector<std::string>{"unknown"});
    world.transport->on_deliver = nullptr;
    world.pass(1h);
    CHECK(world.times(one, "bob@one.example") == 1);
    CHECK(world.times(two, "bob@two.example") == 0);
    world.reopen();
    world.pass(6 * 24h, 1h);
    CHECK(world.times(two, "bob@two.example") == 0);
    CHECK(world.list().entries.at(0).entry.is_held);
    world.clock.set_wall(world.clock.wall() - 6 * 24h);
    CHECK(world.act(Act::release, ids) == 1);
    world.pass(1h, 1min);
    CHECK(world.times(two, "bob@two.example") == 1);

    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto four = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    world.transport->on_deliver = nullptr;
    by = {};
    by.sender = "anna@here.example";
    CHECK(world.act(Act::retry, by) == 1);
    world.tick();
    CHECK(world.times(four, "bob@two.example") == 1);

    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto five = world.send("anna@here.example", {"bob@two.example"});
    const auto six = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    by.is_all = false;
    Selection nothing;
    CHECK_FALSE(test::run_ready(world->act(Act::remove, nothing, "admin")));
    ids.ids = {five};
    CHECK(world.act(Act::bounce, ids) == 1);
    CHECK(world.reports(ReportKind::failed, five) == 1);
    ids.ids = {six};
    CHECK(world.act(Act::remove, ids) == 1);
    CHECK(world.list().entries.empty());
    CHECK(world.entry_files() == 0);
    world.crash();
    world.pass(1h);
    CHECK(world.times(six, "bob@two.example") == 0);
    CHECK(world.reports(ReportKind::failed) == 1);
    CHECK(world.list().entries.empty());
}

TEST_CASE("another lifetime counts for what waits from the reload on, and from the next start on", "[queue]")
{
    const bool restarts = GENERATE(false, true);
    CAPTURE(restarts);
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    world.pass(10h, 10min);
    CHECK(world.reports(ReportKind::delayed, id) == 1);
    const auto attempts = world.list().entries.at(0).entry.states.at(0).attempts;
    world.options.lifetime = 9h;
    if (restarts) world.reopen();
    else world->set_options(world.options);
    world.run();
    world.tick();
    world.run();
    CHECK(world.reports(ReportKind::failed, id) == 1);
    CHECK(world.list().entries.empty());
    CHECK(attempts == 7);
}

TEST_CASE("a warning that is wanted later is given to what waits already", "[queue]")
{
    World world;
    world.options.warn_after = 0s;
    world.reopen();
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    world.pass(10h, 10min);
    CHECK(world.reports(ReportKind::delayed, id) == 0);
    world.options.warn_after = 4h;
    world->set_options(world.options);
    world.run();
    world.tick();
    world.run();
    CHECK(world.reports(ReportKind::delayed, id) == 1);
    CHECK(world.reports(ReportKind::failed, id) == 0);
}

TEST_CASE("a bounce by hand is no attempt, and does not change when the last one was", "[queue]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto tried = world.send("anna@here.example", {"bob@two.example"});
    world.run();
    Selection all;
    all.is_all = true;
    REQUIRE(test::run_on(world.loop(), world->hold_from_now_on(all, "the administrator")));
    const auto untried = world.send("anna@here.example", {"carl@three.example"});
    world.run();
    world.advance(1h);
    CHECK(world.act(Act::bounce, all) == 2);
    world.run();
    std::map<std::string, std::string> told;
    for (const auto& report : world.made_reports()) told[report.about] = report.recipients.at(0);
    CHECK(told[tried] == "bob@two.example 5.7.0 returned by the administrator");
    CHECK(told[untried] == "carl@three.example 5.7.0 untried undated returned by the administrator");
}

TEST_CASE("what is done to a destination or an address is done to no other recipient of the message", "[queue]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto returned = world.send("anna@here.example", {"bob@two.example", "carl@three.example"});
    const auto removed = world.send("anna@here.example", {"bob@two.example", "carl@three.example"});
    world.run();
    Selection by;
    by.ids = {returned};
    by.destination = "three.example";
    CHECK(world.act(Act::bounce, by) == 1);
    world.run();
    CHECK(world.reports(ReportKind::failed, returned) == 1);
    by.ids = {removed};
    by.destination = {};
    by.recipient = "carl@three.example";
    CHECK(world.act(Act::remove, by) == 1);
    world.run();
    world.crash();
    CHECK(world.list().entries.size() == 2);
    world.transport->on_deliver = nullptr;
    world.pass(1h, 1min);
    for (const auto& id : {returned, removed}) {
        CHECK(world.times(id, "bob@two.example") == 1);
        CHECK(world.times(id, "carl@three.example") == 0);
    }
    CHECK(world.reports(ReportKind::failed) == 1);
    CHECK(world.list().entries.empty());
}

TEST_CASE("a full disk keeps the journal's records, and everything goes on when there is room", "[queue][G3]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    world.files.only({});
    world.files.fail_at(1, ENOSPC, true);
    const auto id = world.send("anna@here.example", {"bob@there.example"});
    world.run();
    world.advance(5s);
    CHECK_FALSE(world->facts().complaints.empty());
    CHECK_FALSE(world.ledger->held->empty());
    world.checkpoint();
    CHECK(world.ledger->entries.size() == 2);
    world.files.heal();
    world.advance(5s);
    CHECK(world->facts().complaints.empty());
    CHECK(world.ledger->held->empty());
    world.transport->on_deliver = nullptr;
    world.pass(10min, 1min);
    CHECK(world.times(id, "bob@there.example") == 1);
    CHECK(world.entry_files() == 0);
}

TEST_CASE("stop() ends what is under way, and the next start delivers it", "[queue]")
{
    World world;
    world.transport->is_slow = [](const std::string& domain) { return domain == "slow.example"; };
    const auto id = world.send("anna@here.example", {"x@slow.example", "y@quick.example"});
    world.run();
    world.close();
    CHECK(world.times(id, "x@slow.example") == 0);
    CHECK(world.times(id, "y@quick.example") == 1);
    world.transport->is_slow = nullptr;
    world.open();
    world.pass(3s, 1s);
    CHECK(world.times(id, "x@slow.example") == 1);
    CHECK(world.times(id, "y@quick.example") == 1);
    CHECK(world.entry_files() == 0);
}
