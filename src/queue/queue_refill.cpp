// What the schedule has to say: destinations and deadlines that are due; and whether it agrees with the files.
#include <algorithm>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kMostReady = 2'000;        // from the schedule, of all destinations
constexpr std::size_t kWindow = 64;              // of one destination
constexpr std::size_t kLeast = 16;               // of it: then more is fetched
constexpr std::size_t kDueAtOnce = 128;          // destinations of one look
constexpr std::size_t kDeadlinesAtOnce = 64;
constexpr std::size_t kSweepPage = 500;
constexpr std::int64_t kLookAgainMs = 60'000;

}  // namespace

co::Task<void> Queue::State::poll()
{
    is_polling = true;
    const std::int64_t at = now();
    if (!rows.empty()) (void)co_await flush(false);
    std::set<std::string> busy;
    for (const auto& id : owing) busy.insert(id);
    auto ask_deadlines = [this, at, &busy] { return schedule->due_deadlines(at, kDeadlinesAtOnce, busy); };
    auto deadlines = co_await times.run(net::WorkClass::delivery, std::move(ask_deadlines));
    if (!deadlines) schedule_failed(deadlines.error());
    if (deadlines) {
        for (auto& id : *deadlines) {
            if (!is_stopping) co_await meet_deadline(std::move(id));
        }
    }
    if (!is_stopping && dispatcher.ready() < kMostReady) {
        auto ask_due = [this, at] { return schedule->due_destinations(at, due_cursor, kDueAtOnce); };
        auto due = co_await times.run(net::WorkClass::delivery, std::move(ask_due));
        if (!due) schedule_failed(due.error());
        if (due) {
            due_cursor = due->next;
            for (auto& key : due->keys) refills.insert(std::move(key));
        }
    }
    is_polling = false;
    if (!refills.empty() && !is_refilling && !is_stopping) spawn(refill_all());
}

co::Task<void> Queue::State::refill_all()
{
    is_refilling = true;
    bool runs_dry = true;
    while (runs_dry) {
        runs_dry = false;
        const std::vector<std::string> keys(refills.begin(), refills.end());
        for (const auto& key : keys) {
            if (is_stopping || dispatcher.ready() >= kMostReady) break;
            if (dispatcher.ready(key) >= kWindow / 2 || dispatcher.down_until(key, now()) != 0) continue;
            co_await refill(key);
            // It may have been served meanwhile.
            const bool is_wanted = refills.contains(key) && !dispatcher.is_suspect(key);
            runs_dry = runs_dry || (is_wanted && dispatcher.ready(key) < kLeast && room_at(key) != 0 && !is_stopping);
        }
    }
    is_refilling = false;
    // There were more destinations than one look takes.
    if (!due_cursor.empty() && !is_polling && !is_stopping && dispatcher.ready() < kMostReady) spawn(poll());
}

co::Task<void> Queue::State::refill(std::string key)
{
    if (!rows.empty()) (void)co_await flush(false);
    const std::int64_t at = now();
    if (const std::int64_t free_at = pace.free_at(key, at); free_at != 0) {
        rows.emplace_back(NotBefore{key, free_at});
        refills.erase(key);
        co_return;
    }
    const std::size_t room = room_at(key);
    if (room == 0) co_return;
    std::set<std::string> except;
    if (const auto known = in_memory.find(key); known != in_memory.end()) except = known->second;
    // One that failed lately is asked with one message.
    const std::size_t most = dispatcher.is_suspect(key) ? 1 : std::min(kWindow, room);
    const auto from = sender_turns.find(key);
    const std::uint64_t sender = from == sender_turns.end() ? 0 : from->second;
    auto take = [this, &key, at, sender, most, &except] { return schedule->take(key, at, sender, most, except); };
    auto taken = co_await times.run(net::WorkClass::delivery, std::move(take));
    if (!taken) {
        schedule_failed(taken.error());
        co_return;
    }
    if (taken->has_more) {
        refills.insert(key);
        sender_turns[key] = taken->next_sender;
    } else {
        refills.erase(key);
        sender_turns.erase(key);
    }
    std::vector<std::string> ids;
    std::vector<LivePtr> known;
    for (const auto& errand : taken->errands) {
        const auto found = live.find(errand.id);
        if (found == live.end()) ids.push_back(errand.id);
        else known.push_back(found->second);
    }
    // Those in memory stay there while others are read: their errands wake nobody any more.
    for (const auto& entry : known) ++entry->pins;
    std::vector<Result<LoadedEntry, LoadFailure>> loaded;
    auto load = [this, &ids, &loaded] {
        loaded.reserve(ids.size());
        for (const auto& id : ids) loaded.push_back(spool.load(id));
    };
    co_await files.run(net::WorkClass::delivery, std::move(load));
    for (const auto& entry : known) --entry->pins;
    for (std::size_t n = 0; n < ids.size(); ++n) {
        if (!live.contains(ids[n])) take_in(key, ids[n], std::move(loaded[n]));
    }
    for (const auto& errand : taken->errands) {
        const auto found = live.find(errand.id);
        if (found == live.end()) continue;
        const LivePtr entry = found->second;
        give_turn(key, entry);
        release(entry);
    }
    if (dispatcher.ready(key) != 0 && dispatcher.has_idle(key)) idle_connections.notify_all();
    pump();
}

