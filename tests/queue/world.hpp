// A queue with everything around it in memory but its files: a clock that is moved, a transport that follows a script, a
// journal that forgets what no hold keeps, and a way to cut all of it off at once, as a crash does.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "base/crc32c.hpp"
#include "journal/hooked_file_system.hpp"
#include "queue/queue.hpp"
#include "queue/queue_record.hpp"
#include "support/faulty_file_system.hpp"
#include "support/run.hpp"
#include "support/scratch.hpp"

namespace mbx::test {

using namespace std::chrono_literals;

// What a crash cuts off. Each durable step asks it.
class Fuse {
public:
    // The n-th step from now on does not happen, nor any behind it; 0: never.
    void set(std::uint64_t n)
    {
        left_ = n;
        is_out_ = false;
        steps_ = 0;
    }
    bool burns()
    {
        ++steps_;
        if (left_ != 0 && steps_ >= left_) blow();
        return is_out_;
    }
    void blow()
    {
        is_out_ = true;
        if (blown) blown();
    }
    bool is_out() const { return is_out_; }
    std::uint64_t steps() const { return steps_; }
    std::function<void()> blown;

private:
    std::uint64_t left_ = 0;
    std::uint64_t steps_ = 0;
    bool is_out_ = false;
};

// Threads that come to it while it is shut wait until it is opened. Thread-safe.
class Barrier {
public:
    void shut() { set(true); }
    void open() { set(false); }
    void pass()
    {
        std::unique_lock lock(mutex_);
        while (is_shut_) opened_.wait(lock);
    }

private:
    void set(bool is_shut)
    {
        {
            const std::lock_guard lock(mutex_);
            is_shut_ = is_shut;
        }
        opened_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable opened_;
    bool is_shut_ = false;
};

struct JournalEntry {
    std::uint64_t lsn = 0;
    std::optional<queue::Arrival> arrival;  // without hold; bytes as they were
    std::string record;
    std::string traced{};
};

class MemoryLedger final : public queue::Ledger {
public:
    explicit MemoryLedger(Fuse& fuse) : fuse_(fuse) {}

    Entered append(queue::LedgerRecord record) override
    {
        if (fuse_.burns() || is_full) return {};
        entries.push_back({++last, std::nullopt, std::move(record.change), std::move(record.traced)});
        return {last, hold(last)};
    }
    co::Task<bool> durable(std::uint64_t lsn) override
    {
        while (is_slow && lsn > synced && !fuse_.is_out()) co_await gone_on.wait();
        co_return !fuse_.is_out();
    }
    // From now on nothing more reaches the disk until let_go().
    void hold_back()
    {
        synced = last;
        is_slow = true;
    }
    void let_go()
    {
        is_slow = false;
        gone_on.notify_all();
    }
    // A crash takes what is not on the disk yet.
    void lose_unsynced()
    {
        std::erase_if(entries, [this](const JournalEntry& entry) { return entry.lsn > synced; });
        is_slow = false;
    }
    Hold hold(std::uint64_t lsn)
    {
        held->insert(lsn);
        const auto all = held;
        return {nullptr, [all, lsn](void*) { all->erase(all->find(lsn)); }};
    }
    std::uint64_t bound() const { return held->empty() ? last : *held->begin() - 1; }
    void forget(std::uint64_t upto)
    {
        std::erase_if(entries, [upto](const JournalEntry& entry) { return entry.lsn <= upto; });
    }

