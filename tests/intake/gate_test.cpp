// The gate over crashes, sick accounts, full disks and quotas: what was accepted is there once.
#include "intake/house.hpp"

#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "support/recorded.hpp"
#include "trace/event_record.hpp"
#include "trace/rows.hpp"

using namespace mbx;
using namespace mbx::intake;

namespace {

Result<Receipt, IntakeError> accept(House& house, const std::string& text, const std::vector<std::string>& recipients)
{
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, text));
    return house.accept(std::move(draft), recipients);
}

journal::Lsn checkpoint(House& house) { return house.run(house.mail().checkpoints().run_now()); }

// What the journal says that the trace was told of.
std::vector<trace::Event> recovered_events(const House& house)
{
    std::vector<trace::Event> all;
    for (const auto& bytes : house.journal->recovered().traced) {
        auto events = trace::decode_events(bytes);
        REQUIRE(events);
        for (auto& event : *events) all.push_back(std::move(event));
    }
    return all;
}

}  // namespace

TEST_CASE("G1: what was accepted is in every mailbox once after a crash, placed before it or not", "[intake][G1]")
{
    const auto size = GENERATE(std::size_t{200}, std::size_t{400'000});
    const bool was_placed = GENERATE(false, true);
    const bool was_checkpointed = GENERATE(false, true);
    CAPTURE(size, was_placed, was_checkpointed);
    House house;
    for (const std::string local : {"one", "two"}) (void)house.account(local);
    if (!was_placed) house.files.break_at("/two/new/", EIO);
    const std::string text = body(size);
    REQUIRE(accept(house, text, {"one", "two", "three"}));
    if (was_checkpointed) (void)checkpoint(house);
    house.files.break_at("", 0);
    for (int start = 0; start < 3; ++start) {
        CAPTURE(start);
        house.restart();
        if (start == 1) house.run(house.mail().replay_all());
        for (const std::string local : {"one", "two", "three"}) CHECK(house.texts(local) == std::vector{text});
        CHECK(house.mail().condition().owed == 0);
        if (start == 1) (void)checkpoint(house);
    }
    CHECK(house.mail().condition().replays_left == 0);
    CHECK(house.spooled() == 0);
}

TEST_CASE("what the trace is told of an acceptance and of placing comes back after a crash as it was", "[intake][trace]")
{
    House house;
    test::Recorded first;
    test::Recorded second;
    house.mail().set_recorder(&first);
    const bool was_placed = GENERATE(false, true);
    (void)house.account("one");
    if (!was_placed) house.files.break_at("/one/new/", EIO);
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(200)));
    Envelope envelope;
    envelope.recipients.push_back(House::key("one"));
    envelope.tell = [](const Receipt& receipt) {
        trace::Event event{receipt.trace_id, trace::EventKind::accepted, receipt.accepted, "", "", {}};
        event.facts.emplace_back("size", std::to_string(receipt.size));
        return std::vector{event};
    };
    const auto receipt = house.run(house.intake->accept(house.intake->new_trace_id(), std::move(envelope), std::move(draft)));
    REQUIRE(receipt);
    house.loop.run();
    REQUIRE(first.of(trace::EventKind::accepted).size() == 1);
    CHECK(first.of(trace::EventKind::placed).size() == (was_placed ? 1 : 0));
    house.files.break_at("", 0);
    house.restart();
    house.mail().set_recorder(&second);
    const auto traced = recovered_events(house);
    REQUIRE(traced.size() == (was_placed ? 2 : 1));
    const std::vector<trace::Event>* const events = &traced;
    CHECK(events->front().id == receipt->trace_id);
    CHECK(test::fact(events->front(), "size") == std::to_string(receipt->size));
    const auto micro = [](WallTime at) { return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()); };
    CHECK(micro(events->front().at) == micro(receipt->accepted));
    CHECK(house.texts("one").size() == 1);
    // What is placed only now is told now.
    const auto placed = was_placed ? std::vector{traced.back()} : second.of(trace::EventKind::placed);
    CHECK(second.of(trace::EventKind::placed).size() == (was_placed ? 0 : 1));
    REQUIRE(placed.size() == 1);
    CHECK(placed.front().kind == trace::EventKind::placed);
    CHECK(placed.front().id == receipt->trace_id);
    CHECK(placed.front().recipient == "one@example.test");
    if (was_placed) CHECK(micro(placed.front().at) == micro(first.of(trace::EventKind::placed).front().at));
    if (was_placed) CHECK(placed.front().to == first.of(trace::EventKind::placed).front().to);
    CHECK(placed.front().to.uid == 1);
    CHECK(placed.front().to.mailbox != 0);
}

