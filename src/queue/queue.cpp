#include "queue/queue.hpp"

#include <algorithm>
#include <utility>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::int64_t kPollEveryMs = 1'000;

}  // namespace

QueueMetrics::QueueMetrics(Metrics& all)
    : messages(all.gauge("mailboxd_queue_messages", "Messages that wait or are on their way to other servers")),
      fresh(all.gauge("mailboxd_queue_fresh", "Of them, those that are in the journal and memory alone")),
      active(all.gauge("mailboxd_queue_active", "Deliveries to other servers under way")),
      connections(all.gauge("mailboxd_queue_connections", "Connections to other servers")),
      ready(all.gauge("mailboxd_queue_ready", "Deliveries that wait for a connection")),
      down(all.gauge("mailboxd_queue_destinations_down", "Destinations that are left alone for a while")),
      damaged(all.gauge("mailboxd_queue_damaged", "Entries set aside in queue/damaged")),
      entered(all.counter("mailboxd_queue_entered_total", "Messages taken in")),
      settled(all.counter("mailboxd_queue_settled_total", "Messages for which files were written")),
      ended(all.counter("mailboxd_queue_ended_total", "Messages that left the queue")),
      delivered(all.counter("mailboxd_queue_recipients_total", "Outcomes of attempts, by recipient", "outcome=\"delivered\"")),
      deferred(all.counter("mailboxd_queue_recipients_total", "Outcomes of attempts, by recipient", "outcome=\"deferred\"")),
      failed(all.counter("mailboxd_queue_recipients_total", "Outcomes of attempts, by recipient", "outcome=\"failed\"")),
      reports_failed(all.counter("mailboxd_queue_reports_total", "Reports to senders", "kind=\"failed\"")),
      reports_delayed(all.counter("mailboxd_queue_reports_total", "Reports to senders", "kind=\"delayed\"")),
      reports_relayed(all.counter("mailboxd_queue_reports_total", "Reports to senders", "kind=\"relayed\"")),
      rebuilt(all.counter("mailboxd_queue_schedule_repairs_total", "Times that the schedule was mended from the files")),
      seconds(all.histogram("mailboxd_queue_delivery_seconds", "From a message's acceptance to the other server's 250",
                            {0.05, 0.1, 0.5, 1, 5, 30, 300, 3600, 86400}))
{
}

Queue::State::State(Ground given, QueueOptions wanted, std::function<void()> told)
    : ground(std::move(given)), options(wanted), failed(std::move(told)), spool(ground.files, ground.directory),
      files(ground.workers), times(ground.workers),
      dispatcher({options.max_connections, options.max_connections_per_destination}), metrics(ground.metrics),
      timer(ground.loop)
{
    pace.set(options.max_messages_per_destination_minute);
    if (!open_files()) ground.log.error("the queue cannot be opened", {{"path", ground.directory}, {"error", schedule_trouble}});
}

// Blocking. False: schedule_trouble says why.
bool Queue::State::open_files()
{
    if (auto made = spool.prepare(); !made) {
        schedule_trouble = "the directories of the queue cannot be made: " + made.error().name();
        return false;
    }
    damaged = spool.damaged();
    metrics.damaged.set(static_cast<std::int64_t>(damaged));
    if (!read_holds()) return false;
    auto opened = Schedule::open(ground.directory, options.schedule_bytes);
    if (!opened) {
        schedule_trouble = "the schedule of the queue cannot be opened: " + opened.error().text();
        return false;
    }
    schedule_trouble.clear();
    schedule = *std::move(opened);
    scheduled = schedule->count();
    is_schedule_whole = !schedule->is_new() && !schedule->is_suspect() && schedule->damage().empty();
    if (!schedule->damage().empty()) metrics.rebuilt.add();
    if (schedule->is_suspect()) {
        ground.log.warning("the last run ended while it used the schedule of the queue; it is made anew from the files");
    } else if (!schedule->damage().empty()) {
        ground.log.error("the schedule of the queue was damaged; it is made anew from the files", {{"error", schedule->damage()}});
    }
    return true;
}

Queue::Queue(Ground ground, QueueOptions options, std::function<void()> failed)
    : state_(std::make_unique<State>(std::move(ground), options, std::move(failed)))
{
}

Queue::~Queue() = default;

void Queue::set_options(QueueOptions options)
{
    const QueueOptions& old = state_->options;
    const bool moves_deadlines = old.lifetime != options.lifetime || old.warn_after != options.warn_after;
    state_->options = options;
    if (moves_deadlines) state_->move_deadlines_soon();
    state_->dispatcher.set_limits({options.max_connections, options.max_connections_per_destination});
    state_->pace.set(options.max_messages_per_destination_minute);
}

void Queue::enter(Arrival arrival)
{
    State& state = *state_;
    state.metrics.entered.add();
    const LivePtr entry = state.make_live(entry_of(arrival));
    entry->bytes = arrival.bytes;
    entry->source = {arrival.bytes, arrival.path};
    entry->holds.push_back(std::move(arrival.hold));
    ++state.fresh_messages;
    state.fresh_bytes += entry->entry.size;
    state.fresh.emplace_back(entry->since, entry->entry.id);
    state.take_holds(entry);
    // One that lies in a file is linked first: where it lies now it may go as soon as that is done.
    if (!arrival.bytes) {
        entry->is_deferred = true;
        state.settle(entry);
        return;
    }
    if (!state.is_started) {
        entry->is_deferred = true;
        return;
    }
    state.begin(entry);
    state.settle_old();
    state.pump();
}

