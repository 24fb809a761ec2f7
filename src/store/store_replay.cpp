// Store: what the journal of the last run and the parked files still hold is applied to each account before anybody asks
// it anything; a background task opens them all, so that checkpoints can pass.
#include <algorithm>
#include <utility>

#include "store/store_state.hpp"

namespace mbx::store {

namespace {

// Segments of the journal count from the bottom.
constexpr std::uint64_t kParkedSegments = UINT64_MAX / 2;
constexpr std::string_view kSpoolStem = "in-";

bool has_body(const JournalRecord& record)
{
    if (const auto* accepted = std::get_if<AcceptedRecord>(&record)) return accepted->spool_name.empty();
    const auto* placed = std::get_if<PlacedRecord>(&record);
    return placed != nullptr && placed->source == PlacedRecord::Source::body;
}

const std::string* spool_name_of(const JournalRecord& record)
{
    if (const auto* accepted = std::get_if<AcceptedRecord>(&record)) return &accepted->spool_name;
    if (const auto* placed = std::get_if<PlacedRecord>(&record)) return &placed->spool_name;
    return nullptr;
}

// Accepted messages that no record says to be placed.
std::vector<const ReplayRecord*> owed_of(const PendingWork& work)
{
    std::set<Lsn> placed;
    for (const auto& record : work.records) {
        if (const auto* it = std::get_if<PlacedRecord>(&record.record)) placed.insert(it->accepted);
    }
    std::vector<const ReplayRecord*> owed;
    for (const auto& record : work.records) {
        if (std::holds_alternative<AcceptedRecord>(record.record) && !placed.contains(record.lsn)) owed.push_back(&record);
    }
    return owed;
}

}  // namespace

void Store::State::take_over()
{
    auto& recovered = journal.recovered();
    const auto& recovery = journal.journal().recovery();
    auto found = parking.load(recovery.checkpoint);
    std::set<std::string> named = recovered.spool_names;
    if (!found) {
        log.error("store: parked mail cannot be read", {{"path", options.parked_directory}, {"error", found.error().name()}});
    } else {
        for (const auto& path : found->damaged) log.error("store: a file of parked mail is damaged", {{"path", path}});
        for (auto& file : found->files) {
            for (const auto& record : file.records) {
                const auto* name = spool_name_of(record.record);
                if (name != nullptr) named.insert(*name);
            }
            parked[account_place(file.key)].push_back(std::move(file));
        }
    }
    for (const auto& [place, account] : recovered.accounts) {
        replay_holds.emplace(place, checkpoints->floor().hold(account.records.front().lsn));
    }
    sweep_spool(named);
    if (!recovered.spool_names.empty()) {
        auto drop = [this, names = recovered.spool_names] {
            for (const auto& name : names) {
                if (is_parked_spool(name)) continue;
                auto job = [this, path = options.spool_directory + "/" + name] { (void)files.unlink(path); };
                workers.submit(net::WorkClass::bulk, std::move(job), [] {});
            }
        };
        checkpoints->after(recovery.end, std::move(drop));
    }
    note_counts();
}

// What no record names was never acknowledged, or is in the mailboxes.
void Store::State::sweep_spool(const std::set<std::string>& named)
{
    const auto found = files.list(options.spool_directory);
    if (!found) {
        if (!found.error().is_absent()) {
            log.error("store: disk", {{"path", options.spool_directory}, {"error", found.error().name()}});
        }
        return;
    }
    std::size_t removed = 0;
    for (const auto& entry : *found) {
        const bool is_ours = entry.name.starts_with(kSpoolStem) && entry.kind == FileKind::regular;
        if (!is_ours || named.contains(entry.name)) continue;
        if (files.unlink(options.spool_directory + "/" + entry.name)) ++removed;
    }
    if (removed != 0) log.notice("store: removed what was under way when the daemon ended", {{"files", removed}});
}

bool Store::State::is_parked_spool(const std::string& name) const
{
    if (name.empty()) return false;
    for (const auto& [place, parked_files] : parked) {
        for (const auto& file : parked_files) {
            const auto names_it = [&name](const ReplayRecord& record) {
                const auto* other = spool_name_of(record.record);
                return other != nullptr && *other == name;
            };
            if (std::ranges::any_of(file.records, names_it)) return true;
        }
    }
    return false;
}

// The journal's records and those of parked files as one history. Messages of a file that is done were placed: where
// their PlacedRecord is not here any more a checkpoint has passed it.
PendingWork Store::State::pending_of(const std::string& place) const
{
    PendingWork work;
    std::map<Lsn, ReplayRecord> records;
    std::set<Lsn> placed;
    const auto& recovered = journal.recovered().accounts;
    if (const auto it = recovered.find(place); it != recovered.end()) {
        for (const auto& record : it->second.records) {
            records.emplace(record.lsn, record);
            if (const auto* found = std::get_if<PlacedRecord>(&record.record)) placed.insert(found->accepted);
        }
    }
    if (const auto it = parked.find(place); it != parked.end()) {
        work.files = it->second;
        for (std::size_t n = 0; n < work.files.size(); ++n) {
            const ParkedFile& file = work.files[n];
            for (const auto& record : file.records) {
                const bool is_over = file.done != 0 && !placed.contains(record.lsn);
                if (is_over && std::holds_alternative<AcceptedRecord>(record.record)) continue;
                ReplayRecord copy = record;
                copy.location.segment = kParkedSegments + n;
                records.emplace(record.lsn, std::move(copy));
            }
        }
    }
    for (auto& [lsn, record] : records) work.records.push_back(std::move(record));
    return work;
}

Replay Store::State::replay_of(const PendingWork& work)
{
    Replay replay;
    replay.records = work.records;
    replay.spool_directory = options.spool_directory;
    replay.body = [this, &work](const ReplayRecord& record) -> Result<std::string, FileError> {
        if (record.location.segment >= kParkedSegments) {
            return parking.body(work.files[record.location.segment - kParkedSegments], record);
        }
        auto payload = journal.journal().read(record.location);
        if (!payload) return payload.error();
        return payload->substr(std::min<std::size_t>(record.body_offset, payload->size()));
    };
    return replay;
}

// Bodies first for what is parked: nothing tells the next try of this run which of them were placed by this one. The
// journal's are read as they come; when it cannot be read the process ends, and its next start finds the PlacedRecords.
Result<WorkOutcome, StoreError> Store::State::place_owed(AccountStore& account, const PendingWork& work)
{
    const Replay replay = replay_of(work);
    std::map<Lsn, std::shared_ptr<const std::string>> parked_bodies;
    const auto owed_records = owed_of(work);
    const auto read = [&](const ReplayRecord& record) -> Result<std::shared_ptr<const std::string>, FileError> {
        if (!has_body(record.record)) return std::shared_ptr<const std::string>();
        auto bytes = replay.body(record);
        if (!bytes) return bytes.error();
        return std::shared_ptr<const std::string>(std::make_shared<const std::string>(*std::move(bytes)));
    };
    for (const auto* record : owed_records) {
        if (record->location.segment < kParkedSegments) continue;
        auto bytes = read(*record);
        if (!bytes) {
            log.error("store: parked mail cannot be read", {{"error", bytes.error().name()}});
            return StoreError::io;
        }
        parked_bodies[record->lsn] = *std::move(bytes);
    }
    WorkOutcome outcome;
    for (const auto* record : owed_records) {
        std::shared_ptr<const std::string> body;
        if (const auto it = parked_bodies.find(record->lsn); it != parked_bodies.end()) {
            body = it->second;
        } else {
            auto bytes = read(*record);
            if (!bytes) {
                log.error("store: the journal cannot be read", {{"error", bytes.error().name()}});
                outcome.is_journal_unreadable = true;
                break;
            }
            body = *std::move(bytes);
        }
        auto message = std::make_shared<const AcceptedMessage>(record->lsn, std::get<AcceptedRecord>(record->record),
                                                               std::move(body), options.spool_directory);
        if (account.place(*message)) {
            ++outcome.placed;
        } else {
            outcome.unplaced.push_back(std::move(message));
        }
    }
    outcome.last_lsn = account.last_lsn();
    return outcome;
}

// The holds of what is still owed are taken before those of the whole are let go.
void Store::State::take_outcome(const std::string& place, const AccountKey& key, PendingWork work, WorkOutcome outcome,
                                CheckpointFloor::Hold hold)
{
    if (work.is_empty() && work.files.empty()) return;
    if (outcome.is_journal_unreadable) {
        checkpoints->give_up("the journal cannot be read");
        return;
    }
    placed_counter.add(outcome.placed);
    replayed_rows.add(outcome.replayed.rows);
    repaired_files.add(outcome.replayed.repaired);
    std::set<Lsn> in_files;
    for (const auto& file : work.files) {
        for (const auto& record : file.records) in_files.insert(record.lsn);
    }
    auto closing = std::make_shared<Closing>();
    for (auto& message : outcome.unplaced) {
        if (in_files.contains(message->lsn())) {
            closing->unplaced.push_back(std::move(message));
        } else {
            auto one = checkpoints->floor().hold(message->lsn());
            add_stuck(key, std::move(message), std::move(one));
        }
    }
    log.notice("store: applied what the last run left",
               {{"account", key.local_part + "@" + key.domain}, {"records", work.records.size()},
                {"placed", outcome.placed}, {"rows", outcome.replayed.rows}, {"repaired", outcome.replayed.repaired}});
    journal.recovered().accounts.erase(place);
    replay_holds.erase(place);
    replay_fails_since.erase(place);
    if (work.files.empty()) return;
    parked.erase(place);
    closing->files = std::move(work.files);
    closing->key = key;
    closing->lsn = outcome.last_lsn;
    closing->hold = std::move(hold);
    tasks.spawn(close_in_background(std::move(closing)));
}

co::Task<void> Store::State::close_in_background(std::shared_ptr<Closing> closing)
{
    const bool is_closed = co_await close_parked(closing);
    if (!is_closed) closings.push_back(std::move(closing));
}

// First the new records are durable, then what is still owed has a new file, then the old ones say that they are done,
// then checkpoints may go on; the files go when one has passed the records.
co::Task<bool> Store::State::close_parked(std::shared_ptr<Closing> closing)
{
    const bool is_durable = co_await journal.waiters().durable(closing->lsn);
    if (!is_durable) co_return false;
    if (!closing->unplaced.empty()) {
        auto hold = checkpoints->floor().hold(journal.journal().last() + 1);
        const std::string place = account_place(closing->key);
        for (auto& message : closing->unplaced) {
            auto one = checkpoints->floor().hold(message->lsn());
            add_stuck(closing->key, message, std::move(one));
        }
        closing->unplaced.clear();
        co_await park(place);
        if (stuck.contains(place)) {
            // Not parked: the old file is still the only place where they survive. Until it can be, nothing passes.
            co_return false;
        }
    } else if (stuck.contains(account_place(closing->key)) && closing->has_unplaced) {
        co_return false;
    }
    for (auto& file : closing->files) {
        if (file.done != 0 && !closing->has_unplaced && closing->lsn <= file.done) continue;
        ParkedFile* target = &file;
        auto mark = [this, target, lsn = closing->lsn] { return parking.mark_done(*target, lsn); };
        const auto marked = co_await workers.run(net::WorkClass::delivery, std::move(mark));
        if (!marked) {
            log.error("store: disk", {{"path", file.path}, {"error", marked.error().name()}});
            co_return false;
        }
    }
    co_return true;
}

}  // namespace mbx::store