TEST_CASE("what an owner did with messages is told again after a crash as it was, and nothing of what failed", "[intake][trace]")
{
    House house;
    test::Recorded first;
    test::Recorded second;
    house.mail().set_recorder(&first);
    for (int n = 0; n < 6; ++n) REQUIRE(accept(house, body(200), {"one"}));
    house.loop.run();
    house.files.break_at("/.Broken/", EIO);
    auto acts = [](store::AccountStore& mail) {
        const auto inbox = mail.find("INBOX")->id;
        if (!mail.create("Kept", {}) || !mail.create("Broken", {})) return false;
        store::TracedAct move{"imap", "one@example.test"};
        const bool is_moved = static_cast<bool>(mail.move(inbox, {{1, 2}}, "Kept", &move));
        store::TracedAct failing{"imap", "one@example.test"};
        const bool is_failed = !mail.move(inbox, {{3, 3}}, "Broken", &failing);
        store::TracedAct expunge{"pop3", "two@example.test"};
        expunge.most = 1;
        const bool is_gone = static_cast<bool>(mail.expunge_these(inbox, {{3, 4}}, &expunge));
        const bool is_gone_too = static_cast<bool>(mail.expunge_these(inbox, {{5, 5}}, &expunge));
        // Nobody asked for a word of it.
        const bool is_silent = static_cast<bool>(mail.expunge_these(inbox, {{6, 6}}));
        store::TracedAct box{"imap", "one@example.test"};
        const bool is_renamed = mail.rename("Kept", "Chest", &box) && mail.remove("Chest", &box);
        const auto list = mail.expunged_messages({});
        if (!list) return false;
        const store::TracedAct back{"the administrator"};
        std::vector<std::string> names;
        for (const auto& one : list->entries) {
            if (one.uid == 0 || one.uid == 3) names.push_back(one.name);
        }
        const bool is_back = static_cast<bool>(mail.undelete(names, std::nullopt, &back));
        return is_moved && is_failed && is_gone && is_gone_too && is_silent && is_renamed && is_back;
    };
    REQUIRE(house.run(house.account("one")->run(net::WorkClass::interactive, std::move(acts))));
    house.files.break_at("", 0);
    const auto moved = first.of(trace::EventKind::moved);
    const auto expunged = first.of(trace::EventKind::expunged);
    REQUIRE(moved.size() == 2);
    CHECK(moved[1].recipient == "one@example.test");
    CHECK(moved[1].from.uid == 2);
    CHECK(test::fact(moved[1], "to_mailbox") == "Kept");
    CHECK(moved[1].to.uid == 2);
    CHECK(moved[1].to.account == moved[1].from.account);
    CHECK(moved[1].to.mailbox != moved[1].from.mailbox);
    REQUIRE(expunged.size() == 1);
    CHECK(expunged[0].from.uid == 3);
    CHECK(test::fact(expunged[0], "by") == "pop3");
    CHECK(test::fact(expunged[0], "by_login") == "two@example.test");
    const auto renamed = first.of(trace::EventKind::mailbox_renamed);
    REQUIRE(renamed.size() == 1);
    CHECK(renamed[0].from.mailbox == moved[1].to.mailbox);
    CHECK(test::fact(renamed[0], "to_mailbox") == "Chest");
    REQUIRE(first.of(trace::EventKind::mailbox_deleted).size() == 1);
    CHECK(first.of(trace::EventKind::mailbox_deleted)[0].from == renamed[0].from);
    REQUIRE(first.of(trace::EventKind::mailbox_restored).size() == 1);
    CHECK(first.of(trace::EventKind::mailbox_restored)[0].from == renamed[0].from);
    const auto restored = first.of(trace::EventKind::restored);
    REQUIRE(restored.size() == 1);
    CHECK(restored[0].from == expunged[0].from);
    CHECK(restored[0].to.mailbox == expunged[0].from.mailbox);
    CHECK(restored[0].to.uid > 6);
    const auto is_same = [](const trace::Event& one, const trace::Event& other) {
        return one.kind == other.kind && one.at == other.at && one.recipient == other.recipient && one.facts == other.facts &&
               one.from == other.from && one.to == other.to;
    };
    for (int crashes = 0; crashes < 2; ++crashes) {
        house.crash();
        house.start();
        test::Recorded again;
        house.mail().set_recorder(&again);
        const auto events = recovered_events(house);
        for (const auto kind : {trace::EventKind::moved, trace::EventKind::expunged, trace::EventKind::mailbox_renamed,
                                trace::EventKind::mailbox_deleted, trace::EventKind::mailbox_restored, trace::EventKind::restored}) {
            CAPTURE(static_cast<int>(kind));
            std::vector<trace::Event> told;
            std::ranges::copy_if(events, std::back_inserter(told), [kind](const auto& one) { return one.kind == kind; });
            CHECK(std::ranges::equal(told, first.of(kind), is_same));
        }
        CHECK(std::ranges::count(events, trace::EventKind::placed, &trace::Event::kind) == 6);
        CHECK(house.texts("one").size() == 1);
        CHECK(again.of(trace::EventKind::placed).empty());
        house.crash();
        house.start();
    }
    // A checkpoint has passed them.
    (void)house.account("one");
    (void)checkpoint(house);
    house.restart();
    house.mail().set_recorder(&second);
    (void)house.account("one");
    CHECK(recovered_events(house).empty());
    CHECK(second.of(trace::EventKind::moved).empty());
}

