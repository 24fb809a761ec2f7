// Store: accounts are opened, committed, put away.
#include "store/store.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/mailbox_name.hpp"
#include "store/store_state.hpp"

namespace mbx::store {

namespace {

constexpr std::uint32_t kPlaceMode = 0700;
constexpr const char* kRemoved = "/.removed";
// After this time without a committed index an account goes on without one: it is rebuilt from the names.
constexpr std::chrono::seconds kCommitPatience{10};

Result<void, StoreError> disk_outcome(const Log& log, const std::string& path, const Result<void, FileError>& done)
{
    if (done || done.error().code == EEXIST) return {};
    log.error("store: disk", {{"path", path}, {"error", done.error().name()}});
    return done.error().is_no_space() ? StoreError::no_space : StoreError::io;
}

// Makes `root` + `below`, level by level, durably.
Result<void, StoreError> make_path(FileSystem& files, const Log& log, const std::string& root,
                                   const std::vector<std::string>& below)
{
    std::string path = root;
    if (auto done = disk_outcome(log, path, files.make_directory(path, kPlaceMode)); !done) return done;
    for (const auto& level : below) {
        const std::string parent = path;
        path += "/" + level;
        const auto made = files.make_directory(path, kPlaceMode);
        if (auto done = disk_outcome(log, path, made); !done) return done;
        if (!made) continue;
        if (auto done = disk_outcome(log, parent, files.sync_directory(parent)); !done) return done;
    }
    return {};
}

std::string directory_beside(const std::string& root, const std::string& name)
{
    const auto slash = root.rfind('/');
    return (slash == std::string::npos ? std::string() : root.substr(0, slash + 1)) + name;
}

StoreOptions with_defaults(StoreOptions options)
{
    if (options.spool_directory.empty()) options.spool_directory = directory_beside(options.root, "spool");
    if (options.parked_directory.empty()) options.parked_directory = directory_beside(options.root, "parked");
    return options;
}

// What cannot be opened cannot be synced either: the first checkpoint says so, and ends the service.
class UnopenedVolume final : public Volume {
public:
    explicit UnopenedVolume(FileError error) : error_(error) {}
    Result<void, FileError> sync() override { return error_; }

private:
    FileError error_;
};

// The file systems of mail and spool, which are one more often than not.
std::vector<std::shared_ptr<Volume>> open_volumes(FileSystem& files, const Log& log, const StoreOptions& options)
{
    std::vector<std::shared_ptr<Volume>> volumes;
    for (const auto& path : {options.root, options.spool_directory}) {
        (void)disk_outcome(log, path, files.make_directory(path, kPlaceMode));
        auto volume = files.open_volume(path);
        if (volume) {
            volumes.push_back(*std::move(volume));
        } else {
            log.error("store: disk", {{"path", path}, {"error", volume.error().name()}});
            volumes.push_back(std::make_shared<UnopenedVolume>(volume.error()));
        }
    }
    return volumes;
}

}  // namespace

Store::State::State(net::Loop& loop_in, FileSystem& files_in, net::Workers& workers_in, MailJournal& journal_in,
                    const Clock& clock_in, Random& random_in, Metrics& metrics, Log log_in, StoreOptions options_in,
                    std::function<void()> failed)
    : loop(loop_in), files(files_in), workers(workers_in), journal(journal_in), clock(clock_in), random(random_in),
      log(std::move(log_in)), options(with_defaults(std::move(options_in))), parking(files, options.parked_directory),
      volumes(open_volumes(files, log, options)), retry_timer(loop), rest_timer(loop),
      open_gauge(metrics.gauge("mailboxd_store_open_accounts", "Accounts that are open, resting ones too")),
      owed_gauge(metrics.gauge("mailboxd_store_owed_messages", "Accepted messages that a recipient's mailbox does not have yet")),
      parked_gauge(metrics.gauge("mailboxd_store_parked", "Accounts with mail that could not be applied and is parked")),
      replays_gauge(metrics.gauge("mailboxd_store_replays_left", "Accounts whose records of the last run are not applied yet")),
      rests_counter(metrics.counter("mailboxd_store_rests_total", "Indexes that were closed because nobody used their open account")),
      placed_counter(metrics.counter("mailboxd_store_replay_placed_total", "Messages of the last run that were placed after a start")),
      replayed_rows(metrics.counter("mailboxd_store_replay_rows_total", "Changes of the last run that an index did not have")),
      repaired_files(metrics.counter("mailboxd_store_replay_repaired_total", "Message files that a crash had lost or torn"))
{
    auto commit = [this] { return commit_all(); };
    checkpoints = std::make_unique<Checkpoints>(
        Checkpoints::Ground{loop, workers, clock, metrics, log, journal.journal(), journal.waiters(),
                            volumes},
        std::move(commit), options.checkpoints, std::move(failed));
}

Store::Store(net::Loop& loop, FileSystem& files, net::Workers& workers, MailJournal& journal, const Clock& clock,
             Random& random, Metrics& metrics, Log log, StoreOptions options, std::function<void()> failed)
    : state_(std::make_unique<State>(loop, files, workers, journal, clock, random, metrics, std::move(log),
                                     std::move(options), std::move(failed)))
{
    state_->store = this;
    state_->take_over();
}

Store::~Store() = default;

std::size_t Store::open_accounts() const { return state_->entries.size(); }
void Store::commit_with(Checkpoints::Commit other) { state_->commit_other = std::move(other); }
Checkpoints& Store::checkpoints() { return *state_->checkpoints; }
MailJournal& Store::journal() { return state_->journal; }
const std::string& Store::root() const { return state_->options.root; }

void Store::set_recorder(trace::Recorder* recorder) { state_->recorder = recorder; }
trace::Recorder* Store::recorder() const { return state_->recorder; }

void Store::set_quotas(std::function<QuotaLimits(const AccountKey&)> quotas)
{
    state_->quotas = std::move(quotas);
    quotas_changed();
}

QuotaLimits Store::quota(const AccountKey& key) const { return state_->quotas ? state_->quotas(key) : QuotaLimits{}; }

void Store::quotas_changed()
{
    const auto change = [](std::shared_ptr<Account> account, QuotaLimits limits) -> co::Task<void> {
        auto job = [limits](AccountStore& store) {
            store.set_quota(limits);
            return true;
        };
        (void)co_await account->run(net::WorkClass::interactive, std::move(job));
    };
    for (auto& [place, entry] : state_->entries) {
        if (entry.account) state_->tasks.spawn(change(entry.account, quota(entry.account->key())));
    }
}

void Store::State::note_counts()
{
    open_gauge.set(static_cast<std::int64_t>(entries.size()));
    owed_gauge.set(static_cast<std::int64_t>(owed));
    parked_gauge.set(static_cast<std::int64_t>(parked.size()));
    replays_gauge.set(static_cast<std::int64_t>(replay_holds.size()));
}

std::vector<std::shared_ptr<Account>> Store::opened() const
{
    std::vector<std::shared_ptr<Account>> all;
    for (const auto& [name, entry] : state_->entries) {
        if (!entry.is_busy()) all.push_back(entry.account);
    }
    return all;
}

void Store::State::touch(const std::string& place, Entry& entry)
{
    auto used = by_use.extract(entry.used);
    entry.used = ++uses;
    entry.used_at = clock.steady();
    if (used.empty()) {
        by_use.emplace(entry.used, place);
        return;
    }
    used.key() = entry.used;
    by_use.insert(by_use.end(), std::move(used));
}

void Store::State::drop_entry(const std::string& place)
{
    const auto it = entries.find(place);
    if (it == entries.end()) return;
    by_use.erase(it->second.used);
    entries.erase(it);
}

std::map<std::string, Store::State::Entry>::iterator Store::State::oldest_idle()
{
    for (const auto& [used, place] : by_use) {
        const auto it = entries.find(place);
        if (!it->second.is_busy() && it->second.account.use_count() == 1) return it;
    }
    return entries.end();
}

// False: its rows could not be committed, and it stays.
co::Task<bool> Store::State::put_away(std::string place)
{
    Entry& entry = entries[place];
    const std::shared_ptr<Account> account = entry.account;
    entry.phase = Phase::closing;
    auto settle = [](AccountStore& store) {
        auto done = store.commit_index();
        if (done) store.settle();
        return done;
    };
    const auto done = co_await account->run(net::WorkClass::delivery, std::move(settle));
    // Busy entries are left alone by everybody else, so it is still there and nobody else holds it.
    if (done) {
        drop_entry(place);
    } else {
        entries[place].phase = Phase::open;
        touch(place, entries[place]);
    }
    note_counts();
    settled.notify_all();
    co_return bool(done);
}

// Puts idle accounts away, the longest unused first. Those in use stay, however many they are.
co::Task<void> Store::State::make_room()
{
    while (entries.size() > options.max_open_accounts) {
        const auto oldest = oldest_idle();
        if (oldest == entries.end()) co_return;
        std::string place = oldest->first;
        const bool is_away = co_await put_away(std::move(place));
        if (!is_away) co_return;
    }
}

// Gives memory back when a busy hour is over.
co::Task<void> Store::State::put_idle_away()
{
    while (!is_stopping && entries.size() > options.kept_accounts) {
        const auto oldest = oldest_idle();
        if (oldest == entries.end() || clock.steady() - oldest->second.used_at < options.idle_account) co_return;
        std::string place = oldest->first;
        const bool is_away = co_await put_away(std::move(place));
        if (!is_away) co_return;
    }
}

struct Store::State::Opening {
    AccountKey key;
    PendingWork work;
    QuotaLimits quota;
    std::unique_ptr<AccountStore> store;
    WorkOutcome outcome;
    CheckpointFloor::Hold hold;
};

// What is left of the last run is the account's first work, before anybody asks it anything.
Result<void, StoreError> Store::State::open(Opening& opening)
{
    const auto made = make_path(files, log, options.root, {path_component(opening.key.domain)});
    if (!made) return made.error();
    JournalSeat seat = journal.seat();
    seat.recorder = recorder;
    auto opened = AccountStore::open(files, options.root + "/" + account_place(opening.key), opening.key,
                                     seat, clock, random, log, options.account);
    if (!opened) return opened.error();
    opening.store = *std::move(opened);
    if (!opening.work.is_empty()) {
        const Replay replay = replay_of(opening.work);
        const auto replayed = opening.store->replay(replay);
        if (!replayed) return replayed.error();
        auto placed = place_owed(*opening.store, opening.work);
        if (!placed) return placed.error();
        opening.outcome = *std::move(placed);
        opening.outcome.replayed = *replayed;
    }
    opening.store->set_quota(opening.quota);
    // Known figures may lack a folder that is still to be rebuilt; a limit is to be compared with all of them.
    if (opening.quota.bytes != 0 || opening.quota.messages != 0) (void)opening.store->usage();
    opening.store->spare_descriptors();
    return {};
}

co::Task<Result<std::shared_ptr<Account>, StoreError>> Store::account(AccountKey key)
{
    State& state = *state_;
    const std::string place = account_place(key);
    while (true) {
        const auto it = state.entries.find(place);
        if (it == state.entries.end()) break;
        state.touch(place, it->second);
        if (!it->second.is_busy()) co_return it->second.account;
        co_await state.settled.wait();
    }
    state.entries[place].phase = State::Phase::opening;
    State::Opening opening;
    opening.key = std::move(key);
    // What opening appends is in nobody's committed index until the account is open, where commit_all() sees it.
    opening.hold = state.checkpoints->floor().hold(state.journal.journal().last() + 1);
    co_await state.make_room();
    opening.work = state.pending_of(place);
    opening.quota = quota(opening.key);
    auto job = [&state, &opening] { return state.open(opening); };
    const auto opened = co_await state.workers.run(net::WorkClass::delivery, std::move(job));
    if (!opened) {
        state.drop_entry(place);
        state.note_counts();
        state.settled.notify_all();
        co_return opened.error();
    }
    state.enter(place, opening);
    co_return state.entries[place].account;
}

void Store::State::enter(const std::string& place, Opening& opening)
{
    Entry& entry = entries[place];
    auto changed = [this](const AccountKey& key, const AccessLists& lists) { shared.note(key, lists); };
    entry.account = std::make_shared<Account>(opening.key, workers, journal.waiters(), std::move(opening.store), std::move(changed));
    entry.account->watch_directories(options.watch_directories);
    entry.phase = Phase::open;
    touch(place, entry);
    entry.committed_jobs = opening.work.is_empty() ? 0 : UINT64_MAX;  // the replay is uncommitted work
    take_outcome(place, opening.key, std::move(opening.work), std::move(opening.outcome), std::move(opening.hold));
    auto held_back = waiting.extract(place);
    if (!held_back.empty()) {
        under_way -= held_back.mapped().size();
        for (auto& delivery : held_back.mapped()) enqueue(entry.account, std::move(delivery));
    }
    note_counts();
    settled.notify_all();
}

// Every account that ran a job since its last commit. Those that are being opened have a hold of their own; those that are
// being put away commit by themselves and are waited for.
co::Task<bool> Store::State::commit_all()
{
    bool all_good = true;
    std::vector<std::pair<std::string, std::shared_ptr<Account>>> due;
    std::vector<std::string> closing;
    for (auto& [place, entry] : entries) {
        if (entry.phase == Phase::closing) closing.push_back(place);
        const bool is_due = entry.phase == Phase::open && entry.account->jobs() != entry.committed_jobs;
        if (is_due) due.emplace_back(place, entry.account);
    }
    co::Scope beside;
    for (auto& [place, account] : due) beside.spawn(commit_one(place, account, &all_good));
    co_await beside.finished();
    for (const auto& place : closing) {
        while (true) {
            const auto it = entries.find(place);
            if (it == entries.end() || it->second.phase != Phase::closing) break;
            co_await settled.wait();
        }
        const auto it = entries.find(place);
        if (it == entries.end() || it->second.phase == Phase::opening) continue;
        co_await commit_one(place, it->second.account, &all_good);
    }
    if (commit_other) {
        const bool is_good = co_await commit_other();
        all_good = all_good && is_good;
    }
    // What the records below the checkpoint were traced by is written with them, or is lost with or without it.
    if (recorder != nullptr) co_await recorder->settle();
    co_return all_good;
}

co::Task<void> Store::State::commit_one(std::string place, std::shared_ptr<Account> account, bool* all_good)
{
    const std::uint64_t jobs = account->jobs() + 1;  // with this one
    auto commit = [](AccountStore& store) { return store.commit_index(); };
    const auto done = co_await account->run(net::WorkClass::delivery, std::move(commit));
    const auto it = entries.find(place);
    if (it == entries.end() || it->second.account != account) {
        *all_good = *all_good && done;
        co_return;
    }
    if (done) {
        it->second.committed_jobs = jobs;
        it->second.commit_fails_since.reset();
        co_return;
    }
    const auto now = clock.steady();
    if (!it->second.commit_fails_since) it->second.commit_fails_since = now;
    if (now - *it->second.commit_fails_since < kCommitPatience || journal.journal().has_failed()) {
        *all_good = false;
        co_return;
    }
    co_await give_up_index(std::move(place), std::move(account));
    *all_good = false;  // the next one passes
}

// The index is a cache: without it the account is rebuilt from its names, which the next checkpoint syncs. Sessions that
// hold the account get errors and come again.
co::Task<void> Store::State::give_up_index(std::string place, std::shared_ptr<Account> account)
{
    const auto it = entries.find(place);
    if (it == entries.end() || it->second.is_busy()) co_return;
    it->second.phase = Phase::closing;
    auto retire = [](AccountStore& store) {
        store.retire();
        return true;
    };
    (void)co_await account->run(net::WorkClass::delivery, std::move(retire));
    const std::string file = options.root + "/" + place + "/index.db";
    auto rename = [this, file]() -> Result<void, FileError> {
        Result<void, FileError> outcome;
        for (const char* part : {"-wal", "-shm", ""}) {
            auto done = files.rename(file + part, file + ".given-up" + part);
            if (!done && !done.error().is_absent()) outcome = done;
        }
        return outcome;
    };
    const auto renamed = co_await workers.run(net::WorkClass::delivery, std::move(rename));
    log.error("store: an index could not be committed; the account is rebuilt from its file names",
              {{"path", file}, {"set_aside", static_cast<bool>(renamed)}});
    drop_entry(place);
    note_counts();
    settled.notify_all();
}

Result<std::string, StoreError> Store::State::move_aside(const AccountKey& key)
{
    const std::string from = options.root + "/" + account_place(key);
    const std::string domain = path_component(key.domain);
    if (const auto info = files.info(from); !info && info.error().is_absent()) return StoreError::no_such_mailbox;
    const std::string removed = kRemoved + 1;
    if (auto made = make_path(files, log, options.root, {removed, domain}); !made) return made.error();
    const std::string stem = options.root + kRemoved + "/" + domain + "/" + path_component(key.local_part) + "-" +
                             std::to_string(key.id) + "-";
    int n = 1;
    while (files.info(stem + std::to_string(n))) ++n;
    const std::string to = stem + std::to_string(n);
    const std::string target_parent = options.root + kRemoved + "/" + domain;
    if (auto done = disk_outcome(log, from, files.rename(from, to)); !done) return done.error();
    for (const auto& parent : {target_parent, options.root + "/" + domain}) {
        if (auto done = disk_outcome(log, parent, files.sync_directory(parent)); !done) return done.error();
    }
    return to;
}

// From its number on earlier records of the account mean nothing, whatever becomes of the name; so what they would make
// good after a crash is synced before.
co::Task<bool> Store::State::write_removal(const AccountKey& key)
{
    auto sync = [this] {
        return std::ranges::all_of(volumes, [](const auto& volume) { return static_cast<bool>(volume->sync()); });
    };
    const bool is_synced = co_await workers.run(net::WorkClass::interactive, std::move(sync));
    if (!is_synced) co_return false;
    std::vector<journal::Payload> together(1);
    together.front().head = encode(AccountRemovedRecord{key});
    const Lsn lsn = journal.journal().append(std::move(together));
    if (lsn == 0) co_return false;
    co_return co_await journal.waiters().durable(lsn);
}

// What is owed to the account goes with it, as far as it is placed; the rest of it has no place any more.
co::Task<Result<std::string, StoreError>> Store::set_aside(AccountKey key)
{
    State& state = *state_;
    const std::string place = account_place(key);
    if (state.replay_holds.contains(place) || state.parked.contains(place)) {
        AccountKey copy = key;
        (void)co_await account(std::move(copy));
    }
    while (true) {
        const auto it = state.entries.find(place);
        if (it == state.entries.end() || !it->second.is_busy()) break;
        co_await state.settled.wait();
    }
    State::Entry& entry = state.entries[place];
    entry.phase = State::Phase::closing;
    // Sessions that still hold it get errors from here on, not the mail of whoever has the name next.
    const std::shared_ptr<Account> account = entry.account;
    if (account) {
        auto retire = [](AccountStore& store) {
            (void)store.commit_index();
            store.retire();
            return true;
        };
        (void)co_await account->run(net::WorkClass::interactive, std::move(retire));
    }
    Result<std::string, StoreError> moved = StoreError::io;
    const bool is_removed = co_await state.write_removal(key);
    if (is_removed) {
        auto job = [&state, &key] { return state.move_aside(key); };
        moved = co_await state.workers.run(net::WorkClass::interactive, std::move(job));
    }
    state.forget_account(place);
    state.shared.forget(key.id);
    state.drop_entry(place);
    state.note_counts();
    state.settled.notify_all();
    co_return moved;
}

}  // namespace mbx::store
