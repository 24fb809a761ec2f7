// The inner part of the queue, shared by its sources. Private to queue/. Loop thread, but for what jobs of the two
// strands touch: the spool's files, and the schedule.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "co/event.hpp"
#include "co/scope.hpp"
#include "queue/dispatcher.hpp"
#include "queue/queue.hpp"
#include "queue/queue_record.hpp"
#include "queue/schedule.hpp"
#include "queue/spool.hpp"

namespace mbx::queue {

// Recipients of an entry that share a destination.
struct Group {
    Destination destination;
    std::string key;
    std::vector<std::size_t> recipients;
    enum class Phase : std::uint8_t { asleep, ready, active };
    Phase phase = Phase::asleep;
    bool was_put_back = false;  // once, because a connection that was reused had gone
};

// An entry in memory: new, or because something of it is ready or under way. Who waits in between asks is_ended again.
struct Live {
    Entry entry;
    std::shared_ptr<const std::string> bytes;  // while it has no files
    BodySource source;                         // what its files are made of
    std::vector<Ledger::Hold> holds;           // until it has files
    SteadyTime since{};
    std::vector<Group> groups;
    std::uint64_t head_bytes = 0;   // of its file, about
    std::uint32_t busy = 0;         // groups that are ready or active
    std::uint32_t pending = 0;      // operations on its files
    std::uint32_t pins = 0;         // coroutines that use it
    bool is_settled = false;        // its files are there
    bool is_settling = false;
    bool is_ended = false;
    bool is_reporting = false;
    bool is_deferred = false;       // kept back until start()
    std::int64_t report_after = 0;  // milliseconds since 1970: not before
    std::int64_t owes_since = 0;    // that a report is due
};
using LivePtr = std::shared_ptr<Live>;

// What is to be done to the files of one entry; operations happen in order, and one that fails is tried again.
struct SpoolOperation {
    enum class Kind : std::uint8_t { settle, append, rewrite, remove };
    Kind kind = Kind::settle;
    LivePtr live;
    std::string id;
    Entry entry;         // settle, rewrite
    BodySource source;   // settle
    Change change;       // append
    std::uint64_t head_bytes = 0;
    std::vector<Ledger::Hold> holds;
};

struct QueueMetrics {
    explicit QueueMetrics(Metrics& metrics);
    Gauge& messages;
    Gauge& fresh;
    Gauge& active;
    Gauge& connections;
    Gauge& ready;
    Gauge& down;
    Gauge& damaged;
    Counter& entered;
    Counter& settled;
    Counter& ended;
    Counter& delivered;
    Counter& deferred;
    Counter& failed;
    Counter& reports_failed;
    Counter& reports_delayed;
    Counter& reports_relayed;
    Counter& rebuilt;
    Histogram& seconds;
};

struct Queue::State {
    State(Ground given, QueueOptions wanted, std::function<void()> told);
    bool open_files();

    Ground ground;
    QueueOptions options;
    std::function<void()> failed;
    Spool spool;
    std::unique_ptr<Schedule> schedule;  // null: it cannot be opened; `schedule_trouble` says why
    net::Strand files;
    net::Strand times;                   // the schedule's
    Dispatcher dispatcher;
    QueueMetrics metrics;
    net::Timer timer;
    co::Scope tasks;
    co::Event idle_connections;
    co::Event written;                   // a batch of operations has ended
    co::Event flushed;

    std::map<std::string, LivePtr> live;
    std::map<std::string, std::set<std::string>> in_memory;  // by destination: ids of groups that are ready or active
    std::deque<std::pair<SteadyTime, std::string>> fresh;    // without files, the oldest first
    std::size_t fresh_messages = 0;
    std::uint64_t fresh_bytes = 0;
    std::set<std::string> owing;          // ids in `live` with recipients that are failing
    std::deque<SpoolOperation> operations;
    std::vector<ScheduleChange> rows;     // not in the schedule yet
    std::set<std::string> refills;        // destinations that have more in the schedule
    std::map<std::string, std::uint64_t> sender_turns;  // where take() goes on, of destinations in `refills`
    std::set<Conversation*> conversations;
    std::string due_cursor;
    std::string spool_trouble;
    std::string schedule_trouble;
    std::uint64_t last_record = 0;        // of the journal
    std::uint64_t scheduled = 0;          // rows, as last counted
    std::size_t damaged = 0;
    std::size_t active = 0;
    std::int64_t next_poll = 0;
    std::int64_t next_sweep = 0;
    bool is_pumping = false;
    bool pump_again = false;
    bool is_recovered = true;
    bool is_started = false;
    bool is_stopping = false;
    bool is_writing = false;
    bool is_flushing = false;
    bool is_polling = false;
    bool is_refilling = false;
    bool is_sweeping = false;
    bool sweep_wanted = false;
    bool has_failed = false;

    std::int64_t now() const { return milliseconds_of(ground.clock.wall()); }
    co::Task<void> keep_ticking();
    void spawn(co::Task<void> task) { tasks.spawn(std::move(task)); }
    void pump();
    void begin(const LivePtr& entry);
    void tick();