TEST_CASE("a start tells the trace in the order of all records, whichever account it opens first", "[intake][trace]")
{
    House house;
    test::Recorded first;
    house.mail().set_recorder(&first);
    REQUIRE(accept(house, body(200), {"two"}));
    REQUIRE(accept(house, body(200), {"one"}));
    house.loop.run();
    auto expunge = [](store::AccountStore& mail) {
        store::TracedAct act{"imap", "two@example.test"};
        return mail.expunge_these(mail.find("INBOX")->id, {{1, 1}}, &act);
    };
    for (const char* name : {"two", "one"}) {
        auto job = expunge;
        REQUIRE(house.run(house.account(name)->run(net::WorkClass::interactive, std::move(job))));
    }
    house.crash();
    house.start();
    std::vector<std::string> order;
    for (const auto& event : recovered_events(house)) order.push_back(std::string(trace::name_of(event.kind)) + " " + event.recipient);
    CHECK(order == std::vector<std::string>{"placed two@example.test", "placed one@example.test", "expunged two@example.test",
                                            "expunged one@example.test"});
}

TEST_CASE("a checkpoint lets the trace write first what the records below it were traced by", "[intake][trace]")
{
    class Slow final : public trace::Recorder {
    public:
        void record(trace::Event event) override { waiting.push_back(std::move(event)); }
        co::Task<void> settle() override
        {
            written += waiting.size();
            waiting.clear();
            co_return;
        }
        std::vector<trace::Event> waiting;
        std::size_t written = 0;
    };
    House house;
    Slow recorder;
    house.mail().set_recorder(&recorder);
    REQUIRE(accept(house, body(200), {"one"}));
    house.loop.run();
    CHECK(recorder.waiting.size() == 1);
    (void)checkpoint(house);
    CHECK(recorder.written == 1);
    house.mail().set_recorder(nullptr);
}

