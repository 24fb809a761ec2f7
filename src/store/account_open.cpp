// Opening an account: whatever a crash left is finished or cleared, then the folders are read, then the index.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::array<std::pair<const char*, SpecialUse>, 5> kFirstMailboxes{{{"Archive", SpecialUse::archive},
                                                                            {"Drafts", SpecialUse::drafts},
                                                                            {"Junk", SpecialUse::junk},
                                                                            {"Sent", SpecialUse::sent},
                                                                            {"Trash", SpecialUse::trash}}};

// Folder, its three directories, files in them.
constexpr int kTreeDepth = 3;

std::string parent_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Outcome AccountStore::State::open()
{
    // Where folders are read again under way, the open transaction goes on; what it does not have yet enters it.
    if (index) {
        index->begin();
        for (const auto& [id, folder] : folders) index->save_mailbox(id, folder.counters);
        if (const auto done = index->end(); !done) (void)index_failed("keeping the counters", done.error());
    }
    folders.clear();
    names.clear();
    rested_at.reset();
    is_torn = true;
    if (auto done = make_directories(); !done) return done;
    if (auto done = finish_intent(); !done) return done;
    clear_staging();
    clear_unplaced();
    if (auto done = load_account(); !done) return done;
    if (auto done = load_folders(); !done) return done;
    if (auto done = load_access(); !done) return done;
    if (auto done = make_missing_parents(); !done) return done;
    if (auto done = set_up(); !done) return done;
    if (has_good_index()) {
        take_counters();
    } else if (auto done = ensure_index(); !done) {
        return done;
    }
    is_torn = false;
    return {};
}

Outcome AccountStore::State::ensure()
{
    if (is_retired) return StoreError::io;
    return is_torn ? open() : ensure_index();
}

Outcome AccountStore::State::ensure_index()
{
    if (has_good_index()) {
        const auto done = index->take_up_files();
        if (done) return done;
        if (!index->is_damaged()) return index_failed("opening the index's files again", done.error());
    }
    ahead = {};
    if (index) {
        const bool is_damaged = index->is_damaged();
        index.reset();
        if (auto done = is_damaged ? set_index_aside() : drop_index(); !done) return done;
    }
    return open_index();
}

Outcome AccountStore::State::make_directories()
{
    bool is_new = false;
    const std::array<std::string, 6> wanted{path, path + "/cur", path + "/new", path + "/tmp",
                                            path + "/" + std::string(kStaging),
                                            path + "/" + std::string(kExpungedDirectory)};
    for (const auto& directory : wanted) {
        const auto done = files.make_directory(directory, kDirectoryMode);
        if (!done && done.error().code != EEXIST) return failed("making a directory", directory, done.error());
        is_new = is_new || done;
    }
    if (!is_new) return {};
    if (auto done = sync_account(); !done) return done;
    const auto synced = files.sync_directory(parent_of(path));
    if (!synced) return failed("syncing a directory", parent_of(path), synced.error());
    return {};
}

Outcome AccountStore::State::sync_account()
{
    const auto done = files.sync_directory(path);
    if (!done) return failed("syncing a directory", path, done.error());
    return {};
}

// What stands here is half made or half removed; nothing that was acknowledged.
void AccountStore::State::clear_staging()
{
    const std::string staging = path + "/" + std::string(kStaging);
    const auto entries = files.list(staging);
    if (!entries) return;
    for (const auto& entry : *entries) {
        const std::string item = staging + "/" + entry.name;
        if (entry.kind == FileKind::directory) {
            remove_tree(item, kTreeDepth);
        } else {
            (void)files.unlink(item);
        }
    }
}

// Files of ours that were being written: what they were to become is in the journal. Other tools have theirs here too.
void AccountStore::State::clear_unplaced()
{
    const std::string directory = path + "/tmp";
    const auto entries = files.list(directory);
    if (!entries) return;
    for (const auto& entry : *entries) {
        if (entry.kind == FileKind::regular && lsn_of(entry.name)) (void)files.unlink(directory + "/" + entry.name);
    }
}

void AccountStore::State::remove_tree(const std::string& directory, int depth)
{
    const auto entries = files.list(directory);
    if (!entries || depth == 0) return;
    for (const auto& entry : *entries) {
        const std::string item = directory + "/" + entry.name;
        if (entry.kind == FileKind::directory) {
            remove_tree(item, depth - 1);
        } else {
            (void)files.unlink(item);
        }
    }
    if (const auto done = files.remove_directory(directory); !done) {
        log.warning("store: a removed folder leaves something behind",
                    {{"path", directory}, {"error", done.error().name()}});
    }
}

Outcome AccountStore::State::load_account()
{
    account = {};
    const std::string file = path + "/" + std::string(kAccountStateFile);
    const auto text = read_whole(files, file, kMaxStateFile);
    if (!text && !text.error().is_absent()) return failed("reading the account's state", file, text.error());
    if (text) {
        const auto record = parse_account_record(*text);
        if (record) {
            account = *record;
        } else {
            log.error("store: the account's state is damaged; subscriptions are lost", {{"path", file}});
            if (auto done = files.rename(file, file + ".damaged"); !done) {
                return failed("setting the damaged state aside", file, done.error());
            }
        }
    }
    next_mailbox = account.mailbox_ceiling;
    next_uidvalidity = account.uidvalidity_ceiling;
    return {};
}

