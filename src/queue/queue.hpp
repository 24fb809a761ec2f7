// The queue of mail that goes elsewhere: what was accepted is here until each of its recipients is delivered, or its
// sender was told why not (docs/queue.md). Nothing of it is lost by a crash: the journal holds what the files of queue/ do
// not hold yet. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "net/workers.hpp"
#include "queue/entry.hpp"
#include "queue/hold_rules.hpp"
#include "queue/ledger.hpp"
#include "queue/report.hpp"
#include "queue/transport.hpp"
#include "trace/recorder.hpp"

namespace mbx::queue {

struct QueueOptions {
    std::chrono::milliseconds lifetime{std::chrono::hours(24 * 5)};
    std::chrono::milliseconds warn_after{std::chrono::hours(4)};  // 0: never
    std::uint32_t max_connections = 100;                          // of all destinations together
    std::uint32_t max_connections_per_destination = 10;
    std::uint32_t max_messages_per_connection = 100;
    std::uint64_t max_messages_per_destination_minute = 0;        // 0: no limit
    std::chrono::milliseconds connection_idle{2000};  // how long one is kept for another message
    std::uint64_t report_max_size = 1U << 20U;        // of the original in a report; larger: its header alone
    std::chrono::milliseconds settle_after{1000};     // how long a message may live in the journal and memory alone
    std::chrono::milliseconds tick_every{250};        // 0: only when tick() is called (tests)
    std::uint64_t schedule_bytes = 64ULL << 20U;      // of queue.mdb's map at first; it grows
};

// A message whose record (AcceptedRecord with `outgoing`) is durable.
struct Arrival {
    std::string id;         // trace id
    std::uint64_t lsn = 0;  // of the record
    Ledger::Hold hold;      // keeps the record, and `path`
    WallTime accepted{};
    std::uint64_t size = 0;
    std::uint32_t crc = 0;  // CRC-32C of the bytes
    Envelope envelope;
    // The message in wire form: one of the two. The path is of a synced file of the same file system as the queue's
    // directory; it is linked from there and may go once the hold is let go.
    std::shared_ptr<const std::string> bytes;
    std::string path;
};

struct RecoveredArrival {
    Arrival arrival;  // `bytes` and `path` may both be empty; then
    std::function<Result<std::string, FileError>()> load;  // reads them; on a worker, before recover() ends
};

struct ListedRecipient {
    std::string destination;
    bool is_being_sent = false;  // an attempt is under way
    std::string held_by;         // what of standing holds keeps it: "all mail to example.org"; empty: none
};

struct Listed {
    Entry entry;
    std::vector<ListedRecipient> recipients;  // one for each of the envelope
    std::string report_trouble{};             // why the report that is due could not be made: "the mailbox is full"
    std::string not_told{};                   // why the account that forwarded it cannot be told, and the administrators are: "is switched off"
};

struct Page {
    std::vector<Listed> entries;  // by id, which is by age
    std::string next;             // where to go on; empty: that was all
    std::uint64_t total = 0;      // in the queue, of any kind
};

enum class Act : std::uint8_t { hold, release, retry, bounce, remove };

struct Acted {
    std::uint64_t messages = 0;    // that it was done to
    std::uint64_t held = 0;        // left alone: retry does not touch what is held; a standing hold keeps what release does not end
    std::uint64_t held_recipients = 0;  // of `messages`, by retry: they are held, and were left alone
    // Nobody of them waits to be sent to, and their reports are due: retry and bounce make these now, hold leaves them alone.
    std::uint64_t reports = 0;
    std::uint64_t being_sent = 0;  // of `messages`: bounce, delete and hold come when the attempt ends without delivery
    std::uint64_t at_once = 0;     // of `being_sent`: others of its recipients waited, and it was done to them at once
    std::uint64_t forwarded = 0;   // of `messages`: what an account forwards, which hears of it in the sender's place
    std::uint64_t to_administrators = 0;  // of `forwarded`: the account cannot be told, so that they are
    // Of messages that a destination or an address has found: recipients whom it does not name, and to whom hold, release and retry
    // were done all the same, since they are of whole messages.
    std::uint64_t other_recipients = 0;
    std::uint64_t rules = 0;       // standing holds that ended, or began
    std::vector<std::string> unknown;  // of the ids that were named: no such message is in the queue; sorted
};

struct QueueFacts {
    std::uint64_t messages = 0;       // in the schedule, with what lives in memory alone
    std::uint64_t fresh = 0;          // of them, in the journal and memory alone
    std::uint64_t active = 0;         // deliveries under way
    std::uint64_t connections = 0;
    std::uint64_t destinations_down = 0;
    std::uint64_t damaged = 0;        // entries set aside
    std::vector<std::string> complaints;  // sentences; empty: all is well
};

class Queue {
public:
    // All outlive it. `directory`: …/queue of the data directory, made where missing; the schedule is queue.mdb in it.
    struct Ground {
        net::Loop& loop;
        FileSystem& files;
        net::Workers& workers;
        const Clock& clock;
        Random& random;
        Metrics& metrics;
        Log log;
        Ledger& ledger;
        Transport& transport;
        Intake& intake;
        trace::Recorder& recorder;
        std::string directory;
        ComposeReport compose;  // mail/dsn
    };
    // Blocking (opens the schedule): at start only. `failed` is called once when the journal said that it failed.
    Queue(Ground ground, QueueOptions options, std::function<void()> failed);
    ~Queue();  // after stop()
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    // Before start(): what the journal still held, each kind in the journal's order. When it returns everything of it stands
    // in files (not synced: the next checkpoint does it) and the holds are let go. False: not now (a full disk, a schedule
    // that cannot be opened); facts() and the log say why, and whoever called keeps the holds and tries again.
    co::Task<bool> recover(std::vector<RecoveredArrival> arrivals, std::vector<std::string> records);

    // From here on deliveries happen. What enter() took before waits for it.
    void start();
    // No further delivery begins; those under way end soon, with temporary answers where need be, and are recorded. What is
    // queued stays in the journal or in files.
    co::Task<void> stop();

    // Takes responsibility: cheap, waits for nothing; the first attempt begins in the same turn of the loop.
    void enter(Arrival arrival);

    // The checkpoint's hook, before its sync: what the records up to its number mean is in files and schedule. False: not
    // now, and the journal is to keep them.
    co::Task<bool> commit();

    // After a reload.
    void set_options(QueueOptions options);

    // The clock or something else moved: does at once what time brings (a timer calls it too). For tests.
    void tick();
    // Whether nothing is under way: no delivery, no writing. For tests and stop().
    bool is_quiet() const;

    // For health and the status page.
    QueueFacts facts() const;

    // Administration. Errors are sentences for the administrator.
    co::Task<Result<Page, Error>> list(Selection selection, std::string after, std::size_t limit);
    co::Task<std::optional<Listed>> show(std::string id);
    // Durable when it returns. `by` is who does it, for traces.
    co::Task<Result<Acted, Error>> act(Act act, Selection selection, std::string by);
    // What is there and what will come is held until act(release) with the same selection, or with is_all. No ids. Durable
    // when it returns.
    co::Task<Result<Acted, Error>> hold_from_now_on(Selection selection, std::string by);
    // Without those that are ending.
    std::vector<HoldRule> holds() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::queue