TEST_CASE("a checkpoint stays below what is owed and passes it when it is placed", "[store][checkpoints]")
{
    House house;
    (void)house.account("two");
    house.files.break_at("/two/new/", EIO);
    const auto before = checkpoint(house);
    REQUIRE(accept(house, body(100), {"one", "two"}));
    CHECK(checkpoint(house) <= before + 1);
    house.files.break_at("", 0);
    house.run(house.mail().retry_deliveries());
    CHECK(checkpoint(house) > before + 2);
    CHECK(house.journal->journal().backlog().records <= 1);
}

TEST_CASE("G2: a file system that cannot be synced ends the service, and nothing is acknowledged", "[store][checkpoints][G2]")
{
    House house;
    REQUIRE(accept(house, body(100), {"one"}));
    house.files.break_syncs(EIO);
    const auto reached = house.mail().checkpoints().reached();
    CHECK(checkpoint(house) == reached);
    CHECK(house.failures == 1);
    CHECK(house.mail().condition().has_failed);
    house.files.break_syncs(0);
    // Not tried again into success: the next start finds all of it in the journal.
    CHECK(checkpoint(house) == reached);
    house.restart();
    CHECK(house.texts("one") == std::vector{body(100)});
}

TEST_CASE("G2: a file system that cannot even be opened ends the service before a checkpoint passes", "[store][checkpoints][G2]")
{
    House house;
    house.crash();
    house.files.break_at("/spool", EMFILE);
    house.start();
    house.files.break_at("", 0);
    const auto reached = house.mail().checkpoints().reached();
    REQUIRE(accept(house, body(100), {"one"}));
    CHECK(checkpoint(house) == reached);
    CHECK(house.failures == 1);
    house.restart();
    CHECK(house.texts("one") == std::vector{body(100)});
}