Outcome AccountStore::State::set_up()
{
    if (account.is_set_up) return {};
    auto record = account;
    for (const auto& [name, use] : kFirstMailboxes) {
        record.subscriptions.insert(name);
        Folder* folder = find_folder(std::string_view(name));
        if (folder == nullptr) {
            if (auto done = make_folder(name, use); !done) return done;
        } else if (folder->record.special_use == SpecialUse::none) {
            auto changed_record = folder->record;
            changed_record.special_use = use;
            if (auto done = save_folder(*folder, std::move(changed_record)); !done) return done;
        }
    }
    if (auto done = sync_account(); !done) return done;
    record.mailbox_ceiling = account.mailbox_ceiling;
    record.uidvalidity_ceiling = account.uidvalidity_ceiling;
    record.subscriptions.insert("INBOX");
    record.is_set_up = true;
    return save_account(record);
}

Outcome AccountStore::State::open_index()
{
    const std::string file = path + "/index.db";
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto condition = Index::Condition::good;
        index = Index::open(file, seat.identity, condition);
        if (index) {
            take_counters();
            return {};
        }
        if (condition == Index::Condition::unreadable) break;
        if (auto done = set_index_aside(); !done) return done;
    }
    log.error("store: the index cannot be opened", {{"path", file}});
    return StoreError::io;
}

// Kept for whoever wants to know why; at most nine.
Outcome AccountStore::State::set_index_aside()
{
    const std::string file = path + "/index.db";
    int n = 1;
    while (n < 9 && files.info(file + ".damaged-" + std::to_string(n))) ++n;
    const std::string aside = file + ".damaged-" + std::to_string(n);
    log.error("store: the index is damaged or of another version; it is rebuilt from the file names",
              {{"path", file}, {"kept_as", aside}});
    for (const char* part : {"-wal", "-shm", ""}) {
        const auto done = files.rename(file + part, aside + part);
        if (!done && !done.error().is_absent()) return failed("setting the index aside", file, done.error());
    }
    return {};
}

// SQLite gave up what was not committed: the rows that are left are older than what was shown, and must not come back.
Outcome AccountStore::State::drop_index()
{
    const std::string file = path + "/index.db";
    log.error("store: the index lost changes; it is rebuilt from the file names", {{"path", file}});
    for (const char* part : {"", "-wal", "-shm"}) {
        const auto done = files.unlink(file + part);
        if (!done && !done.error().is_absent()) return failed("removing an index", file + part, done.error());
    }
    return sync_account();
}

// Of another journal, or of a later state of this one, than the one that is open: then nothing says what the rows lack.
bool AccountStore::State::is_of_this_journal() const { return index->lsn() <= seat.journal.last(); }

// After a rest they are those that it began with, or somebody put another index in the place of ours.
void AccountStore::State::take_counters()
{
    std::map<MailboxId, MailboxCounters> rested;
    for (auto& [id, folder] : folders) {
        if (rested_at) rested.emplace(id, folder.counters);
        folder.counters = {};
        folder.listed.reset();
    }
    const bool is_known = is_of_this_journal() && (!rested_at || *rested_at == index->lsn());
    rested_at.reset();
    if (!is_known) index->forget_lsn();
    std::vector<MailboxId> orphans;
    for (const auto& [id, counters] : index->mailboxes()) {
        Folder* folder = find_folder(id);
        if (folder == nullptr) {
            orphans.push_back(id);
            continue;
        }
        folder->counters = counters;
        // An index that knows more than the state file: one of the two comes from another time.
        const bool fits = counters.uidnext <= folder->record.uid_ceiling &&
                          counters.highest_modseq <= folder->record.modseq_ceiling;
        const auto before = rested.find(id);
        const bool is_same = before == rested.end() || before->second == counters;
        if (!fits || !is_known || !is_same) folder->counters.is_stale = true;
    }
    if (!orphans.empty()) {
        index->begin();
        for (const auto id : orphans) index->remove_mailbox(id);
        if (const auto done = index->end(); !done) (void)index_failed("forgetting removed mailboxes", done.error());
    }
    index_unused();
}

// Mailboxes without a row of which nothing was ever shown: of a new account, or made before the index could be opened.
// Their rows are true as they are made.
void AccountStore::State::index_unused()
{
    std::vector<MailboxId> unused;
    for (auto& [id, folder] : folders) {
        const auto& record = folder.record;
        const bool is_known = !folder.counters.is_stale || folder.counters.uidnext != 1;
        if (is_known || record.uid_ceiling != 1 || record.modseq_ceiling != 1) continue;
        const auto times = look(folder);
        const auto is_empty = [&](Place place) {
            const auto entries = files.list(place_path(folder, place));
            return entries && entries->empty();
        };
        if (!is_empty(Place::cur) || !is_empty(Place::fresh)) continue;
        folder.counters.is_stale = false;
        folder.counters.times = times;
        unused.push_back(id);
    }
    if (unused.empty()) return;
    index_made(unused);
    (void)sync_account();  // the name of a new index
}

}  // namespace mbx::store