    std::vector<JournalEntry> entries;
    std::uint64_t last = 0;
    std::uint64_t synced = 0;  // while it is slow
    bool is_full = false;  // has no room for records
    bool is_slow = false;
    co::Event gone_on;
    std::shared_ptr<std::multiset<std::uint64_t>> held = std::make_shared<std::multiset<std::uint64_t>>();

private:
    Fuse& fuse_;
};

struct MadeReport {
    std::string to;
    queue::ReportKind kind{};
    std::string about;
    std::vector<std::string> recipients;
    std::size_t original = 0;
};

class MemoryIntake final : public queue::Intake {
public:
    explicit MemoryIntake(MemoryLedger& ledger) : ledger_(ledger) {}
    co::Task<queue::Taken> accept(queue::Report report, MakeRecord record, queue::Ledger::Hold* hold) override
    {
        if (refuses) co_return queue::Taken(std::string(), "the mailbox is full");
        queue::LedgerRecord made = record("report" + std::to_string(tos.size() + 1));
        auto entered = ledger_.append(std::move(made));
        if (entered.lsn == 0) co_return std::string();
        *hold = std::move(entered.hold);
        while (is_slow) co_await gone_on.wait();
        bytes.push_back(report.bytes);
        tos.push_back(report.to);
        co_return "report" + std::to_string(tos.size());
    }
    void let_go()
    {
        is_slow = false;
        gone_on.notify_all();
    }
    std::string why_not_told(const std::string&) const override { return missing; }
    std::string missing;  // why whoever forwards cannot be told
    bool refuses = false;
    bool is_slow = false;  // a report whose record is in the journal already waits for let_go()
    co::Event gone_on;
    std::vector<std::string> bytes;
    std::vector<std::string> tos;

private:
    MemoryLedger& ledger_;
};

class ListRecorder final : public trace::Recorder {
public:
    void record(trace::Event event) override { events.push_back(std::move(event)); }
    std::size_t count(trace::EventKind kind) const
    {
        return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [kind](const auto& e) { return e.kind == kind; }));
    }
    std::vector<trace::Event> events;
};

class ScriptedTransport final : public queue::Transport {
public:
    // By domain and address; both default to success.
    std::function<std::optional<queue::Answer>(const std::string& domain)> on_open;
    std::function<queue::Answer(const std::string& domain, const std::string& address)> on_deliver;
    std::function<bool(const std::string& domain)> is_slow;  // its deliveries wait for let_go()
    bool is_usable = true;
    bool ends_slowly = false;  // the answer to QUIT waits for let_go()
    std::uint32_t most_messages = 1000;
    std::size_t most_recipients = 1000;     // of a transaction
    std::size_t pauses_behind = 0;          // so many transactions of a message, and waits for let_go(); 0: never
    int told_to_stop = 0;

    explicit ScriptedTransport(Fuse& fuse) : fuse_(fuse) {}

    static queue::Answer answer(queue::Answer::Verdict verdict, unsigned code, std::string enhanced, std::string text)
    {
        queue::Answer made;
        made.verdict = verdict;
        made.code = code;
        made.enhanced = std::move(enhanced);
        made.text = std::move(text);
        made.is_remote = code != 0;
        made.host = "mx.example";
        return made;
    }
    static queue::Answer ok() { return answer(queue::Answer::Verdict::delivered, 250, "2.0.0", "queued"); }
    static queue::Answer later() { return answer(queue::Answer::Verdict::temporary, 451, "4.7.1", "try again"); }
    static queue::Answer never() { return answer(queue::Answer::Verdict::permanent, 550, "5.1.1", "no such user"); }
    static queue::Answer dead() { return answer(queue::Answer::Verdict::temporary, 0, "4.4.1", "connection refused"); }

    queue::Destination destination_of(const queue::Envelope& envelope, const queue::Recipient& recipient) const override
    {
        return {recipient.address.substr(recipient.address.rfind('@') + 1), "", envelope.require_tls};
    }
    co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>> open(queue::Destination destination) override
    {
        ++opens[destination.domain];
        if (fuse_.is_out()) co_return dead();
        if (on_open) {
            if (auto failure = on_open(destination.domain)) co_return *failure;
        }
        ++open_now[destination.domain];
        ++all_open;
        most_open[destination.domain] = std::max(most_open[destination.domain], open_now[destination.domain]);
        co_return std::unique_ptr<queue::Conversation>(std::make_unique<Talk>(*this, destination.domain));
    }
    void interrupt() override
    {
        is_interrupted = true;
        let_go();
    }
    void let_go()
    {
        is_released = true;
        gate.notify_all();
    }