// Its errand at `key` was taken out of the schedule's order: it goes, or comes into it again.
void Queue::State::give_turn(const std::string& key, const LivePtr& entry)
{
    bool is_known = false;
    for (std::size_t n = 0; n < entry->groups.size(); ++n) {
        if (entry->groups[n].key != key) continue;
        is_known = true;
        const bool is_due = has_sendable(entry->entry, entry->groups[n]) && next_of(entry->entry, entry->groups[n]) <= now();
        if (is_due && !is_stopping && dispatcher.down_until(key, now()) == 0 && room_at(key) != 0) {
            const auto& states = entry->entry.states;
            const auto& of = entry->groups[n].recipients;
            const bool is_first = std::any_of(of.begin(), of.end(), [&states](std::size_t r) { return states[r].attempts == 0; });
            make_ready(entry, n, !is_first);
        } else if (entry->groups[n].phase == Group::Phase::asleep && entry->is_settled) {
            put_errand(*entry, entry->groups[n]);
        }
    }
    if (is_known || !entry->is_settled) return;
    // Another route by now, or nothing is left for this one.
    rows.emplace_back(DropErrand{entry->entry.id, key});
    for (const auto& group : entry->groups) {
        if (group.phase == Group::Phase::asleep) put_errand(*entry, group);
    }
    end_if_over(entry);
    report_if_due(entry);
}

void Queue::State::take_in(const std::string& key, const std::string& id, Result<LoadedEntry, LoadFailure> loaded)
{
    if (loaded) {
        const LivePtr entry = make_live(std::move(loaded->entry));
        entry->is_settled = true;
        return;
    }
    switch (loaded.error().kind) {
    case LoadFailure::Kind::absent: rows.emplace_back(DropEntry{id}); return;
    case LoadFailure::Kind::bad: set_aside(id, loaded.error().why); return;
    case LoadFailure::Kind::busy: break;
    }
    ground.log.warning("an entry of the queue cannot be read now", {{"id", id}, {"why", loaded.error().why}});
    rows.emplace_back(PutErrand{id, key, 0, now() + kLookAgainMs});
}

// Entries without a row get one, rows without an entry go: after a crash, a restored backup, or when the schedule was made
// anew. Beside everything else.
co::Task<void> Queue::State::sweep()
{
    constexpr std::int64_t kPatienceWithSweeps = 10'000;

    if (is_sweeping) co_return;
    is_sweeping = true;
    sweep_wanted = false;
    const unsigned renewal = renewals;
    std::size_t missing = 0;
    std::string unread;
    bool goes_on = true;
    for (unsigned n = 0; n < Spool::kDirectories && goes_on && !is_stopping; ++n) goes_on = co_await sweep_directory(n, &missing, &unread);
    if (goes_on && !is_stopping) goes_on = co_await sweep_rows();
    is_sweeping = false;
    if (renewal != renewals) goes_on = false;
    is_schedule_whole = is_schedule_whole || (goes_on && unread.empty() && !is_stopping);
    swept.notify_all();
    if (missing != 0) {
        metrics.rebuilt.add();
        ground.log.warning("entries of the queue were not in its schedule; they are now", {{"entries", missing}});
    }
    if (!unread.empty()) ground.log.error("not every directory of the queue can be read now; it is tried again", {{"error", unread}});
    if (!goes_on || !unread.empty()) sweep_wanted = true;  // tick() begins again
    if (!unread.empty()) next_sweep = now() + kPatienceWithSweeps;
}