// Every destination at once, but those that are down, have enough waiting, or get no more in this minute.
void Queue::State::begin(const LivePtr& entry)
{
    entry->is_deferred = false;
    bool wakes = false;
    for (std::size_t n = 0; n < entry->groups.size(); ++n) {
        const std::string& key = entry->groups[n].key;
        if (!has_sendable(entry->entry, entry->groups[n])) {
            send_to_schedule(entry, n);
            continue;
        }
        if (dispatcher.down_until(key, now()) != 0 || room_at(key) == 0) {
            send_to_schedule(entry, n);
            continue;
        }
        make_ready(entry, n, false);
        wakes = wakes || dispatcher.has_idle(key);
    }
    if (wakes) idle_connections.notify_all();
}

void Queue::State::pump()
{
    if (!is_started || is_stopping || has_failed) return;
    pump_again = true;
    if (is_pumping) return;
    is_pumping = true;
    while (pump_again) {
        pump_again = false;
        while (!has_failed) {  // then serve() takes nothing, and the same start would come for ever
            auto start = dispatcher.next_start(now());
            if (!start) break;
            spawn(serve(std::move(*start)));
        }
        // Those that end for it ask for another round.
        if (dispatcher.is_contested()) idle_connections.notify_all();
    }
    is_pumping = false;
}

void Queue::start()
{
    State& state = *state_;
    state.is_started = true;
    if (!state.schedule) return;
    std::vector<LivePtr> deferred;
    for (const auto& [id, entry] : state.live) {
        if (entry->is_deferred && (entry->is_settled || entry->bytes)) deferred.push_back(entry);
    }
    for (const auto& entry : deferred) state.begin(entry);
    state.spawn(state.sweep());
    state.spawn(state.move_deadlines(false));
    state.spawn(state.go_on_with_holds());
    if (state.options.tick_every.count() != 0) state.spawn(state.keep_ticking());
    state.tick();
}

co::Task<void> Queue::State::keep_ticking()
{
    while (!is_stopping) {
        const bool is_time = co_await timer.wait(options.tick_every);
        if (is_time && !is_stopping) tick();
    }
}

void Queue::tick() { state_->tick(); }

void Queue::State::tick()
{
    if (is_stopping || !schedule) return;
    settle_old();
    if (!operations.empty() && !is_writing) spawn(write());
    idle_connections.notify_all();
    const std::vector<std::string> owed(owing.begin(), owing.end());
    for (const auto& id : owed) {
        if (const auto at = live.find(id); at != live.end()) {
            const LivePtr entry = at->second;
            report_if_due(entry);
        }
    }
    const std::int64_t at = now();
    const bool is_time = at >= next_poll || at < next_poll - kPollEveryMs || !refills.empty();
    if (is_started && is_time && !is_polling) {
        next_poll = at + kPollEveryMs;
        spawn(poll());
    }
    if (is_started && sweep_wanted && !is_sweeping && now() >= next_sweep) spawn(sweep());
    metrics.messages.set(static_cast<std::int64_t>(scheduled + fresh_messages));
    metrics.fresh.set(static_cast<std::int64_t>(fresh_messages));
    metrics.active.set(static_cast<std::int64_t>(active));
    metrics.connections.set(dispatcher.connections());
    metrics.ready.set(static_cast<std::int64_t>(dispatcher.ready()));
    metrics.down.set(static_cast<std::int64_t>(dispatcher.down(at)));
    pump();
}

co::Task<void> Queue::stop()
{
    State& state = *state_;
    state.is_stopping = true;
    state.timer.cancel();
    state.ground.transport.interrupt();
    const std::vector<Conversation*> open(state.conversations.begin(), state.conversations.end());
    for (Conversation* conversation : open) conversation->interrupt();
    state.idle_connections.notify_all();
    state.written.notify_all();
    state.swept.notify_all();
    co_await state.tasks.finished();
    if (!state.schedule) co_return;
    // So that a checkpoint after this may forget all of it, and the next start has little to do.
    co_await state.settle_all();
    co_await state.tasks.finished();
    (void)co_await state.flush(true);
    co_await state.tasks.finished();
}

co::Task<bool> Queue::commit()
{
    // Nothing was begun yet: what came and what was recovered is held.
    if (!state_->schedule) co_return true;
    // What this cannot write is a cache, which the next start compares with the files.
    (void)co_await state_->flush(true);
    co_return true;
}

bool Queue::is_quiet() const
{
    const State& state = *state_;
    return state.active == 0 && state.operations.empty() && state.dispatcher.ready() == 0 && !state.is_writing &&
           !state.is_polling && !state.is_refilling && !state.is_flushing && !state.is_sweeping && state.owing.empty();
}

QueueFacts Queue::facts() const
{
    const State& state = *state_;
    QueueFacts facts;
    facts.messages = state.scheduled + state.fresh_messages;
    facts.fresh = state.fresh_messages;
    facts.active = state.active;
    facts.connections = state.dispatcher.connections();
    facts.destinations_down = state.dispatcher.down(state.now());
    facts.damaged = state.damaged;
    if (!state.schedule_trouble.empty()) facts.complaints.push_back(state.schedule_trouble);
    if (!state.spool_trouble.empty()) facts.complaints.push_back(state.spool_trouble);
    if (!state.recovery_trouble.empty()) facts.complaints.push_back(state.recovery_trouble);
    if (!state.holds_trouble.empty()) facts.complaints.push_back(state.holds_trouble);
    if (state.damaged != 0) {
        const bool is_one = state.damaged == 1;
        facts.complaints.push_back((is_one ? "1 entry of the queue is damaged; it lies" : std::to_string(state.damaged) +
                                   " entries of the queue are damaged; they lie") + " in queue/damaged, the log says why");
    }
    return facts;
}

}  // namespace mbx::queue