    std::map<std::string, int> opens;
    std::map<std::string, int> open_now;
    std::map<std::string, int> most_open;
    int all_open = 0;
    std::map<std::string, std::map<std::string, int>> delivered;  // id -> address -> times
    std::vector<std::string> order;                               // ids as they were tried
    std::map<std::string, std::size_t> sizes;                     // bytes that went with an id
    bool is_released = false;
    bool is_interrupted = false;
    co::Event gate;

private:
    class Talk final : public queue::Conversation {
    public:
        Talk(ScriptedTransport& owner, std::string domain) : owner_(owner), domain_(std::move(domain)) {}
        ~Talk() override
        {
            --owner_.open_now[domain_];
            --owner_.all_open;
        }
        co::Task<std::vector<queue::Answer>> deliver(const queue::Outgoing& outgoing) override
        {
            ++messages_;
            owner_.order.push_back(outgoing.id);
            owner_.sizes[outgoing.id] = outgoing.bytes ? outgoing.bytes->size() : std::filesystem::file_size(outgoing.path);
            while (owner_.is_slow && owner_.is_slow(domain_) && !owner_.is_released) co_await owner_.gate.wait();
            std::vector<queue::Answer> answers;
            bool goes_on = true;
            for (const auto at : outgoing.recipients) {
                const bool is_next_transaction = !answers.empty() && answers.size() % owner_.most_recipients == 0;
                if (is_next_transaction && goes_on) goes_on = co_await tell(outgoing, answers);
                if (!goes_on) {
                    answers.push_back(dead());
                    continue;
                }
                const std::string& address = outgoing.envelope->recipients[at].address;
                if (owner_.fuse_.burns() || is_cut_ || owner_.is_interrupted) {
                    answers.push_back(dead());
                    continue;
                }
                answers.push_back(owner_.on_deliver ? owner_.on_deliver(domain_, address) : ok());
                if (answers.back().verdict == queue::Answer::Verdict::delivered) ++owner_.delivered[outgoing.id][address];
                if (answers.back().code == 421 || answers.back().code == 0) is_usable_ = false;
                // The crash may come between the remote's 250 and our record.
                (void)owner_.fuse_.burns();
            }
            co_return std::move(answers);
        }
        bool is_usable() const override { return is_usable_ && owner_.is_usable && messages_ < owner_.most_messages; }
        co::Task<void> end() override
        {
            while (owner_.ends_slowly && !owner_.is_released) co_await owner_.gate.wait();
        }
        void interrupt() override { is_cut_ = true; }

    private:
        // One transaction has been answered, and another follows.
        co::Task<bool> tell(const queue::Outgoing& outgoing, const std::vector<queue::Answer>& answers)
        {
            std::vector<queue::ToldAnswer> told;
            for (std::size_t n = answers.size() - owner_.most_recipients; n < answers.size(); ++n)
                told.push_back({outgoing.recipients[n], answers[n]});
            bool goes_on = true;
            if (outgoing.tell) goes_on = co_await outgoing.tell(std::move(told));
            if (!goes_on) ++owner_.told_to_stop;
            const bool pauses = answers.size() == owner_.pauses_behind * owner_.most_recipients;
            while (pauses && !owner_.is_released) co_await owner_.gate.wait();
            co_return goes_on;
        }
        ScriptedTransport& owner_;
        std::string domain_;
        std::uint32_t messages_ = 0;
        bool is_usable_ = true;
        bool is_cut_ = false;
    };
    Fuse& fuse_;
};

class World {
public:
    explicit World(std::uint64_t seed = 7, Scratch::Where where = Scratch::Where::in_memory) : scratch_(where), random_(seed)
    {
        options.tick_every = 0ms;
        options.schedule_bytes = 256U << 10U;
        fuse.blown = [this] { files.fail_at(1, EIO, true); };
        (void)real_.make_directory(path(), 0700);
        files.heal();
        open();
    }
    ~World() { close(); }

    std::string path() const { return scratch_.path() + "/data"; }
    std::string directory() const { return path() + "/queue"; }

