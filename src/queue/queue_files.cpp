// What goes to the disk: records into the journal, entries into files, rows into the schedule.
#include <algorithm>
#include <iterator>

#include "queue/queue_state.hpp"
#include "trace/event_record.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kMostFresh = 2'000;
constexpr std::uint64_t kMostFreshBytes = 32ULL << 20U;
constexpr std::size_t kMostOperations = 256;  // of one job

Result<void, FileError> perform_operation(Spool& spool, const SpoolOperation& operation)
{
    switch (operation.kind) {
    case SpoolOperation::Kind::settle: return spool.write(operation.entry, operation.source);
    case SpoolOperation::Kind::append: return spool.append(operation.change, operation.head_bytes);
    case SpoolOperation::Kind::rewrite: return spool.rewrite(operation.entry);
    case SpoolOperation::Kind::remove: return spool.remove(operation.id);
    }
    return {};
}

struct BatchEnd {
    std::size_t done = 0;
    FileError error;
};

BatchEnd perform_all(Spool& spool, const std::vector<SpoolOperation>& batch)
{
    BatchEnd end;
    for (const auto& operation : batch) {
        if (auto result = perform_operation(spool, operation); !result) {
            end.error = result.error();
            break;
        }
        ++end.done;
    }
    return end;
}

}  // namespace

void Queue::State::leave_fresh(const Live& entry)
{
    if (entry.is_settled || entry.is_settling) return;
    --fresh_messages;
    fresh_bytes -= std::min(fresh_bytes, entry.entry.size);
}

void Queue::State::settle(const LivePtr& entry)
{
    if (entry->is_settled || entry->is_settling || entry->is_ended) return;
    leave_fresh(*entry);
    entry->is_settling = true;
    SpoolOperation operation;
    operation.kind = SpoolOperation::Kind::settle;
    operation.live = entry;
    operation.id = entry->entry.id;
    operation.entry = entry->entry;
    operation.source = entry->source;
    operation.holds = std::move(entry->holds);
    entry->holds.clear();
    operate(std::move(operation));
}

void Queue::State::settle_old()
{
    const auto until = ground.clock.steady() - options.settle_after;
    while (!fresh.empty()) {
        const bool is_due = fresh.front().first <= until || fresh_messages > kMostFresh || fresh_bytes > kMostFreshBytes;
        const auto at = live.find(fresh.front().second);
        const bool is_over = at == live.end() || at->second->is_settled || at->second->is_settling;
        if (!is_due && !is_over) return;
        if (!is_over) {
            const LivePtr entry = at->second;
            settle(entry);
        }
        fresh.pop_front();
    }
}

Ledger::Entered Queue::State::append(const QueueRecord& record, std::vector<trace::Event> events)
{
    auto entered = ground.ledger.append({encode(record), events.empty() ? std::string() : trace::encode_events(events)});
    last_record = std::max(last_record, entered.lsn);
    if (entered.lsn != 0 && !events.empty()) spawn(note_when_durable(entered, std::move(events)));
    return entered;
}

// The journal keeps them until they are recorded: the hold goes with the last of these words.
co::Task<void> Queue::State::note_when_durable(Ledger::Entered entered, std::vector<trace::Event> events)
{
    const bool is_durable = co_await ground.ledger.durable(entered.lsn);
    if (!is_durable) {
        journal_has_failed();
        co_return;
    }
    for (auto& event : events) ground.recorder.record(std::move(event));
}

void Queue::State::journal_has_failed()
{
    if (has_failed) return;
    has_failed = true;
    ground.log.error("the journal has failed; nothing more is delivered");
    failed();
}

// The record of `what` is in the journal already, under `hold`.
void Queue::State::change(const LivePtr& entry, Change what, Ledger::Hold hold)
{
    (void)apply(what, entry->entry);
    if (!entry->is_settled && !entry->is_settling) {
        entry->holds.push_back(std::move(hold));
        return;
    }
    SpoolOperation operation;
    operation.kind = SpoolOperation::Kind::append;
    operation.live = entry;
    operation.id = entry->entry.id;
    operation.change = std::move(what);
    operation.head_bytes = entry->head_bytes;
    operation.holds.push_back(std::move(hold));
    operate(std::move(operation));
}

