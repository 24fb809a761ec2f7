// Store: what the journal of the last run and the parked files still hold is applied to each account before anybody asks
// it anything; a background task opens them all, so that checkpoints can pass.
#include <algorithm>
#include <utility>

#include "store/store_state.hpp"

namespace mbx::store {

namespace {

// Segments of the journal count from the bottom.
constexpr std::uint64_t kParkedSegments = UINT64_MAX / 2;
constexpr std::string_view kSpoolStem = "in-";   // large messages on their way in
constexpr std::string_view kSharedStem = "one-";  // AcceptedMessage::spooled()
constexpr int kReplaysAtOnce = 2;

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
        const bool is_ours = entry.name.starts_with(kSpoolStem) || entry.name.starts_with(kSharedStem);
        if (!is_ours || entry.kind != FileKind::regular || named.contains(entry.name)) continue;
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
        // Of a message that the same file says to be placed the bytes are needed, should its own be lost.
        for (const auto& file : work.files) {
            for (const auto& record : file.records) {
                if (const auto* found = std::get_if<PlacedRecord>(&record.record)) placed.insert(found->accepted);
            }
        }
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
        if (const auto placed = account.place(*message)) {
            outcome.placed.push_back({message->record().trace_id, *placed});
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
    for (const auto& placed : outcome.placed) trace_placed(key, placed.trace_id, placed.where);
    placed_counter.add(outcome.placed.size());
    replayed_rows.add(outcome.replayed.rows);
    repaired_files.add(outcome.replayed.repaired);
    const auto closing = std::make_shared<Closing>();
    std::set<Lsn> in_files;
    std::set<std::string> paths;
    for (const auto& file : work.files) {
        paths.insert(file.path);
        for (const auto& record : file.records) in_files.insert(record.lsn);
    }
    for (auto& message : outcome.unplaced) {
        if (in_files.contains(message->lsn())) {
            closing->unplaced.push_back(std::move(message));
        } else {
            auto one = checkpoints->floor().hold(message->lsn());
            add_stuck(key, std::move(message), std::move(one));
        }
    }
    log.notice("store: applied what was left of an account",
               {{"account", key.local_part + "@" + key.domain}, {"records", work.records.size()},
                {"placed", outcome.placed.size()}, {"rows", outcome.replayed.rows}, {"repaired", outcome.replayed.repaired}});
    journal.recovered().accounts.erase(place);
    replay_holds.erase(place);
    replay_fails_since.erase(place);
    if (work.files.empty()) return;
    const auto is_owed = [](const ReplayRecord& record) { return std::holds_alternative<AcceptedRecord>(record.record); };
    const auto is_untouched = [&is_owed](const ParkedFile& file) {
        return file.done == 0 && std::ranges::all_of(file.records, is_owed);
    };
    // Nothing of it could be placed: the files stay as they are.
    if (outcome.placed.empty() && !closing->unplaced.empty() && std::ranges::all_of(work.files, is_untouched)) return;
    auto& left = parked[place];
    std::erase_if(left, [&paths](const ParkedFile& file) { return paths.contains(file.path); });
    if (left.empty()) parked.erase(place);
    closing->files = std::move(work.files);
    closing->key = key;
    // What was replayed has old numbers, which checkpoints have passed; the files are needed until one passes that began
    // after it was applied. A record that says nothing has a number for that.
    std::vector<journal::Payload> mark(1);
    mark.front().head = encode(VoidRecord{0});
    const Lsn marked = journal.journal().append(std::move(mark));
    closing->lsn = std::max({outcome.last_lsn, journal.journal().last(), marked});
    closing->hold = std::move(hold);
    tasks.spawn(close_in_background(closing));
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
    const std::string place = account_place(closing->key);
    if (!closing->unplaced.empty()) {
        std::vector<std::shared_ptr<const AcceptedMessage>> messages = closing->unplaced;
        const bool is_parked = co_await write_parked(closing->key, std::move(messages));
        if (!is_parked) co_return false;
        closing->unplaced.clear();
    }
    for (auto& file : closing->files) {
        if (file.done != 0) continue;
        ParkedFile* target = &file;
        auto mark = [this, target, lsn = closing->lsn] { return parking.mark_done(*target, lsn); };
        const auto marked = co_await workers.run(net::WorkClass::delivery, std::move(mark));
        if (marked) continue;
        log.error("store: disk", {{"path", file.path}, {"error", marked.error().name()}});
        co_return false;
    }
    for (const auto& file : closing->files) {
        checkpoints->after(file.done, [this, file] { remove_done(file); });
    }
    closing->hold = {};
    co_return true;
}

void Store::State::remove_done(const ParkedFile& file)
{
    std::vector<std::string> spooled;
    for (const auto& record : file.records) {
        const auto* name = spool_name_of(record.record);
        if (name != nullptr && !name->empty() && !is_parked_spool(*name)) spooled.push_back(*name);
    }
    auto job = [this, file, spooled] {
        (void)parking.remove(file);
        for (const auto& name : spooled) (void)files.unlink(options.spool_directory + "/" + name);
    };
    workers.submit(net::WorkClass::bulk, std::move(job), [] {});
}

// On an open account parked files hold nothing but messages that are owed.
co::Task<void> Store::State::retry_place(std::string place)
{
    const auto parked_here = parked.find(place);
    if (parked_here == parked.end() || !retrying.insert(place).second) co_return;
    AccountKey key = parked_here->second.front().key;
    const auto it = entries.find(place);
    if (it == entries.end() || it->second.is_busy()) {
        (void)co_await store->account(std::move(key));
        retrying.erase(place);
        co_return;
    }
    const std::shared_ptr<Account> account = it->second.account;
    auto hold = checkpoints->floor().hold(journal.journal().last() + 1);
    PendingWork work = pending_of(place);
    auto job = [this, &work](AccountStore& target) { return place_owed(target, work); };
    auto outcome = co_await account->run(net::WorkClass::delivery, std::move(job));
    if (outcome) take_outcome(place, key, std::move(work), *std::move(outcome), std::move(hold));
    retrying.erase(place);
    note_counts();
}

co::Task<void> Store::State::retry_parked()
{
    std::vector<std::string> places;
    for (const auto& [place, parked_files] : parked) places.push_back(place);
    for (const auto& place : places) {
        if (is_stopping || journal.journal().has_failed()) co_return;
        co_await retry_place(place);
    }
}

co::Task<void> Store::State::replay_all()
{
    std::vector<std::pair<std::string, AccountKey>> left;
    for (const auto& [place, account] : journal.recovered().accounts) left.emplace_back(place, account.key);
    co::Scope beside;
    std::size_t next = 0;
    const auto work = [](State& state, const std::vector<std::pair<std::string, AccountKey>>& all,
                         std::size_t& at) -> co::Task<void> {
        while (at < all.size() && !state.is_stopping) {
            const auto& [place, key] = all[at++];
            co_await state.replay_one(place, key);
        }
    };
    for (int n = 0; n < kReplaysAtOnce; ++n) beside.spawn(work(*this, left, next));
    co_await beside.finished();
    // Their bodies are nobody's to wait for any more: a checkpoint lets the journal forget them.
    checkpoints->nudge();
}

co::Task<void> Store::State::replay_one(const std::string& place, AccountKey key)
{
    if (!replay_holds.contains(place)) co_return;
    const auto opened = co_await store->account(std::move(key));
    if (!opened && replay_holds.contains(place)) replay_fails_since.emplace(place, clock.steady());
}

// An account that cannot be opened at all: what the journal holds of it goes into a file of its own.
co::Task<void> Store::State::park_recovered(std::string place)
{
    const auto recovered = journal.recovered().accounts.find(place);
    if (recovered == journal.recovered().accounts.end() || entries.contains(place)) co_return;
    entries[place].phase = Phase::closing;
    const AccountKey key = recovered->second.key;
    const std::vector<ReplayRecord>& records = recovered->second.records;
    const auto body = [this](const ReplayRecord& record) -> Result<std::string, FileError> {
        if (!has_body(record.record)) return std::string();
        auto payload = journal.journal().read(record.location);
        if (!payload) return payload.error();
        return payload->substr(std::min<std::size_t>(record.body_offset, payload->size()));
    };
    auto write = [this, &key, &records, &body] { return parking.park(key, records, body); };
    auto file = co_await workers.run(net::WorkClass::delivery, std::move(write));
    if (file) {
        log.error("store: an account cannot be opened; what the journal holds of it is parked and tried again",
                  {{"account", key.local_part + "@" + key.domain}, {"records", records.size()}, {"path", file->path}});
        parked[place].push_back(*std::move(file));
        journal.recovered().accounts.erase(place);
        replay_holds.erase(place);
        replay_fails_since.erase(place);
    } else {
        log.error("store: mail cannot be parked", {{"account", key.local_part + "@" + key.domain},
                                                   {"error", file.error().name()}});
    }
    drop_entry(place);
    note_counts();
    settled.notify_all();
}

co::Task<void> Store::State::retry_replays()
{
    const auto now = clock.steady();
    const bool is_pressed = checkpoints->is_half_full();
    std::vector<std::pair<std::string, SteadyTime>> failing(replay_fails_since.begin(), replay_fails_since.end());
    for (const auto& [place, since] : failing) {
        const auto it = journal.recovered().accounts.find(place);
        if (it == journal.recovered().accounts.end()) continue;
        if (is_pressed || now - since >= options.park_after) {
            co_await park_recovered(place);
        } else {
            AccountKey key = it->second.key;
            co_await replay_one(place, std::move(key));
        }
    }
}

co::Task<void> Store::State::keep_retrying()
{
    auto parked_tried = clock.steady();
    while (!is_stopping) {
        (void)co_await retry_timer.wait(options.retry_delivery);
        if (is_stopping || journal.journal().has_failed()) continue;
        co_await retry_deliveries();
        co_await retry_replays();
        co_await put_idle_away();
        if (clock.steady() - parked_tried < options.retry_parked) continue;
        co_await retry_parked();
        parked_tried = clock.steady();
    }
}

}  // namespace mbx::store
