// Mail for other servers at the gate: durable like all mail, handed to the queue once, and again after a crash until the
// queue has let go of it and a checkpoint has passed.
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "intake/house.hpp"
#include "intake/queue_ledger.hpp"
#include "queue/queue_record.hpp"

using namespace mbx;
using namespace mbx::intake;

namespace {

struct Desk {
    House house;
    std::vector<OutgoingMail> taken;
    WallTime handed_over{};

    Desk() { listen(); }
    void listen()
    {
        house.intake->on_outgoing([this](OutgoingMail mail) {
            handed_over = house.clock.wall();
            taken.push_back(std::move(mail));
        });
    }
    QueueLedger ledger() { return {house.mail(), (house.scratch / "spool")}; }
    // As after a kill: the queue's memory is gone as well.
    void start_anew()
    {
        taken.clear();
        house.restart();
        listen();
    }
    std::vector<QueueLedger::Left> crash()
    {
        start_anew();
        std::vector<QueueLedger::Left> left;
        auto ledger_now = ledger();
        REQUIRE(ledger_now.visit_left([&left](QueueLedger::Left one) { left.push_back(std::move(one)); }).empty());
        return left;
    }
    Result<Receipt, IntakeError> accept(const std::string& text, const std::vector<std::string>& locals,
                                        const std::vector<std::string>& others, std::string change = {},
                                        queue::Ledger::Hold* hold = nullptr)
    {
        Draft draft = house.intake->new_draft();
        REQUIRE(house.append(draft, text));
        Envelope envelope;
        envelope.reverse_path = "ann@example.org";
        for (const auto& local : locals) envelope.recipients.push_back(House::key(local));
        envelope.outgoing.reverse_path = "ann@example.org";
        for (const auto& other : others) {
            queue::Recipient recipient;
            recipient.address = other;
            envelope.outgoing.recipients.push_back(recipient);
        }
        Intake::QueueChange made;
        if (!change.empty()) made = [&change] { return queue::LedgerRecord{change, {}}; };
        return house.run(house.intake->accept_with(house.intake->new_trace_id(), std::move(envelope), std::move(draft),
                                                   std::move(made), hold));
    }
    std::string text_of(const QueueLedger::Left& left)
    {
        if (!left.load) return text_of(left.mail);
        const auto text = left.load();
        REQUIRE(text);
        return *text;
    }
    std::string text_of(const OutgoingMail& mail)
    {
        if (mail.bytes) return *mail.bytes;
        const auto read = read_whole(house.files, mail.path, 1U << 20U);
        REQUIRE(read);
        return *read;
    }
    void checkpoint() { (void)house.run(house.mail().checkpoints().run_now()); }
    // When nobody holds anything of it any more: gone with the next checkpoint, and so is its file.
    void expect_gone()
    {
        (void)crash();
        house.run(house.mail().replay_all());
        checkpoint();
        house.loop.run();
        CHECK(crash().empty());
        CHECK(house.spooled() == 0);
    }
    // A message with an envelope that nobody can read, and perhaps the record of its end.
    journal::Lsn append_odd(bool has_ended)
    {
        store::AcceptedRecord odd;
        odd.trace_id = "odd";
        odd.outgoing = "of another version";
        std::vector<journal::Payload> together(has_ended ? 2U : 1U);
        together[0].head = store::encode(odd);
        if (has_ended) together[1].head = store::encode(store::OutgoingRecord{queue::encode(queue::QueueRecord(queue::Ended{"odd"}))});
        return house.journal->journal().append(std::move(together));
    }
};

}  // namespace