TEST_CASE("G3: an account that cannot take its mail is parked, the others and the checkpoint go on, and it comes back",
          "[intake][store][G3]")
{
    const auto size = GENERATE(std::size_t{200}, std::size_t{400'000});
    const bool crashes = GENERATE(false, true);
    CAPTURE(size, crashes);
    House house;
    house.options.park_after = std::chrono::milliseconds(0);
    house.restart();
    (void)house.account("two");
    house.files.break_at("/two/new/", EDQUOT);
    const std::string text = body(size);
    REQUIRE(accept(house, text, {"one", "two"}));
    REQUIRE(accept(house, body(300), {"two", "three"}));
    house.run(house.mail().retry_deliveries());
    CHECK(house.mail().condition().parked == 1);
    CHECK(house.mail().condition().owed == 0);
    (void)checkpoint(house);
    CHECK(house.journal->journal().backlog().records == 0);
    CHECK(house.texts("one") == std::vector{text});
    // Still sick: what is tried again stays parked.
    for (int n = 0; n < 2; ++n) house.run(house.mail().retry_parked());
    CHECK(house.mail().condition().parked == 1);
    (void)checkpoint(house);
    if (crashes) house.restart();
    house.files.break_at("", 0);
    house.run(house.mail().retry_parked());
    CHECK(house.texts("two") == std::vector{text, body(300)});
    CHECK(house.mail().condition().parked == 0);
    for (int start = 0; start < 2; ++start) {
        house.restart();
        CHECK(house.texts("two") == std::vector{text, body(300)});
        (void)checkpoint(house);
        house.loop.run();
    }
    CHECK(house.spooled() == 0);
    std::size_t left = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(house.scratch / "parked")) ++left;
    CHECK(left == 0);
}

TEST_CASE("of parked mail that can be placed in part, each message is there once in the end", "[store][G3]")
{
    const bool crashes = GENERATE(false, true);
    const bool with_checkpoint = GENERATE(false, true);
    CAPTURE(crashes, with_checkpoint);
    House house;
    house.options.park_after = std::chrono::milliseconds(0);
    house.restart();
    (void)house.account("two");
    house.files.break_at("/two/new/", EDQUOT);
    std::set<std::string> sent;
    for (std::size_t n = 0; n < 4; ++n) {
        const std::string text = body(100 + 50 * n);
        sent.insert(text);
        REQUIRE(accept(house, text, {"two"}));
    }
    house.run(house.mail().retry_deliveries());
    for (int round = 0; round < 3; ++round) {
        CHECK(house.mail().condition().parked == 1);
        house.files.break_at("/two/new/", EDQUOT, 1);
        house.run(house.mail().retry_parked());
        CHECK(house.texts("two").size() == static_cast<std::size_t>(round + 1));
        if (with_checkpoint) (void)checkpoint(house);
        if (!crashes) continue;
        // The first job of the next run tries as well.
        house.files.break_at("/two/new/", EDQUOT);
        house.restart();
        CHECK(house.texts("two").size() == static_cast<std::size_t>(round + 1));
    }
    house.files.break_at("", 0);
    house.run(house.mail().retry_parked());
    const auto texts = house.texts("two");
    CHECK(texts.size() == 4);
    CHECK(std::set<std::string>(texts.begin(), texts.end()) == sent);
    house.restart();
    CHECK(house.texts("two").size() == 4);
}

TEST_CASE("an account that cannot be opened after a crash is parked with all its records, and whole when it can", "[store]")
{
    House house;
    house.options.park_after = std::chrono::milliseconds(0);
    REQUIRE(accept(house, body(100), {"one", "two"}));
    REQUIRE(accept(house, body(200), {"two"}));
    house.crash();
    fs::rename(house.scratch / "mail/example.test/two", house.scratch / "hidden");
    house.files.break_at("/example.test/two", EIO);
    house.start();
    house.run(house.mail().replay_all());
    CHECK(house.texts("one").size() == 1);
    CHECK(house.mail().condition().replays_left == 1);
    house.run(house.mail().retry_replays());
    CHECK(house.mail().condition().replays_left == 0);
    CHECK(house.mail().condition().parked == 1);
    (void)checkpoint(house);
    CHECK(house.journal->journal().backlog().records == 0);
    house.files.break_at("", 0);
    fs::rename(house.scratch / "hidden", house.scratch / "mail/example.test/two");
    // As after a power cut: the files had not reached the disk.
    for (const auto& file : fs::directory_iterator(house.scratch / "mail/example.test/two/new")) fs::remove(file.path());
    CHECK(house.texts("two") == std::vector{body(100), body(200)});
    house.restart();
    CHECK(house.texts("two") == std::vector{body(100), body(200)});
}

TEST_CASE("G3: with too much above the checkpoint accept() waits for one, and refuses when nothing can pass", "[intake][G3]")
{
    House house;
    house.options.checkpoints.most = {64U << 20U, 4};
    house.restart();
    for (int n = 0; n < 20; ++n) REQUIRE(accept(house, body(100), {"one"}));
    (void)house.account("two");
    house.files.break_at("/two/new/", EIO);
    std::size_t refused = 0;
    for (int n = 0; n < 6; ++n) {
        const auto receipt = accept(house, body(100), {"two"});
        if (receipt) continue;
        CHECK(receipt.error() == IntakeError::no_space);
        ++refused;
    }
    CHECK(refused > 0);
    house.files.break_at("", 0);
    // With half of it used what fails is parked.
    house.run(house.mail().retry_deliveries());
    house.run(house.mail().retry_parked());
    REQUIRE(accept(house, body(100), {"two"}));
    CHECK(house.texts("two").size() == 7 - refused);
}

TEST_CASE("I11: a quota is told at RCPT; a message to full mailboxes alone is refused, one to others as well reaches all", "[intake][I11]")
{
    House house;
    house.mail().set_quotas([](const store::AccountKey& key) {
        return key.local_part == "full" ? store::QuotaLimits{1000, 0} : store::QuotaLimits{};
    });
    CHECK(house.run(house.intake->room_for(House::key("full"), 900)));
    CHECK_FALSE(house.run(house.intake->room_for(House::key("full"), 1001)));
    CHECK(house.run(house.intake->room_for(House::key("free"), 1'000'000)));
    REQUIRE(accept(house, body(800), {"full"}));
    CHECK(house.run(house.intake->room_for(House::key("full"), 0)));
    CHECK(accept(house, body(800), {"full"}).error() == IntakeError::over_quota);
    const auto receipt = accept(house, body(800), {"free", "full"});
    REQUIRE(receipt);
    CHECK(receipt->over_quota.size() == 1);
    CHECK(house.texts("full").size() == 2);
    CHECK(house.texts("free").size() == 1);
    CHECK_FALSE(house.run(house.intake->room_for(House::key("full"), 0)));
    // APPEND heeds it too, and what is waiting counts.
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    store::Incoming incoming;
    CHECK(house.run(house.intake->append(house.account("full"), incoming, std::move(draft))).error() ==
          store::StoreError::over_quota);
}

TEST_CASE("I11: a quota that is lowered or raised counts from the next message on", "[intake][I11]")
{
    House house;
    std::uint64_t limit = 2'000;
    house.mail().set_quotas([&limit](const store::AccountKey& key) {
        return key.local_part == "full" ? store::QuotaLimits{limit, 0} : store::QuotaLimits{};
    });
    REQUIRE(accept(house, body(800), {"full"}));
    limit = 500;  // below what is there
    CHECK_FALSE(house.run(house.intake->room_for(House::key("full"), 0)));
    CHECK(accept(house, body(1), {"full"}).error() == IntakeError::over_quota);
    limit = 1'700;
    CHECK(house.run(house.intake->room_for(House::key("full"), 800)));
    REQUIRE(accept(house, body(800), {"full"}));
    CHECK_FALSE(house.run(house.intake->room_for(House::key("full"), 800)));
    CHECK(house.texts("full").size() == 2);
}

TEST_CASE("I11: messages that come together pass a quota by one message at most", "[intake][I11]")
{
    House house;
    house.mail().set_quotas([](const store::AccountKey& key) {
        return key.local_part == "full" ? store::QuotaLimits{10'000, 0} : store::QuotaLimits{};
    });
    const auto send = [](House* in, std::string text, int* accepted) -> co::Task<void> {
        Draft draft = in->intake->new_draft();
        (void)co_await draft.append(text);
        Envelope envelope;
        envelope.recipients.push_back(House::key("full"));
        std::string id = in->intake->new_trace_id();
        const auto receipt = co_await in->intake->accept(std::move(id), std::move(envelope), std::move(draft));
        if (receipt) ++*accepted;
    };
    int accepted = 0;
    co::Scope scope;
    for (int n = 0; n < 30; ++n) scope.spawn(send(&house, body(1'000), &accepted));
    house.run(scope.finished());
    CHECK(accepted >= 8);
    CHECK(accepted <= 11);
    CHECK(house.texts("full").size() == static_cast<std::size_t>(accepted));
}

TEST_CASE("G8: no trace id is given twice, not even by runs whose clock stands still", "[intake][G8]")
{
    House house;
    std::set<std::string> given;
    std::set<std::string> runs;
    for (int run = 0; run < 5; ++run) {
        for (int n = 0; n < 200; ++n) {
            const auto id = house.intake->new_trace_id();
            CHECK(given.insert(id).second);
            runs.insert(id.substr(10, 6));
        }
        house.restart();
    }
    CHECK(runs.size() == 5);
}

TEST_CASE("a message is placed before whatever is asked behind its acceptance, in the order of acceptance", "[intake][store]")
{
    House house;
    std::vector<std::string> accepted;
    co::Scope scope;
    const auto send = [](House* in, std::string text, std::vector<std::string>* done) -> co::Task<void> {
        Draft draft = in->intake->new_draft();
        (void)co_await draft.append(text);
        Envelope envelope;
        envelope.recipients.push_back(House::key("one"));
        std::string id = in->intake->new_trace_id();
        (void)co_await in->intake->accept(std::move(id), std::move(envelope), std::move(draft));
        done->push_back(std::move(text));
    };
    for (std::size_t n = 0; n < 300; ++n) scope.spawn(send(&house, body(100 + n), &accepted));
    house.loop.run();
    CHECK(accepted.size() == 300);
    CHECK(house.texts("one") == accepted);
}

TEST_CASE("G7: while the journal's disk does not answer nothing is acknowledged, and others are served", "[intake][G7]")
{
    House house;
    REQUIRE(accept(house, body(100), {"two"}));
    CHECK(house.texts("two").size() == 1);
    house.files.hang(true);
    bool is_accepted = false;
    bool is_read = false;
    co::Scope scope;
    const auto send = [](House* in, bool* done) -> co::Task<void> {
        Draft draft = in->intake->new_draft();
        (void)co_await draft.append("Subject: x\r\n\r\nhangs\r\n");
        Envelope envelope;
        envelope.recipients.push_back(House::key("one"));
        std::string id = in->intake->new_trace_id();
        const auto receipt = co_await in->intake->accept(std::move(id), std::move(envelope), std::move(draft));
        *done = static_cast<bool>(receipt);
    };
    const auto read = [](House* in, bool* done) -> co::Task<void> {
        store::AccountKey key = House::key("two");
        const auto account = co_await in->mail().account(std::move(key));
        auto job = [](store::AccountStore& mail) { return mail.list().size(); };
        const auto mailboxes = co_await (*account)->run(net::WorkClass::interactive, std::move(job));
        *done = mailboxes != 0;
        in->loop.stop();
    };
    scope.spawn(send(&house, &is_accepted));
    scope.spawn(read(&house, &is_read));
    house.loop.run();
    CHECK(is_read);
    CHECK_FALSE(is_accepted);
    house.files.hang(false);
    house.loop.run();
    CHECK(is_accepted);
    CHECK(house.texts("one").size() == 1);
}

namespace {

double figure_of(const Metrics& metrics, const std::string& name)
{
    const std::string text = metrics.exposition();
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
}

co::Task<void> send_many(House& house, std::string local, int count, const std::string& text)
{
    for (int n = 0; n < count; ++n) {
        Draft draft = house.intake->new_draft();
        (void)co_await draft.append(text);
        Envelope envelope;
        envelope.recipients.push_back(House::key(local));
        std::string id = house.intake->new_trace_id();
        const auto receipt = co_await house.intake->accept(std::move(id), std::move(envelope), std::move(draft));
        if (!receipt) std::abort();
    }
}

}  // namespace

TEST_CASE("figures: 5 KB messages from 50 coroutines into 50 accounts until the last is placed", "[.bench]")
{
    constexpr int kSenders = 50;
    constexpr int kEach = 400;
    House house(128, test::Scratch::Where::on_disk);
    const std::string text = body(5000);
    std::vector<std::shared_ptr<store::Account>> accounts;
    for (int n = 0; n < kSenders; ++n) accounts.push_back(house.account("u" + std::to_string(n)));
    const auto all = [](House& in, const std::string& bytes) -> co::Task<double> {
        const auto begin = std::chrono::steady_clock::now();
        in.mail().start();
        co::Scope senders;
        for (int n = 0; n < kSenders; ++n) senders.spawn(send_many(in, "u" + std::to_string(n), kEach, bytes));
        co_await senders.finished();
        const std::chrono::duration<double> accepted = std::chrono::steady_clock::now() - begin;
        co_await in.mail().stop();
        const std::chrono::duration<double> placed = std::chrono::steady_clock::now() - begin;
        WARN("accepted/s " << kSenders * kEach / accepted.count() << ", with the last placed and a checkpoint "
                           << kSenders * kEach / placed.count());
        co_return placed.count();
    };
    (void)house.run(all(house, text));
    WARN("commits per message " << figure_of(house.metrics, "mailboxd_journal_commits_total") / (kSenders * kEach)
                                << ", checkpoints " << figure_of(house.metrics, "mailboxd_store_checkpoints_total"));
    CHECK(house.mail().condition().owed == 0);
}