    void open(bool started = true)
    {
        metrics_ = std::make_unique<Metrics>();
        queue::Queue::Ground ground{loop_, hooked_, workers_, clock, random_, *metrics_, Log(), *ledger, *transport, *intake, recorder,
                                    directory(), [](const queue::ReportFacts& facts, std::string_view original) {
                                        return compose(facts, original);
                                    }};
        queue_ = std::make_unique<queue::Queue>(std::move(ground), options, [this] { journal_failed = true; });
        std::vector<queue::RecoveredArrival> arrivals;
        std::vector<std::string> records;
        for (const auto& entry : ledger->entries) {
            if (!entry.arrival) {
                records.push_back(entry.record);
                continue;
            }
            queue::RecoveredArrival recovered;
            recovered.arrival = *entry.arrival;
            recovered.arrival.hold = ledger->hold(entry.lsn);
            const auto bytes = recovered.arrival.bytes;
            recovered.arrival.bytes.reset();
            recovered.load = [bytes]() -> Result<std::string, FileError> { return *bytes; };
            arrivals.push_back(std::move(recovered));
        }
        REQUIRE(run_on(loop_, queue_->recover(std::move(arrivals), std::move(records))));
        if (started) start();
    }
    void start()
    {
        queue_->start();
        loop_.run();
    }
    void close()
    {
        if (!queue_) return;
        run_on(loop_, queue_->stop());
        queue_.reset();
        transport->is_released = false;
        transport->is_interrupted = false;
    }
    // Everything in memory is gone; what the disk and the journal have is what they had.
    void crash(bool restart = true, const std::function<void()>& between = [] {})
    {
        if (!fuse.is_out()) fuse.blow();
        ledger->gone_on.notify_all();
        close();
        files.heal();
        fuse.set(0);
        if (ledger->is_slow) ledger->lose_unsynced();
        ledger->held->clear();
        *ledger->held = {};
        between();
        if (restart) open();
    }
    void reopen()
    {
        checkpoint();
        close();
        open();
    }

    static queue::Envelope envelope(std::string from, const std::vector<std::string>& to)
    {
        queue::Envelope made;
        made.reverse_path = std::move(from);
        for (const auto& address : to) made.recipients.push_back({address, "", {}});
        return made;
    }
    std::string send(queue::Envelope envelope, std::string text = "Subject: x\r\n\r\nbody\r\n", std::string account = {})
    {
        std::string id = std::to_string(++serial_);
        id = std::string(10 - id.size(), '0') + id;
        queue::Arrival arrival;
        arrival.id = id;
        arrival.accepted = clock.wall();
        arrival.size = text.size();
        arrival.crc = crc32c(text);
        arrival.envelope = std::move(envelope);
        if (!account.empty()) arrival.envelope.account = std::move(account);
        arrival.bytes = std::make_shared<const std::string>(std::move(text));
        if (fuse.is_out()) return {};
        arrival.lsn = ++ledger->last;
        ledger->entries.push_back({arrival.lsn, arrival, {}});
        arrival.hold = ledger->hold(arrival.lsn);
        queue_->enter(std::move(arrival));
        return id;
    }
    // Another one under the last one's id.
    void send_again(queue::Envelope envelope)
    {
        --serial_;
        send(std::move(envelope));
    }
    std::string send(std::string from, const std::vector<std::string>& to) { return send(envelope(std::move(from), to)); }
    void run() { loop_.run(); }
    void tick()
    {
        queue_->tick();
        loop_.run();
    }
    void advance(std::chrono::milliseconds by)
    {
        clock.advance(by);
        tick();
    }
    // In steps, so that everything happens at about its time.
    void pass(std::chrono::milliseconds span, std::chrono::milliseconds step = 5min)
    {
        for (auto left = span; left > 0ms; left -= step) advance(std::min(step, left));
    }
    void checkpoint()
    {
        const auto bound = ledger->bound();
        if (!run_on(loop_, queue_->commit()) || fuse.is_out()) return;
        ledger->forget(bound);
    }
    std::size_t times(const std::string& id, const std::string& address) const
    {
        const auto at = transport->delivered.find(id);
        if (at == transport->delivered.end()) return 0;
        const auto of = at->second.find(address);
        return of == at->second.end() ? 0 : static_cast<std::size_t>(of->second);
    }
    std::size_t reports(queue::ReportKind kind, const std::string& id = {}) const
    {
        const auto all = made_reports();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const MadeReport& report) {
            return report.kind == kind && (id.empty() || report.about == id);
        }));
    }
    // Those that were accepted.
    std::vector<MadeReport> made_reports() const
    {
        std::vector<MadeReport> made;
        for (const auto& bytes : intake->bytes) made.push_back(parse(bytes));
        return made;
    }
    queue::Page list(queue::Selection selection = {}, std::size_t limit = 100, std::string after = {})
    {
        auto page = run_on(loop_, queue_->list(std::move(selection), std::move(after), limit));
        REQUIRE(page);
        return *page;
    }
    std::uint64_t act(queue::Act act, queue::Selection selection)
    {
        auto acted = run_on(loop_, queue_->act(act, std::move(selection), "admin"));
        REQUIRE(acted);
        run();
        return acted->messages;
    }
    std::size_t entry_files() const
    {
        std::size_t count = 0;
        for (const auto& at : std::filesystem::recursive_directory_iterator(directory())) {
            if (at.path().extension() == ".entry" && at.path().parent_path().filename() != "damaged") ++count;
        }
        return count;
    }
    std::string file_of(const std::string& id, const std::string& extension = ".entry") const
    {
        for (const auto& at : std::filesystem::recursive_directory_iterator(directory())) {
            if (at.path().filename() == id + extension) return at.path().string();
        }
        return {};
    }
    net::Loop& loop() { return loop_; }
    net::Workers& workers() { return workers_; }
    queue::Queue& operator*() { return *queue_; }
    queue::Queue* operator->() { return queue_.get(); }

