// The inner part of the queue, shared by its sources. Private to queue/. Loop thread, but for what jobs of the two
// strands touch: the spool's files, and the schedule.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "co/event.hpp"
#include "co/scope.hpp"
#include "queue/dispatcher.hpp"
#include "queue/pace.hpp"
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
    std::vector<std::size_t> asked;  // with `active`: to whom it is being sent, ascending
    bool was_put_back = false;       // once, because a connection that was reused had gone

    bool is_being_sent_to(std::size_t recipient) const
    {
        return phase == Phase::active && std::binary_search(asked.begin(), asked.end(), recipient);
    }
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
    std::string wanted_by;          // who wants what of recipients that are being sent to
    std::string held_by;            // who put the hold of the whole message on it, in this run
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
    bool cannot_recover(std::string why);

    Ground ground;
    QueueOptions options;
    std::function<void()> failed;
    Spool spool;
    std::unique_ptr<Schedule> schedule;  // null: it cannot be opened; `schedule_trouble` says why
    net::Strand files;
    net::Strand times;                   // the schedule's
    Dispatcher dispatcher;
    Pace pace;
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
    std::vector<HoldRule> hold_rules;
    co::Event hold_rules_changed;
    std::string spool_trouble;
    std::string schedule_trouble;
    std::string holds_trouble;
    std::string recovery_trouble;
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
    bool is_schedule_whole = false;  // each entry has its rows: not before the first sweep where the schedule was made anew
    unsigned renewals = 0;           // of the schedule, while it is used
    co::Event swept;
    bool sweep_wanted = false;
    bool has_failed = false;
    bool is_changing_holds = false;

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
    // Null: it is not there, or cannot be read now, which the log says.
    co::Task<LivePtr> find(std::string id);
    std::string sender_of(const Entry& entry) const;
    std::int64_t deadline_of(const Live& entry) const;
    // The lifetime or the time of the warning has changed: what waits gets its new deadline now, not at its next attempt.
    void move_deadlines_soon();
    // `all`: else those alone whose deadline is none that the options give, after a restart with others.
    co::Task<void> move_deadlines(bool all);
    bool is_moving_deadlines = false;
    bool are_deadlines_old = false;
    // A recipient that waits and whom nothing holds.
    bool may_go(const Entry& entry, std::size_t recipient) const;
    bool has_sendable(const Entry& entry, const Group& group) const;
    bool has_sendable(const Entry& entry) const;
    std::int64_t next_of(const Entry& entry, const Group& group) const;
    // How many more of a destination may be made ready now.
    std::size_t room_at(const std::string& key) const;
    void put_rows(const Live& entry);
    void put_row(const Live& entry);
    void put_errand(const Live& entry, const Group& group);
    void send_to_schedule(const LivePtr& entry, std::size_t group);

    // queue_files.cpp
    void settle(const LivePtr& entry);
    void leave_fresh(const Live& entry);
    void settle_old();
    // The record, and `events` beside it, which the trace hears of when both are durable.
    Ledger::Entered append(const QueueRecord& record, std::vector<trace::Event> events = {});
    co::Task<void> note_when_durable(Ledger::Entered entered, std::vector<trace::Event> events);
    void journal_has_failed();
    void change(const LivePtr& entry, Change what, Ledger::Hold hold);
    void end(const LivePtr& entry, Ledger::Hold hold);
    void operate(SpoolOperation operation);
    co::Task<bool> is_all_durable();
    void put_back(std::vector<SpoolOperation>& batch, std::size_t from);
    co::Task<void> write();
    void was_written(SpoolOperation& operation);
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
    std::vector<std::size_t> sendable_of(const Live& entry, std::size_t group) const;
    co::Task<std::optional<LoadFailure>> trouble_with_body(const LivePtr& entry);
    co::Task<bool> deliver_one(const Dispatcher::Start& start, ReadyErrand errand, Line& line);
    co::Task<void> end_conversation(Line& line);
    co::Task<bool> wait_idle(const std::string& key);
    struct Verdicts {
        Change change;
        std::vector<trace::Event> events;
        std::vector<std::size_t> relayed;
    };
    RecipientState judge(const Entry& entry, std::size_t at, const Answer& answer);
    // What came of one attempt: an answer for each recipient (index) that was asked for.
    struct Attempted {
        std::size_t group = 0;
        std::vector<std::size_t> recipients;
        std::vector<Answer> answers;
        std::set<std::size_t> recorded;  // recipients whose answers came before the end, and are on record
        SteadyTime begun{};
        std::chrono::nanoseconds took{};  // until the answers were there
    };
    co::Task<std::vector<Answer>> attempt(Destination destination, const LivePtr& entry, Attempted& attempted, Line& line);
    // False: nothing more of it may be sent.
    co::Task<bool> record_part(const LivePtr& entry, Attempted& attempted, std::vector<ToldAnswer> told);
    void not_readable(const LivePtr& entry, Attempted attempted, const LoadFailure& trouble);
    co::Task<bool> deliver_group(const Dispatcher::Start& start, ReadyErrand errand, const LivePtr& entry, Attempted attempted, Line& line);
    Verdicts judge_all(const Live& entry, Attempted attempted);
    void finish(const LivePtr& entry, Attempted attempted);
    void destination_failed(const std::string& key, const Answer& answer);

    // queue_reports.cpp
    void report_if_due(const LivePtr& entry);
    co::Task<void> report_failures(LivePtr entry);
    co::Task<void> report_relayed(LivePtr entry, std::vector<std::size_t> recipients);
    co::Task<bool> report(LivePtr entry, ReportFacts facts, Change what);
    void note_report_trouble(const LivePtr& entry, ReportKind kind, ReportTrouble trouble);
    void clear_report_trouble(const LivePtr& entry);
    // Who hears of it now, for people: its sender, the account that forwarded it, or why it is the administrators.
    std::string whom_of(const Entry& entry) const;
    // Of the account that forwarded it; empty: it can be told, or nobody forwarded it.
    std::string why_not_told(const Entry& entry) const;
    co::Task<Result<std::string, FileError>> read_original(LivePtr entry, bool whole);
    // Recipients (indexes) that somebody means.
    using Meant = std::function<bool(std::size_t)>;
    // Recipients that wait and are meant, in the order of their groups; those to whom it is being sent are left out.
    static std::vector<std::size_t> waiting_of(const Live& entry, const Meant& meant);
    LastAnswer last_answer_for(const Live& entry, std::size_t recipient) const;
    // The number of the record; 0: nobody waited.
    std::uint64_t fail_waiting(const LivePtr& entry, const Meant& meant, const std::string& by = {});
    std::uint64_t remove_waiting(const LivePtr& entry, const Meant& meant, const std::string& by);
    std::uint64_t end_some(const LivePtr& entry, Change what, std::vector<trace::Event> events);
    void end_if_over(const LivePtr& entry);
    co::Task<void> meet_deadline(std::string id);
    co::Task<void> warn(LivePtr entry);

    // queue_refill.cpp
    co::Task<void> poll();
    co::Task<void> refill_all();
    co::Task<void> refill(std::string key);
    void give_turn(const std::string& key, const LivePtr& entry);
    void take_in(const std::string& key, const std::string& id, Result<LoadedEntry, LoadFailure> loaded);
    co::Task<void> sweep();
    co::Task<Result<void, Error>> whole_schedule();
    co::Task<bool> sweep_directory(unsigned n, std::size_t* missing, std::string* unread);
    co::Task<bool> sweep_rows();

    // queue_listing.cpp
    Listed listed(const Live& entry) const;
    co::Task<void> settle_all();
    co::Task<Result<std::vector<std::string>, Error>> matching(Selection selection, std::string* after, std::size_t most);

    // queue_acts.cpp
    struct ActRound {
        Act act{};
        Selection selection;
        std::string by;
        std::vector<HoldRule> rules;  // standing holds that begin or end with it
        Acted acted;
        std::uint64_t last = 0;       // record
    };
    co::Task<Result<void, Error>> act_on_all(ActRound& round);
    void perform(ActRound& round, const LivePtr& entry);
    trace::Event event_of_act(const ActRound& round, const Entry& entry, trace::EventKind kind, std::string detail = {}) const;
    static bool waits(const Entry& entry, const Meant& meant);
    static bool is_sent_to(const Live& entry, const Meant& meant);
    void hold(ActRound& round, const LivePtr& entry);
    struct Freed {
        bool is_somebody = false;
        bool is_told = false;  // the trace knows of the hold
    };
    static Freed free_held(const ActRound& round, const Entry& entry, Change& what);
    void report_now(const LivePtr& entry);
    void release_held(ActRound& round, const LivePtr& entry);
    void retry(ActRound& round, const LivePtr& entry);
    void count_others(ActRound& round, const LivePtr& entry, const Meant& concerned);
    void take_back(ActRound& round, const LivePtr& entry, Wanted wanted);
    bool is_kept_by_rules(const Entry& entry) const;
    std::uint64_t want(const LivePtr& entry, Wanted wanted, const Meant& meant, const std::string& by);
    void do_what_was_wanted(const LivePtr& entry, std::size_t group);

    // queue_holds.cpp: standing holds
    bool read_holds();
    const HoldRule* rule_of(const Entry& entry, std::size_t recipient) const;
    // What the trace knows of an entry's holds is in Entry::told, and changes here alone, in the record that tells of it.
    std::vector<trace::Event> holds_to_tell(const Live& entry, Change& what) const;
    std::uint64_t change_holds(const LivePtr& entry, Change what, std::vector<trace::Event> events = {});
    void take_holds(const LivePtr& entry);
    co::Task<Result<std::vector<HoldRule>, Error>> begin_hold(Selection selection, std::string by);
    co::Task<Result<std::vector<HoldRule>, Error>> begin_release(Selection selection);
    co::Task<Result<void, Error>> end_release(std::vector<HoldRule> ended);
    co::Task<void> end_beginning(HoldRule begun);
    co::Task<void> go_on_with_holds();
    co::Task<Result<void, Error>> write_holds(std::vector<HoldRule> rules);
};

// Where recipients "are" that have the message already and only want it told: no server of any name.
inline constexpr std::string_view kHereRoute = "(here)";
Destination destination_in(const Transport& transport, const Envelope& envelope, const Recipient& recipient);

// queue_listing.cpp
bool matches(const Selection& selection, const Entry& entry);
Error cannot_read(const std::string& what);

// The entry of a message that nobody has tried to send yet.
Entry entry_of(const Arrival& arrival);

}  // namespace mbx::queue