void Queue::State::end(const LivePtr& entry, Ledger::Hold hold)
{
    if (entry->is_ended) return;
    leave_fresh(*entry);
    entry->is_ended = true;
    metrics.ended.add();
    if (entry->is_settled || entry->is_settling) {
        rows.emplace_back(DropEntry{entry->entry.id});
        SpoolOperation operation;
        operation.kind = SpoolOperation::Kind::remove;
        operation.live = entry;
        operation.id = entry->entry.id;
        operation.holds.push_back(std::move(hold));
        operate(std::move(operation));
    }
    entry->holds.clear();
    owing.erase(entry->entry.id);
    release(entry);
}

void Queue::State::operate(SpoolOperation operation)
{
    ++operation.live->pending;
    operations.push_back(std::move(operation));
    if (!is_writing) spawn(write());
}

// The records so far, and with them all that entries in memory say.
co::Task<bool> Queue::State::is_all_durable()
{
    if (last_record == 0) co_return true;
    co_return co_await ground.ledger.durable(last_record);
}

void Queue::State::put_back(std::vector<SpoolOperation>& batch, std::size_t from)
{
    operations.insert(operations.begin(), std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(from)),
                      std::make_move_iterator(batch.end()));
}

co::Task<void> Queue::State::write()
{
    is_writing = true;
    while (!operations.empty()) {
        std::vector<SpoolOperation> batch;
        while (!operations.empty() && batch.size() < kMostOperations) {
            batch.push_back(std::move(operations.front()));
            operations.pop_front();
        }
        // A file that is ahead of the journal would know, after a crash, of what no record and no line of the trace tells; one
        // that is gone before the record of its end would leave nothing at all.
        const bool is_durable = co_await is_all_durable();
        if (!is_durable) {
            put_back(batch, 0);
            break;
        }
        auto job = [this, &batch] { return perform_all(spool, batch); };
        const BatchEnd end = co_await files.run(net::WorkClass::delivery, std::move(job));
        for (std::size_t n = 0; n < end.done; ++n) was_written(batch[n]);
        if (end.done == batch.size()) {
            spool_trouble.clear();
            continue;
        }
        SpoolOperation& stuck = batch[end.done];
        if (spool_trouble.empty())
            ground.log.error("a file of the queue cannot be written; it is tried again", {{"id", stuck.id}, {"error", end.error.name()}});
        spool_trouble = "files of the queue cannot be written: " + end.error.name();
        // A part of the frame may stand at the file's end, where nobody could cut it off: what came behind it would be lost with it.
        if (stuck.kind == SpoolOperation::Kind::append) {
            stuck.kind = SpoolOperation::Kind::rewrite;
            stuck.entry = stuck.live->entry;
        }
        put_back(batch, end.done);
        break;  // tick() tries again
    }
    is_writing = false;
    written.notify_all();
}

void Queue::State::was_written(SpoolOperation& operation)
{
    const LivePtr entry = std::move(operation.live);
    --entry->pending;
    if (operation.kind == SpoolOperation::Kind::settle) {
        entry->is_settled = true;
        entry->is_settling = false;
        entry->bytes.reset();
        entry->source = {};
        metrics.settled.add();
        put_rows(*entry);
        if (entry->is_ended) rows.emplace_back(DropEntry{operation.id});
    }
    operation.holds.clear();
    if (entry->is_deferred && is_started && operation.kind == SpoolOperation::Kind::settle) {
        begin(entry);
        pump();
    }
    release(entry);
}