private:
    // A form that tests can read back.
    static queue::Report compose(const queue::ReportFacts& facts, std::string_view original)
    {
        queue::Report report;
        report.bytes = std::to_string(static_cast<int>(facts.kind)) + "\n" + facts.id + "\n" + facts.to + "\n" +
                       std::to_string(original.size()) + "\n";
        for (const auto& told : facts.recipients) {
            report.bytes += told.recipient.address + " " + told.last.enhanced + (told.is_expired ? " expired" : "") +
                            (told.is_untried ? " untried" : "") + (told.last.at == 0 ? " undated" : "") + " " + told.last.text + "\n";
        }
        return report;
    }
    static MadeReport parse(const std::string& bytes)
    {
        std::vector<std::string> lines;
        std::string line;
        for (const char c : bytes) {
            if (c == '\n') lines.push_back(std::exchange(line, {}));
            else line += c;
        }
        MadeReport report;
        report.kind = static_cast<queue::ReportKind>(lines.at(0).front() - '0');
        report.about = lines.at(1);
        report.to = lines.at(2);
        report.original = static_cast<std::size_t>(std::stoul(lines.at(3)));
        report.recipients.assign(lines.begin() + 4, lines.end());
        return report;
    }

    Scratch scratch_;
    PosixFileSystem real_;
    net::Loop loop_;
    net::Workers workers_{loop_, 2, 1};
    SeededRandom random_;
    std::uint64_t serial_ = 0;
    std::unique_ptr<Metrics> metrics_;

public:
    FaultyFileSystem files{real_};
    Barrier notes;  // where changes wait that are written into files of entries, while it is shut
    ManualClock clock;
    Fuse fuse;
    queue::QueueOptions options;
    std::unique_ptr<MemoryLedger> ledger = std::make_unique<MemoryLedger>(fuse);
    std::unique_ptr<ScriptedTransport> transport = std::make_unique<ScriptedTransport>(fuse);
    std::unique_ptr<MemoryIntake> intake = std::make_unique<MemoryIntake>(*ledger);
    ListRecorder recorder;
    bool journal_failed = false;

private:
    HookedFileSystem hooked_{files, [this](Call call, const std::string&) {
                                 if (call == Call::write) notes.pass();
                                 return 0;
                             }};
    std::unique_ptr<queue::Queue> queue_;
};

}  // namespace mbx::test
