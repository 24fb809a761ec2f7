// The queue beside the gate: several submit at once, remotes take, put off, refuse, hang and cannot be reached, an administrator
// acts, checkpoints pass, all of it stops in the middle and is opened again. With the thread sanitizer too (label concurrent).
#include <map>
#include <set>

#include "co/scope.hpp"
#include "intake/house.hpp"
#include "intake/queue_ledger.hpp"
#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::intake;

namespace {

constexpr std::string_view kHanging = "hanging.example";
constexpr std::string_view kDead = "dead.example";

using Counts = std::map<std::pair<std::string, std::string>, int>;  // by id and address

int count_of(const Counts& counts, const std::string& id, const std::string& address)
{
    const auto at = counts.find({id, address});
    return at == counts.end() ? 0 : at->second;
}

// The other servers. An address says what becomes of it: later-… is put off twice, never-… refused. One domain does not answer in
// the queue's first life, another cannot be reached in it.
class Remotes final : public queue::Transport {
public:
    explicit Remotes(net::Workers& workers) : workers_(workers) {}

    queue::Destination destination_of(const queue::Envelope& envelope, const queue::Recipient& recipient) const override
    {
        return {recipient.address.substr(recipient.address.rfind('@') + 1), "", envelope.require_tls};
    }
    co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>> open(queue::Destination destination) override
    {
        auto nothing = [] {};
        co_await workers_.run(net::WorkClass::interactive, std::move(nothing));
        if (is_interrupted || (is_first_life && destination.domain == kDead)) co_return test::ScriptedTransport::dead();
        co_return std::unique_ptr<queue::Conversation>(std::make_unique<Talk>(*this, destination.domain == kHanging));
    }
    void interrupt() override
    {
        is_interrupted = true;
        goes_on.notify_all();
    }
    void begin_second_life()
    {
        is_interrupted = false;
        is_first_life = false;
    }

    std::map<std::string, std::string> sent;  // by id: what was submitted
    Counts delivered;
    std::vector<std::string> changed;         // ids of messages that came as others than they were sent
    bool is_first_life = true;
    bool is_interrupted = false;
    co::Event goes_on;

private:
    class Talk final : public queue::Conversation {
    public:
        Talk(Remotes& owner, bool hangs) : owner_(owner), hangs_(hangs) {}
        co::Task<std::vector<queue::Answer>> deliver(const queue::Outgoing& outgoing) override
        {
            std::shared_ptr<const std::string> bytes = outgoing.bytes;
            if (!bytes) {
                auto read = [&outgoing] { return std::make_shared<const std::string>(test::read_file(outgoing.path)); };
                bytes = co_await owner_.workers_.run(net::WorkClass::delivery, std::move(read));
            }
            while (hangs_ && owner_.is_first_life && !owner_.is_interrupted) co_await owner_.goes_on.wait();
            if (*bytes != owner_.sent[outgoing.id]) owner_.changed.push_back(outgoing.id);
            std::vector<queue::Answer> answers;
            for (const auto at : outgoing.recipients)
                answers.push_back(owner_.answer(outgoing.id, outgoing.envelope->recipients[at].address));
            co_return std::move(answers);
        }
        bool is_usable() const override { return !owner_.is_interrupted; }
        co::Task<void> end() override { co_return; }
        void interrupt() override {}

    private:
        Remotes& owner_;
        bool hangs_;
    };
    queue::Answer answer(const std::string& id, const std::string& address)
    {
        constexpr int kPutOff = 2;

        if (is_interrupted) return test::ScriptedTransport::dead();
        if (address.starts_with("never")) return test::ScriptedTransport::never();
        if (address.starts_with("later") && tries_[{id, address}]++ < kPutOff) return test::ScriptedTransport::later();
        ++delivered[{id, address}];
        return test::ScriptedTransport::ok();
    }
    net::Workers& workers_;
    Counts tries_;
};

// Reports go to a mailbox here, through the same gate.
class Reports final : public queue::Intake {
public:
    explicit Reports(House& house) : house_(house) {}
    static queue::Report compose(const queue::ReportFacts& facts, std::string_view)
    {
        queue::Report report;
        report.bytes = facts.id + "\r\n";
        for (const auto& told : facts.recipients) report.bytes += told.recipient.address + "\r\n";
        return report;
    }
    co::Task<queue::Taken> accept(queue::Report report, MakeRecord record, queue::Ledger::Hold* hold) override
    {
        Draft draft = house_.intake->new_draft();
        const auto stored = co_await draft.append(report.bytes);
        if (!stored) co_return std::string();
        Envelope envelope;
        envelope.recipients.push_back(House::key("postmaster"));
        std::string given = house_.intake->new_trace_id();
        const std::string id = given;
        intake::Intake::QueueChange change = [&record, &id] { return record(id); };
        const auto receipt = co_await house_.intake->accept_with(std::move(given), std::move(envelope), std::move(draft), std::move(change), hold);
        if (!receipt) co_return std::string();
        ++accepted;
        note(report.bytes);
        co_return receipt->trace_id;
    }
    std::size_t accepted = 0;
    Counts told;

private:
    void note(const std::string& bytes)
    {
        std::istringstream lines(bytes);
        std::string id;
        std::getline(lines, id, '\r');
        for (std::string line; lines.ignore() && std::getline(lines, line, '\r');) ++told[{id, line}];
    }
    House& house_;
};

struct Submitted {
    std::string id;
    std::vector<std::string> to;
};

struct Office {
    House house;
    Remotes remotes{house.workers};
    Reports reports{house};
    test::ListRecorder recorder;
    std::unique_ptr<QueueLedger> ledger;
    std::unique_ptr<queue::Queue> queue;
    std::vector<Submitted> submitted;
    std::set<std::string> to_be_removed;  // ids that the administrator named
    std::vector<std::string> refusals;    // of submissions, and of what the administrator asked
    std::size_t local = 0;                // messages that went to a mailbox here as well
    bool is_stopped = false;