    // queue_entries.cpp: entries in memory
    LivePtr make_live(Entry entry);
    void make_groups(Live& entry) const;
    void make_ready(const LivePtr& entry, std::size_t group, bool is_retry);
    void no_longer_busy(Live& entry, std::size_t group);
    void release(const LivePtr& entry);
    // Null: it is not there; or it cannot be read now, which *is_unread then says.
    co::Task<LivePtr> find(std::string id, bool* is_unread = nullptr);
    std::string sender_of(const Entry& entry) const;
    std::int64_t deadline_of(const Live& entry) const;
    void put_rows(const Live& entry);
    void put_row(const Live& entry);
    void put_errand(const Live& entry, const Group& group);
    void send_to_schedule(const LivePtr& entry, std::size_t group);

    // queue_files.cpp
    void settle(const LivePtr& entry);
    void leave_fresh(const Live& entry);
    void settle_old();
    Ledger::Entered append(const QueueRecord& record);
    void note(std::uint64_t lsn, std::vector<trace::Event> events);
    co::Task<void> note_when_durable(std::uint64_t lsn, std::vector<trace::Event> events);
    void change(const LivePtr& entry, Change what, Ledger::Hold hold);
    void end(const LivePtr& entry, Ledger::Hold hold);
    void operate(SpoolOperation operation);
    co::Task<void> write();
    void was_written(SpoolOperation& operation);
    void tell_queued(const Live& entry) const;
    co::Task<bool> flush(bool synced);
    void schedule_failed(const ScheduleFailure& failure);
    co::Task<void> renew_schedule();
    void set_aside(const std::string& id, const std::string& why);
    void set_aside_live(const LivePtr& entry, const std::string& why);
    void tell_set_aside(const std::string& id, const std::string& why);
    co::Task<void> move_aside(std::string id);
    co::Task<void> move_aside_when_written(LivePtr entry);

    // queue_delivery.cpp
    co::Task<void> serve(Dispatcher::Start start);
    struct Line {
        std::unique_ptr<Conversation> conversation;
        std::uint32_t sent = 0;  // messages
    };
    static std::vector<std::size_t> waiting_of(const Live& entry, std::size_t group);
    co::Task<std::vector<Answer>> attempt(Destination destination, const LivePtr& entry, std::vector<std::size_t> recipients,
                                          Line& line);
    co::Task<std::optional<LoadFailure>> trouble_with_body(const LivePtr& entry);
    void not_readable(const LivePtr& entry, std::size_t group, const LoadFailure& trouble);
    co::Task<bool> deliver_group(const Dispatcher::Start& start, ReadyErrand errand, const LivePtr& entry, std::size_t group, Line& line);
    co::Task<bool> deliver_one(const Dispatcher::Start& start, ReadyErrand errand, Line& line);
    co::Task<void> end_conversation(Line& line);
    co::Task<bool> wait_idle(const std::string& key);
    struct Verdicts {
        Change change;
        std::vector<trace::Event> events;
        std::vector<std::size_t> relayed;
    };
    RecipientState judge(const Entry& entry, std::size_t at, const Answer& answer);
    Verdicts judge_all(const Live& entry, std::size_t group, std::vector<Answer> answers, SteadyTime begun);
    void finish(const LivePtr& entry, std::size_t group, std::vector<Answer> answers, SteadyTime begun);
    void destination_failed(const std::string& key, const Answer& answer);

    // queue_reports.cpp
    void report_if_due(const LivePtr& entry);
    co::Task<void> report_failures(LivePtr entry);
    co::Task<void> report_relayed(LivePtr entry, std::vector<std::size_t> recipients);
    co::Task<bool> report(LivePtr entry, ReportFacts facts, Change what);
    co::Task<Result<std::string, FileError>> read_original(LivePtr entry, bool whole);
    // The number of its record; 0: nobody waited.
    // Recipients (indexes) that somebody means; empty: all.
    using Meant = std::function<bool(std::size_t)>;
    std::uint64_t fail_waiting(const LivePtr& entry, const LastAnswer* why, const Meant& meant = {});
    std::uint64_t remove_waiting(const LivePtr& entry, const Meant& meant);
    void end_if_over(const LivePtr& entry);
    co::Task<void> meet_deadline(std::string id);
    co::Task<void> warn(LivePtr entry);

    // queue_refill.cpp
    co::Task<void> poll();
    co::Task<void> refill_all();
    co::Task<void> refill(std::string key);
    void take_in(const std::string& key, const std::string& id, Result<LoadedEntry, LoadFailure> loaded);
    co::Task<void> sweep();
    co::Task<bool> sweep_directory(unsigned n, std::size_t* missing, std::string* unread);
    co::Task<bool> sweep_rows();

    // queue_acts.cpp
    std::uint64_t perform(Act act, const LivePtr& entry, const Selection& selection, const std::string& by);
    std::uint64_t set_held(const LivePtr& entry, bool is_held);
    std::uint64_t retry(const LivePtr& entry);
    co::Task<void> settle_all();
    co::Task<Result<std::vector<std::string>, Error>> matching(Selection selection, std::string* after, std::size_t most);
};

// Times and texts of one group's next attempt.
std::int64_t next_of(const Entry& entry, const Group& group);
bool has_waiting(const Entry& entry, const Group& group);

}  // namespace mbx::queue
