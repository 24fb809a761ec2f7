// What the journal still held becomes files again.
#include <algorithm>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

struct RecoveredEntry {
    RecoveredArrival* arrival = nullptr;
    std::vector<Change> changes;
    bool is_ended = false;
};

struct RecoveryOutcome {
    std::vector<Entry> entries;
    std::vector<std::string> ended;
    std::vector<std::pair<std::string, std::string>> damaged;  // id, why
    std::size_t lost_entries = 0;  // changes of entries that are not there: they had ended
    std::string failure;           // empty: all is well
};

// After a power cut the file may have its size and not its bytes. One that was linked was synced before.
bool has_good_body(Spool& spool, const RecoveredArrival& recovered, const Entry& entry)
{
    if (!recovered.arrival.path.empty()) return true;
    return static_cast<bool>(spool.check_body({entry.id, entry.size, entry.crc}));
}

Result<BodySource, FileError> source_of(const RecoveredArrival& recovered)
{
    BodySource source{recovered.arrival.bytes, recovered.arrival.path};
    if (source.bytes || !source.path.empty()) return source;
    auto bytes = recovered.load();
    if (!bytes) return bytes.error();
    source.bytes = std::make_shared<const std::string>(*std::move(bytes));
    return source;
}

void recover_accepted(Spool& spool, const RecoveredEntry& recovered, RecoveryOutcome& outcome)
{
    const Arrival& arrival = recovered.arrival->arrival;
    auto loaded = spool.load(arrival.id);
    const bool is_there = static_cast<bool>(loaded);
    if (!is_there && loaded.error().kind == LoadFailure::Kind::busy) {
        outcome.failure = arrival.id + ": " + loaded.error().why;
        return;
    }
    Entry entry = is_there ? std::move(loaded->entry) : entry_of(arrival);
    bool is_whole = is_there && has_good_body(spool, *recovered.arrival, entry);
    for (const auto& change : recovered.changes) {
        if (!apply(change, entry) || !is_whole) continue;
        if (!spool.append(change, 0)) is_whole = false;
    }
    if (!is_whole) {
        const auto source = source_of(*recovered.arrival);
        auto written = source ? spool.write(entry, *source) : Result<void, FileError>(source.error());
        if (!written) {
            outcome.failure = arrival.id + ": " + written.error().name();
            return;
        }
    }
    outcome.entries.push_back(std::move(entry));
}

void recover_changed(Spool& spool, const std::string& id, const RecoveredEntry& recovered, RecoveryOutcome& outcome)
{
    auto loaded = spool.load(id);
    if (!loaded) {
        switch (loaded.error().kind) {
        case LoadFailure::Kind::absent: ++outcome.lost_entries; break;
        case LoadFailure::Kind::bad: outcome.damaged.emplace_back(id, loaded.error().why); break;
        case LoadFailure::Kind::busy: outcome.failure = id + ": " + loaded.error().why; break;
        }
        return;
    }
    for (const auto& change : recovered.changes) {
        if (!apply(change, loaded->entry)) continue;
        if (auto appended = spool.append(change, 0); !appended) outcome.failure = id + ": " + appended.error().name();
    }
    outcome.entries.push_back(std::move(loaded->entry));
}

void recover_all(Spool& spool, const std::map<std::string, RecoveredEntry>& recovered, RecoveryOutcome& outcome)
{
    for (const auto& [id, entry] : recovered) {
        if (!outcome.failure.empty()) return;
        if (entry.is_ended) {
            if (auto gone = spool.remove(id); !gone) outcome.failure = id + ": " + gone.error().name();
            outcome.ended.push_back(id);
        } else if (entry.arrival != nullptr) {
            recover_accepted(spool, entry, outcome);
        } else {
            recover_changed(spool, id, entry, outcome);
        }
    }
}

}  // namespace

// Said once, however often it is tried.
bool Queue::State::cannot_recover(std::string why)
{
    if (why != recovery_trouble) ground.log.error("the queue does not begin", {{"why", why}});
    recovery_trouble = std::move(why);
    return false;
}

co::Task<bool> Queue::recover(std::vector<RecoveredArrival> arrivals, std::vector<std::string> records)
{
    State& state = *state_;
    if (!state.schedule) {
        auto open = [&state] { return state.open_files(); };
        const bool is_open = co_await state.times.run(net::WorkClass::delivery, std::move(open));
        if (!is_open) co_return false;
    }
    std::map<std::string, RecoveredEntry> recovered;
    std::size_t unknown = 0;
    for (auto& arrival : arrivals) {
        if (is_entry_id(arrival.arrival.id)) recovered[arrival.arrival.id].arrival = &arrival;
        else ++unknown;
    }
    for (const auto& bytes : records) {
        auto record = decode_record(bytes);
        if (!record) {
            ++unknown;
        } else if (auto* change = std::get_if<Change>(&*record)) {
            recovered[change->id].changes.push_back(std::move(*change));
        } else {
            recovered[std::get<Ended>(*record).id].is_ended = true;
        }
    }
    if (unknown != 0) {
        co_return state.cannot_recover("the journal holds " + std::to_string(unknown) + (unknown == 1 ? " record" : " records") +
                                       " of the queue that this version does not know; start the version of mailboxd that wrote " +
                                       (unknown == 1 ? "it" : "them"));
    }
    RecoveryOutcome outcome;
    auto job = [&state, &recovered, &outcome] { recover_all(state.spool, recovered, outcome); };
    co_await state.files.run(net::WorkClass::delivery, std::move(job));
    if (!outcome.failure.empty()) {
        co_return state.cannot_recover("the queue cannot be recovered from the journal: " + outcome.failure);
    }
    state.recovery_trouble.clear();
    for (const auto& id : outcome.ended) state.rows.emplace_back(DropEntry{id});
    for (const auto& [id, why] : outcome.damaged) state.set_aside(id, why);
    for (auto& entry : outcome.entries) {
        state.rows.emplace_back(DropEntry{entry.id});
        const LivePtr made = state.make_live(std::move(entry));
        made->is_settled = true;
        state.put_rows(*made);
        state.take_holds(made);
        state.end_if_over(made);
        state.release(made);
    }
    co_await state.tasks.finished();
    const bool is_scheduled = co_await state.flush(true);
    if (!arrivals.empty() || !records.empty()) {
        state.ground.log.info("the queue was recovered from the journal",
                              {{"messages", outcome.entries.size()}, {"ended", outcome.ended.size()}});
    }
    // Without its rows the entries would only be found by the sweep, which runs at every start.
    (void)is_scheduled;
    co_return true;
}

}  // namespace mbx::queue