// What goes by the schedule, and not by ids, would reach a part of the queue and be answered as if it were all.
co::Task<Result<void, Error>> Queue::State::whole_schedule()
{
    while (!is_schedule_whole && !is_stopping && (is_sweeping || !is_started)) co_await swept.wait();
    if (!is_schedule_whole) co_return cannot_read("it does not have every entry yet");
    co_return Result<void, Error>();
}

co::Task<bool> Queue::State::sweep_directory(unsigned n, std::size_t* missing, std::string* unread)
{
    auto list = [this, n] {
        (void)spool.remove_orphans(n);
        return spool.ids(n);
    };
    auto ids = co_await files.run(net::WorkClass::bulk, std::move(list));
    if (!ids) {
        *unread = ids.error().name();
        co_return true;
    }
    std::vector<std::string> unknown;
    auto compare = [this, &ids, &unknown]() -> Result<void, ScheduleFailure> {
        for (auto& id : *ids) {
            const auto row = schedule->row(id);
            if (!row) return row.error();
            const auto places = schedule->destinations_of(id);
            if (!places) return places.error();
            const bool is_known = *row && ((*row)->is_held || !places->empty());
            if (!is_known) unknown.push_back(std::move(id));
        }
        return {};
    };
    const auto compared = co_await times.run(net::WorkClass::bulk, std::move(compare));
    if (!compared) {
        schedule_failed(compared.error());
        co_return false;
    }
    for (const auto& id : unknown) {
        if (live.contains(id) || is_stopping) continue;
        LivePtr entry = co_await find(id);
        if (!entry || !entry->is_settled || entry->is_ended) continue;
        put_rows(*entry);
        ++*missing;
        release(entry);
    }
    if (!unknown.empty()) co_return co_await flush(false);
    co_return true;
}

co::Task<bool> Queue::State::sweep_rows()
{
    std::string after;
    for (;;) {
        auto page = [this, &after] { return schedule->rows(after, kSweepPage); };
        const auto found = co_await times.run(net::WorkClass::bulk, std::move(page));
        if (!found) {
            schedule_failed(found.error());
            co_return false;
        }
        if (found->empty() || is_stopping) co_return true;
        after = found->back().id;
        std::vector<std::string> gone;
        auto look = [this, &found, &gone] {
            for (const auto& row : *found) {
                if (!spool.has(row.id)) gone.push_back(row.id);
            }
        };
        co_await files.run(net::WorkClass::bulk, std::move(look));
        for (const auto& id : gone) {
            if (!live.contains(id)) rows.emplace_back(DropEntry{id});
        }
    }
}

void Queue::State::move_deadlines_soon()
{
    are_deadlines_old = true;
    if (is_started && schedule && !is_moving_deadlines) spawn(move_deadlines(true));
}

co::Task<void> Queue::State::move_deadlines(bool all)
{
    is_moving_deadlines = true;
    are_deadlines_old = all;
    do {
        are_deadlines_old = false;
        std::string after;
        bool goes_on = true;
        while (goes_on && !are_deadlines_old && !is_stopping) {
            auto page = [this, &after] { return schedule->rows(after, kSweepPage); };
            const auto found = co_await times.run(net::WorkClass::bulk, std::move(page));
            if (!found) schedule_failed(found.error());
            goes_on = found && !found->empty();
            if (goes_on) after = found->back().id;
            for (std::size_t n = 0; goes_on && n < found->size() && !is_stopping; ++n) {
                const ScheduleRow& row = found->at(n);
                const std::int64_t wait = row.deadline - row.accepted;
                const bool is_current = !all && (wait == options.lifetime.count() || wait == options.warn_after.count());
                if (row.deadline == 0 || is_current) continue;
                const LivePtr entry = co_await find(row.id);
                if (!entry) continue;
                if (entry->is_settled && !entry->is_ended) put_row(*entry);
                release(entry);
            }
        }
        all = true;
    } while (are_deadlines_old && !is_stopping);
    is_moving_deadlines = false;
    next_poll = 0;
    tick();
}

}  // namespace mbx::queue