co::Task<bool> Queue::State::flush(bool synced)
{
    while (is_flushing) co_await flushed.wait();
    is_flushing = true;
    std::vector<ScheduleChange> changes;
    changes.swap(rows);
    // A schedule that is ahead of the journal would not know, after a power cut, what the entry's file still wants.
    const bool is_durable = co_await is_all_durable();
    if (!is_durable) {
        is_flushing = false;
        flushed.notify_all();
        co_return false;
    }
    std::uint64_t count = 0;
    auto job = [this, &changes, &count, synced]() -> Result<void, ScheduleFailure> {
        if (!changes.empty()) {
            if (auto done = schedule->apply(changes); !done) return done;
        }
        count = schedule->count();
        if (!synced) return {};
        return schedule->sync();
    };
    const auto done = co_await times.run(net::WorkClass::delivery, std::move(job));
    is_flushing = false;
    if (done) {
        scheduled = count;
        schedule_trouble.clear();
    } else {
        rows.insert(rows.begin(), std::make_move_iterator(changes.begin()), std::make_move_iterator(changes.end()));
        schedule_failed(done.error());
    }
    flushed.notify_all();
    co_return static_cast<bool>(done);
}

void Queue::State::schedule_failed(const ScheduleFailure& failure)
{
    if (schedule_trouble.empty())
        ground.log.error("the schedule of the queue cannot be used", {{"error", failure.text}});
    schedule_trouble = "queue.mdb: " + failure.text;
    if (!failure.is_no_space && !is_sweeping && !sweep_wanted) {
        sweep_wanted = true;
        spawn(renew_schedule());
    }
}

co::Task<void> Queue::State::renew_schedule()
{
    auto job = [this] { return schedule->renew(); };
    const auto renewed = co_await times.run(net::WorkClass::delivery, std::move(job));
    if (!renewed) {
        ground.log.error("the schedule of the queue cannot be made anew", {{"error", renewed.error().text()}});
        sweep_wanted = false;
        co_return;
    }
    is_schedule_whole = false;
    ++renewals;
    metrics.rebuilt.add();
    ground.log.warning("the schedule of the queue is made anew from its files");
    // Their files say the rest; of what is in memory this is later than its file.
    for (const auto& [id, entry] : live) {
        if (entry->is_settled) put_rows(*entry);
    }
    if (is_started && !is_stopping) co_await sweep();
}

void Queue::State::set_aside(const std::string& id, const std::string& why)
{
    tell_set_aside(id, why);
    spawn(move_aside(id));
}

// One in memory, whose group that found it out is active no more. Others that send it just now end in nothing: as far as the
// queue is concerned it has gone.
void Queue::State::set_aside_live(const LivePtr& entry, const std::string& why)
{
    entry->is_ended = true;
    owing.erase(entry->entry.id);
    tell_set_aside(entry->entry.id, why);
    ++entry->pins;
    spawn(move_aside_when_written(entry));
}

void Queue::State::tell_set_aside(const std::string& id, const std::string& why)
{
    ground.log.error("an entry of the queue is set aside in queue/damaged", {{"id", id}, {"why", why}});
    ++damaged;
    metrics.damaged.set(static_cast<std::int64_t>(damaged));
    rows.emplace_back(DropEntry{id});
    trace::Event event;
    event.id = id;
    event.kind = trace::EventKind::failed;
    event.at = ground.clock.wall();
    event.detail = "its entry in the queue was set aside: " + why;
    ground.recorder.record(std::move(event));
}

// What is still to be written into its file finds it there. A stop does not wait for that: the next attempt finds out again.
co::Task<void> Queue::State::move_aside_when_written(LivePtr entry)
{
    while (entry->pending != 0 && !is_stopping) co_await written.wait();
    if (entry->pending == 0) co_await move_aside(entry->entry.id);
    --entry->pins;
    release(entry);
}

co::Task<void> Queue::State::move_aside(std::string id)
{
    auto job = [this, &id] { return spool.set_aside(id); };
    const auto moved = co_await files.run(net::WorkClass::interactive, std::move(job));
    if (!moved) ground.log.error("it cannot be moved", {{"id", id}, {"error", moved.error().name()}});
}

}  // namespace mbx::queue