    Office() { open(); }
    ~Office() { close(); }
    Office(const Office&) = delete;
    Office& operator=(const Office&) = delete;

    void open()
    {
        ledger = std::make_unique<QueueLedger>(house.mail(), house.scratch / "spool");
        queue::QueueOptions options;
        options.tick_every = std::chrono::milliseconds(0);
        options.schedule_bytes = 256U << 10U;
        queue = std::make_unique<queue::Queue>(
            queue::Queue::Ground{house.loop, house.files, house.workers, house.clock, house.random, house.metrics, Log(), *ledger, remotes,
                                 reports, recorder, house.scratch / "queue", Reports::compose},
            options, [this] { ++house.failures; });
        house.intake->on_outgoing([this](OutgoingMail mail) { queue->enter(arrival_of(std::move(mail))); });
        house.mail().commit_with([this] { return queue->commit(); });
        recover();
        house.run(house.mail().replay_all());
        queue->start();
    }
    void close()
    {
        if (!is_stopped) house.run(queue->stop());
        is_stopped = false;
        queue.reset();
        ledger.reset();
    }
    void reopen()
    {
        close();
        house.restart();
        remotes.begin_second_life();
        open();
    }
    bool is_empty()
    {
        const auto page = house.run(queue->list({}, {}, 1));
        REQUIRE(page);
        return page->entries.empty();
    }
    template <typename T>
    void must(const Result<T, Error>& answer)
    {
        if (!answer) refusals.push_back(answer.error().text());
    }

private:
    static queue::Arrival arrival_of(OutgoingMail mail)
    {
        return {std::move(mail.id), mail.lsn, std::move(mail.hold), mail.accepted, mail.size, mail.crc, std::move(mail.envelope),
                std::move(mail.bytes), std::move(mail.path)};
    }
    void recover()
    {
        std::vector<queue::RecoveredArrival> arrivals;
        std::vector<std::string> changes;
        std::vector<queue::Ledger::Hold> holds;
        const auto unread = ledger->visit_left([&](QueueLedger::Left left) {
            if (left.mail.id.empty()) {
                changes.push_back(std::move(left.change));
                holds.push_back(std::move(left.change_hold));
            } else {
                arrivals.push_back({arrival_of(std::move(left.mail)), std::move(left.load)});
            }
        });
        REQUIRE(unread.empty());
        REQUIRE(house.run(queue->recover(std::move(arrivals), std::move(changes))));
    }
};

// Every kind of recipient comes, in one message and alone, in small messages and in large ones.
std::vector<std::string> recipients_of(unsigned n)
{
    const std::vector<std::string> all{"take@one.example", "later@one.example",     "never@two.example", "take@two.example",
                                       "take@dead.example", "take@hanging.example", "later@two.example"};
    std::vector<std::string> chosen;
    for (unsigned more = 0; more <= n % 3; ++more) chosen.push_back(all[(n + 2 * more) % all.size()]);
    return chosen;
}

co::Task<void> submit(Office& office, std::string from, unsigned count)
{
    constexpr unsigned kLargeEvery = 6;
    constexpr unsigned kLocalEvery = 4;

    for (unsigned n = 0; n < count; ++n) {
        const std::string text = body(n % kLargeEvery == 0 ? 400'000 : 200 + n) + from + std::to_string(n) + "\r\n";
        const auto to = recipients_of(n);
        const std::string id = office.house.intake->new_trace_id();
        office.remotes.sent[id] = text;
        Draft draft = office.house.intake->new_draft();
        const auto stored = co_await draft.append(text);
        Envelope envelope;
        envelope.outgoing = test::World::envelope(from, to);
        const bool is_local_too = n % kLocalEvery == 0;
        if (is_local_too) envelope.recipients.push_back(House::key("ben"));
        std::string given = id;
        const auto receipt = co_await office.house.intake->accept(std::move(given), std::move(envelope), std::move(draft));
        if (!stored || !receipt) {
            office.refusals.push_back("a submission: " + std::to_string(receipt ? -1 : static_cast<int>(receipt.error())));
            continue;
        }
        office.submitted.push_back({id, to});
        if (is_local_too) ++office.local;
    }
}

queue::Selection everything()
{
    queue::Selection selection;
    selection.is_all = true;
    return selection;
}

// One act of each kind, on what is first in the list just now and on one sender.
co::Task<void> act_on(Office& office, queue::Entry first)
{
    const auto queue = office.queue.get();
    queue::Selection sender;
    sender.sender = "anna@example.test";
    const auto ruled = co_await queue->hold_from_now_on(sender, "admin");
    office.must(ruled);
    queue::Selection one;
    one.ids = {first.id};
    const auto held = co_await queue->act(queue::Act::hold, one, "admin");
    office.must(held);
    (void)co_await queue->show(first.id);
    const auto released = co_await queue->act(queue::Act::release, one, "admin");
    office.must(released);
    const auto ended = co_await queue->act(queue::Act::release, sender, "admin");
    office.must(ended);
    queue::Selection recipient = one;
    recipient.recipient = first.envelope.recipients.front().address;
    const auto bounced = co_await queue->act(queue::Act::bounce, recipient, "admin");
    office.must(bounced);
    const auto retried = co_await queue->act(queue::Act::retry, everything(), "admin");
    office.must(retried);
}

co::Task<void> administer(Office& office, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; ++round) {
        const auto page = co_await office.queue->list(queue::Selection(), std::string(), 20);
        office.must(page);
        if (!page || page->entries.empty()) continue;
        queue::Entry first = page->entries.front().entry;
        queue::Selection last;
        last.ids = {page->entries.back().entry.id};
        co_await act_on(office, std::move(first));
        office.to_be_removed.insert(last.ids.front());
        const auto removed = co_await office.queue->act(queue::Act::remove, last, "admin");
        office.must(removed);
    }
}

co::Task<void> checkpoint(Office& office, unsigned times)
{
    for (unsigned n = 0; n < times; ++n) (void)co_await office.house.mail().checkpoints().run_now();
}

// Until all have submitted and the administrator has done what they wanted. Deliveries are under way still.
co::Task<void> work(Office& office)
{
    constexpr unsigned kMessages = 30;
    constexpr unsigned kRounds = 8;
    constexpr unsigned kCheckpoints = 12;

    co::Scope all;
    for (const char* from : {"anna@example.test", "ben@example.test", "carl@example.test", "dora@example.test"})
        all.spawn(submit(office, from, kMessages));
    all.spawn(administer(office, kRounds));
    all.spawn(checkpoint(office, kCheckpoints));
    co_await all.finished();
    co_await office.queue->stop();
    office.is_stopped = true;
}

// Everything is let go and tried until nothing is left.
void drain(Office& office)
{
    constexpr int kMoreThanEverNeeded = 20;

    for (int round = 0; round < kMoreThanEverNeeded && !office.is_empty(); ++round) {
        office.must(office.house.run(office.queue->act(queue::Act::release, everything(), "admin")));
        office.must(office.house.run(office.queue->act(queue::Act::retry, everything(), "admin")));
        office.house.loop.run();
    }
}

}  // namespace

TEST_CASE("the queue beside the gate: whoever submits, whatever the remotes say and an administrator does, each recipient ends once",
          "[intake][concurrent][I7]")
{
    Office office;
    test::run_on(office.house.loop, work(office));
    office.reopen();
    test::run_on(office.house.loop, work(office));
    office.reopen();
    drain(office);
    CHECK(office.refusals == std::vector<std::string>());
    CHECK(office.is_empty());
    CHECK(office.house.failures == 0);
    CHECK(office.remotes.changed.empty());
    std::set<std::string> removed;
    for (const auto& event : office.recorder.events) {
        if (event.kind == trace::EventKind::deleted) removed.insert(event.id);
    }
    for (const auto& id : removed) CHECK(office.to_be_removed.contains(id));
    for (const auto& [id, to] : office.submitted) {
        for (const auto& address : to) {
            CAPTURE(id, address);
            const int ends = count_of(office.remotes.delivered, id, address) + count_of(office.reports.told, id, address);
            CHECK(ends <= 1);
            CHECK((ends == 1 || removed.contains(id)));
        }
    }
    CHECK(office.house.texts("postmaster").size() == office.reports.accepted);
    CHECK(office.house.texts("ben").size() == office.local);
}
