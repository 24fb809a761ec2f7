// AccountStore: its life, and the mailboxes as a whole.
#include <algorithm>
#include <utility>

#include "store/account_state.hpp"
#include "store/database_files.hpp"

namespace mbx::store {

AccountStore::AccountStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
AccountStore::~AccountStore() = default;

Result<std::unique_ptr<AccountStore>, StoreError> AccountStore::open(FileSystem& files, std::string path, AccountKey key,
                                                                     JournalSeat seat, const Clock& clock, Random& random,
                                                                     Log log, AccountStoreOptions options)
{
    auto state = std::make_unique<State>(files, std::move(path), std::move(key), seat, clock, random, std::move(log),
                                         options);
    if (auto done = state->open(); !done) return done.error();
    return std::unique_ptr<AccountStore>(new AccountStore(std::move(state)));
}

void AccountStore::settle()
{
    State& state = *state_;
    if (state.is_retired) return;
    // Their logs stay beside them: writing one back costs two syncs, and what a delivery costs must not depend on how many
    // accounts take turns.
    state.texts.reset();
    if (!state.index) return;
    const auto done = state.commit_index();
    state.index.reset();
    // Its rows end here, the names do not: better none than old ones. (After a failure of the journal the next start
    // replays what they lack.)
    if (!done && !state.seat.journal.has_failed()) (void)state.drop_index();
}

// A long log makes the next opening slow; its two syncs are waited for by nobody now.
void AccountStore::State::shorten_wal()
{
    constexpr std::uint64_t kLong = 256 * 1024;
    const auto wal = files.info(path + "/index.db-wal");
    if (wal && wal->size > kLong) index->checkpoint();
}

// Some that are no news are not saved when they change: the times of a look, a UID that a failed change took.
void AccountStore::State::save_all_counters()
{
    for (const auto& [id, saved] : index->mailboxes()) {
        Folder* folder = find_folder(id);
        if (folder != nullptr && !folder->counters.is_stale && folder->counters != saved) folder->is_unsaved = true;
    }
}

bool AccountStore::rest()
{
    State& state = *state_;
    if (state.is_retired || state.is_torn) return false;
    state.texts.reset();
    if (state.rested_at) return true;
    // What is known of names alone would be listed anew.
    const bool is_listed = std::ranges::any_of(state.folders, [](const auto& entry) { return entry.second.listed.has_value(); });
    if (is_listed || !state.has_good_index() || !state.index->take_up_files()) return false;
    for (auto& [id, folder] : state.folders) (void)state.end_changes(folder);
    state.save_all_counters();
    if (!state.commit_index() || !state.has_good_index()) return false;
    state.shorten_wal();
    state.rested_at = state.index->lsn();
    state.index.reset();
    return true;
}

void AccountStore::retire()
{
    state_->is_retired = true;
    state_->texts.reset();
    state_->index.reset();
}

void AccountStore::spare_descriptors()
{
    State& state = *state_;
    if (open_database_files() <= state.options.max_database_files) return;
    if (state.index) state.index->let_go_of_files();
    if (state.texts) state.texts->let_go_of_files();
}

std::set<MailboxId> AccountStore::end_job()
{
    constexpr unsigned kMostUncommitted = 1000;
    State& state = *state_;
    if (state.is_retired) return {};
    for (auto& [id, folder] : state.folders) State::pause_changes(folder);
    state.ahead = {};
    // What goes wrong is logged, and told by the next job.
    if (state.index && state.index->uncommitted_changes() >= kMostUncommitted) (void)state.commit_index();
    spare_descriptors();
    return std::exchange(state.changed, {});
}

std::uint64_t AccountStore::listings() const { return state_->listings; }

Lsn AccountStore::last_lsn() const { return state_->last_lsn; }

Lsn AccountStore::index_lsn() const { return state_->index ? state_->index->lsn() : state_->rested_at.value_or(0); }

bool AccountStore::has_uncommitted() const
{
    const auto is_unsaved = [](const auto& entry) { return entry.second.is_unsaved; };
    if (!state_->index) return false;
    return state_->index->has_uncommitted() || std::ranges::any_of(state_->folders, is_unsaved);
}

Result<void, StoreError> AccountStore::commit_index()
{
    if (state_->is_retired) return StoreError::io;
    return state_->commit_index();
}

void AccountStore::set_quota(QuotaLimits limits) { state_->quota = limits; }

bool AccountStore::State::has_children(std::string_view name) const
{
    const auto next = names.upper_bound(std::string(name) + "/");
    return next != names.end() && is_below(next->first, name);
}

MailboxInfo AccountStore::State::info(const Folder& folder) const
{
    MailboxInfo info;
    info.id = folder.id();
    info.name = folder.name;
    info.special_use = folder.record.special_use;
    info.subscribed = account.subscriptions.contains(folder.name);
    info.has_children = has_children(folder.name);
    return info;
}

std::vector<MailboxInfo> AccountStore::list() const
{
    (void)state_->ensure();
    std::vector<MailboxInfo> all;
    for (const auto& [name, id] : state_->names) all.push_back(state_->info(*state_->find_folder(id)));
    return all;
}

std::vector<std::string> AccountStore::subscriptions() const
{
    return {state_->account.subscriptions.begin(), state_->account.subscriptions.end()};
}

Result<MailboxInfo, StoreError> AccountStore::find(std::string_view name) const
{
    if (auto good = state_->ensure(); !good) return good.error();
    const Folder* folder = state_->find_folder(name);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    return state_->info(*folder);
}

Outcome AccountStore::State::check_new_name(const std::string& name) const
{
    switch (judge_name(name, limits())) {
    case NameVerdict::invalid: return StoreError::invalid_name;
    case NameVerdict::too_long: return StoreError::limit;
    case NameVerdict::good: break;
    }
    if (names.contains(name)) return StoreError::mailbox_exists;
    return {};
}

// A mailbox without a row is taken at the next start for one whose rows were lost, and its UIDNEXT jumps; it may change
// only when messages come (RFC 9051 section 2.3.1.1): so it is on the disk before anything comes into the mailbox, and a
// replay finds it. It is no more than that: without it nothing is lost.
void AccountStore::State::index_made(const std::vector<MailboxId>& made)
{
    if (!index) return;
    index->begin();
    for (const auto id : made) index->save_mailbox(id, folders.at(id).counters);
    if (const auto done = index->end(); !done) {
        (void)index_failed("indexing a new mailbox", done.error());
    } else if (commit_index()) {
        index->checkpoint();  // which syncs it
    }
}

// All that is missing is counted before the first of it is made (HOSTILE row F3: no half-made tree).
Outcome AccountStore::State::create_with_parents(const std::string& name, SpecialUse use)
{
    std::vector<std::string> missing;
    for (std::string level = name; !level.empty() && !names.contains(level); level = parent_name(level)) {
        missing.push_back(level);
    }
    if (folders.size() + missing.size() > options.max_mailboxes) return StoreError::limit;
    std::vector<MailboxId> made;
    Outcome outcome;
    for (auto level = missing.rbegin(); level != missing.rend() && outcome; ++level) {
        outcome = make_folder(*level, *level == name ? use : SpecialUse::none);
        if (outcome) made.push_back(names.at(*level));
    }
    if (outcome) outcome = sync_account();
    if (outcome) {
        index_made(made);
        inherit_access(made);
        changed.insert(made.begin(), made.end());
        return {};
    }
    while (!made.empty()) {
        const Folder folder = folders.at(made.back());
        remove_tree(folder_path(folder), 2);
        names.erase(folder.name);
        folders.erase(folder.id());
        made.pop_back();
    }
    is_torn = true;
    return outcome;
}

Result<MailboxInfo, StoreError> AccountStore::create(std::string_view name, SpecialUse use)
{
    if (auto good = state_->ensure(); !good) return good.error();
    const std::string wanted = normal_name(name);
    if (auto good = state_->check_new_name(wanted); !good) return good.error();
    if (auto done = state_->create_with_parents(wanted, use); !done) return done.error();
    return state_->info(*state_->find_folder(std::string_view(wanted)));
}

// As a whole into the undelete directory, with its name in its state: the directory no longer says it. No record names
// this, so the number in the new name is that of the last one that can speak of the mailbox.
Outcome AccountStore::State::put_away(Folder& folder)
{
    auto record = folder.record;
    record.name = folder.name;
    if (auto done = save_folder(folder, std::move(record)); !done) return done;
    const ExpungedName name{std::max(seat.journal.last(), Lsn{1}), now_seconds(), folder.id(), 0, {}};
    const std::string there = folder_path(folder);
    if (auto done = files.rename(there, expunged_path(format_expunged_name(name))); !done) {
        return failed("removing a mailbox", there, done.error());
    }
    auto done = sync_account();
    const std::string expunged = path + "/" + std::string(kExpungedDirectory);
    if (const auto synced = files.sync_directory(expunged); done && !synced) {
        done = failed("syncing a directory", expunged, synced.error());
    }
    if (!done) is_torn = true;
    return done;
}

Result<void, StoreError> AccountStore::remove(std::string_view name, const TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(name);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (folder->directory.empty()) return StoreError::not_permitted;
    if (state_->has_children(folder->name)) return StoreError::has_children;

    const auto id = folder->id();
    const std::string removed = folder->name;
    if (auto done = state_->put_away(*folder); !done) return done.error();
    state_->names.erase(folder->name);
    state_->folders.erase(id);
    state_->drop_access(id);  // RFC 4314 section 4
    state_->changed.insert(id);
    ++state_->listings;
    state_->index->begin();
    state_->index->remove_mailbox(id);
    // Rows without a folder are forgotten at the next open.
    if (auto done = state_->index->end(); !done) (void)state_->index_failed("forgetting a mailbox", done.error());
    state_->tell_act_of_mailboxes(act, MailboxActRecord::Kind::deleted, {{id, removed, {}}});
    return {};
}

Result<void, StoreError> AccountStore::rename(std::string_view from, std::string_view to, TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(from);
    const std::string target = normal_name(to);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto good = state_->check_new_name(target); !good) return good.error();
    const std::string source = folder->name;
    if (is_below(target, source) && source != "INBOX") return StoreError::not_permitted;