TEST_CASE("G1: mail for other servers is there after every crash, until the queue has let go of it", "[intake][G1]")
{
    const auto size = GENERATE(std::size_t{200}, std::size_t{400'000});
    const bool has_local = GENERATE(false, true);
    CAPTURE(size, has_local);
    Desk desk;
    if (has_local) (void)desk.house.account("one");
    const std::string text = body(size);
    const auto receipt = desk.accept(text, has_local ? std::vector<std::string>{"one"} : std::vector<std::string>{},
                                     {"far@elsewhere.example", "off@elsewhere.example"});
    REQUIRE(receipt);
    REQUIRE(desk.taken.size() == 1);
    CHECK(desk.taken[0].id == receipt->trace_id);
    CHECK(desk.text_of(desk.taken[0]) == text);
    // By the trace's clock too no attempt begins before it.
    CHECK(receipt->accepted != WallTime{});
    CHECK(receipt->accepted <= desk.handed_over);
    std::vector<QueueLedger::Left> left;
    for (int start = 0; start < 3; ++start) {
        // A checkpoint passes nothing that the queue holds.
        desk.checkpoint();
        left.clear();
        left = desk.crash();
        REQUIRE(left.size() == 1);
        const auto& mail = left[0].mail;
        CHECK(mail.id == receipt->trace_id);
        CHECK(mail.size == text.size());
        CHECK(mail.crc == store::crc32c(text));
        CHECK(desk.text_of(left[0]) == text);
        REQUIRE(mail.envelope.recipients.size() == 2);
        CHECK(mail.envelope.recipients[1].address == "off@elsewhere.example");
        if (has_local) CHECK(desk.house.texts("one") == std::vector{text});
    }
    left.clear();
    desk.expect_gone();
}

TEST_CASE("G1: a message under several senders is there whole after every crash, its file until the last has let go", "[intake][G1]")
{
    const auto size = GENERATE(std::size_t{200}, std::size_t{700'000});
    const bool has_local = GENERATE(false, true);
    CAPTURE(size, has_local);
    Desk desk;
    if (has_local) (void)desk.house.account("one");
    const std::string text = body(size);
    Draft draft = desk.house.intake->new_draft();
    REQUIRE(desk.house.append(draft, text));
    Envelope envelope;
    if (has_local) envelope.recipients.push_back(House::key("one"));
    const auto to = [](const std::string& from, const std::string& address) {
        queue::Envelope made;
        made.reverse_path = from;
        made.recipients.emplace_back().address = address;
        return made;
    };
    envelope.outgoing = to("ann@example.org", "far@elsewhere.example");
    envelope.further = {to("owner1@example.org", "m1@elsewhere.example"), to("owner2@example.org", "m2@elsewhere.example")};
    queue::Ledger::Hold hold;
    const auto receipt = desk.house.run(desk.house.intake->accept_with(desk.house.intake->new_trace_id(), std::move(envelope),
                                                                       std::move(draft), [] { return queue::LedgerRecord{"a change", {}}; }, &hold));
    REQUIRE(receipt);
    REQUIRE(desk.taken.size() == 3);
    REQUIRE(receipt->further.size() == 2);
    CHECK(receipt->further[0].id == desk.taken[1].id);
    CHECK(receipt->further[1].reverse_path == "owner2@example.org");
    CHECK(receipt->further[1].recipients == std::vector<std::string>{"m2@elsewhere.example"});
    hold.reset();
    // One that is done with its part does not take the file from the others.
    desk.taken[0].hold.reset();
    desk.taken[1].hold.reset();
    if (has_local) CHECK(desk.house.texts("one") == std::vector{text});
    desk.checkpoint();
    desk.house.loop.run();
    CHECK(desk.text_of(desk.taken[2]) == text);
    auto left = desk.crash();
    std::set<std::string> senders;
    for (const auto& one : left) {
        if (one.mail.id.empty()) {
            CHECK(one.change == "a change");
            continue;
        }
        senders.insert(one.mail.envelope.reverse_path);
        CHECK(desk.text_of(one) == text);
    }
    CHECK(senders == std::set<std::string>{"ann@example.org", "owner1@example.org", "owner2@example.org"});
    left.clear();
    desk.expect_gone();
}

TEST_CASE("a change of the queue is durable with the message that it belongs to, and in order", "[intake]")
{
    Desk desk;
    auto ledger = desk.ledger();
    CHECK(ledger.append({"first", {}}).lsn != 0);
    queue::Ledger::Hold hold;
    REQUIRE(desk.accept(body(100), {}, {"far@elsewhere.example"}, "with it", &hold));
    CHECK(hold != nullptr);
    const auto last = ledger.append({"last", {}}).lsn;
    CHECK(desk.house.run(ledger.durable(last)));
    hold.reset();
    const auto left = desk.crash();
    REQUIRE(left.size() == 4);
    CHECK(left[0].change == "first");
    CHECK(left[1].mail.envelope.recipients.size() == 1);
    CHECK(left[2].change == "with it");
    CHECK(left[3].change == "last");
}

TEST_CASE("an envelope that cannot be read is named, kept by the journal, and keeps nothing else from the queue", "[intake]")
{
    Desk desk;
    const auto lsn = desk.append_odd(false);
    REQUIRE(desk.accept(body(100), {}, {"far@elsewhere.example"}));
    for (int start = 0; start < 2; ++start) {
        desk.start_anew();
        CHECK(desk.house.journal->recovered().outgoing.size() == 2);
        auto ledger = desk.ledger();
        std::vector<std::string> read;
        const auto unread = ledger.visit_left([&read](const QueueLedger::Left& left) {
            read.push_back(left.mail.envelope.recipients.at(0).address);
        });
        CHECK(unread == std::vector<std::string>{"odd"});
        CHECK(read == std::vector<std::string>{"far@elsewhere.example"});
        desk.checkpoint();
        CHECK(desk.house.mail().checkpoints().reached() < lsn);
        if (start == 0) continue;
        ledger.let_go("odd");
        desk.checkpoint();
        CHECK(desk.house.mail().checkpoints().reached() >= lsn);
    }
}

TEST_CASE("of a message that has ended it does not matter whether its envelope can be read", "[intake]")
{
    Desk desk;
    const auto lsn = desk.append_odd(true);
    REQUIRE(desk.accept(body(100), {}, {"far@elsewhere.example"}));
    desk.start_anew();
    auto ledger = desk.ledger();
    CHECK(ledger.visit_left([](const QueueLedger::Left&) {}).empty());
    desk.checkpoint();
    CHECK(desk.house.mail().checkpoints().reached() >= lsn);
}

TEST_CASE("without a queue nothing for other servers is accepted", "[intake]")
{
    Desk desk;
    desk.house.intake->on_outgoing({});
    const auto refused = desk.accept(body(100), {}, {"far@elsewhere.example"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == IntakeError::failure);
}