    if (source == "INBOX") {
        // RFC 9051 section 6.3.6: the messages move, INBOX stays and is empty, its children stay where they are.
        if (auto done = state_->create_with_parents(target, SpecialUse::none); !done) return done.error();
        if (auto done = state_->copy_annotations(source, target); !done) return done.error();
        const UidSet all{{1, UINT32_MAX}};
        if (auto synced = state_->refresh(*state_->find_folder(source)); !synced) return synced.error();
        auto moved = state_->transfer(state_->names.at(source), all, target, true, act);
        if (!moved) return moved.error();
        return {};
    }
    const std::string parent = parent_name(target);
    if (!parent.empty() && !state_->names.contains(parent)) {
        if (auto done = state_->create_with_parents(parent, SpecialUse::none); !done) return done.error();
    }
    return state_->rename_tree(source, target, act);
}

Result<void, StoreError> AccountStore::subscribe(std::string_view name, bool on)
{
    if (auto good = state_->ensure(); !good) return good.error();
    const std::string wanted = normal_name(name);
    auto record = state_->account;
    if (on) {
        if (judge_name(wanted, state_->limits()) != NameVerdict::good) return StoreError::invalid_name;
        if (record.subscriptions.size() >= 2 * state_->options.max_mailboxes) return StoreError::limit;
        record.subscriptions.insert(wanted);
    } else {
        record.subscriptions.erase(wanted);
    }
    if (record == state_->account) return {};
    ++state_->listings;
    return state_->save_account(record);
}

}  // namespace mbx::store
