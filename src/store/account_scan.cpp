// What other tools did in a folder: noticed by directory times, found by comparing names with rows.
//
// readdir misses living files while others rename, so a message is gone only after two complete listings without it
// and ENOENT under its usual names; and when very much is gone at once, somebody's mount or script is to blame rather
// than the mail's owner: the folder is frozen and nothing is announced (docs/store.md).
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/account_state.hpp"
#include "store/stored_bytes.hpp"

namespace mbx::store {

namespace {

constexpr std::int64_t kTrustedAge = 2'000'000'000;  // ns
constexpr std::uint32_t kSmallFolder = 200;
constexpr int kLookShare = 100;  // a second look at quiet folders costs at most this part of the time
constexpr std::chrono::seconds kLookAgain{10};
constexpr std::size_t kManyVanished = 20;
constexpr std::size_t kVanishedShare = 20;  // a twentieth: 5 %

// A comparison of one folder's names with its rows.
class Comparison {
public:
    Comparison(AccountStore::State& state, Folder& folder) : state_(state), folder_(folder) {}
    Outcome run(FolderTimes times, bool is_verified);

private:
    void load();
    void match(const FoundFile& file);
    bool is_twin(const FoundFile& file, const StoredMessage& message) const;
    Outcome find_vanished();
    Outcome admit_strangers(ModSeq modseq);
    void find_expunged();
    bool note(ModSeq modseq);
    Outcome write(FolderTimes times, bool is_verified, ModSeq modseq);

    AccountStore::State& state_;
    Folder& folder_;
    std::vector<StoredMessage> known_;
    std::unordered_map<std::string_view, std::size_t> by_unique_;
    std::vector<bool> seen_;
    std::vector<std::pair<std::size_t, Flags>> reflagged_;  // which, and its flags before
    std::vector<std::pair<FoundFile, bool>> strangers_;     // keeps its unique?
    std::vector<StoredMessage> admitted_;
    std::vector<std::size_t> vanished_;
    std::unordered_set<std::string> expunged_;  // unique parts of those that lie in the undelete directory
};

void Comparison::load()
{
    known_.reserve(folder_.counters.messages);
    state_.index->visit(folder_.id(), {1, UINT32_MAX}, [this](StoredMessage&& m) { known_.push_back(std::move(m)); });
    for (std::size_t i = 0; i < known_.size(); ++i) by_unique_.emplace(known_[i].unique, i);
    seen_.assign(known_.size(), false);
}

// The same file under two names: listed twice while it was renamed, or left by a tool that links and unlinks.
bool Comparison::is_twin(const FoundFile& file, const StoredMessage& message) const
{
    const auto info = state_.files.info(state_.found_path(folder_, file));
    if (!info) return true;
    for (const auto& path : state_.usual_paths(folder_, message)) {
        const auto other = state_.files.info(path);
        if (other && other->inode == info->inode) return true;
    }
    return false;
}

void Comparison::match(const FoundFile& file)
{
    const auto it = by_unique_.find(file.parsed.unique);
    if (it == by_unique_.end()) {
        strangers_.emplace_back(file, true);
        return;
    }
    StoredMessage& message = known_[it->second];
    if (seen_[it->second]) {
        if (!is_twin(file, message)) strangers_.emplace_back(file, false);
        return;
    }
    seen_[it->second] = true;
    const Flags flags = state_.known_flags(folder_, file.parsed.flags);
    if (flags != message.row.flags) {
        reflagged_.emplace_back(it->second, message.row.flags);
        message.row.flags = flags;
    }
    (void)state_.settle(folder_, file, message);
}

// What an expunge of ours took away before it failed: no file that vanished.
void Comparison::find_expunged()
{
    const auto entries = state_.files.list(state_.expunged_path(""));
    if (!entries) return;
    for (const auto& entry : *entries) {
        const auto name = parse_expunged_name(entry.name);
        if (name && name->mailbox == folder_.id()) expunged_.insert(parse_message_name(name->name).unique);
    }
}

Outcome Comparison::find_vanished()
{
    if (std::ranges::find(seen_, false) == seen_.end()) return {};
    const auto again = state_.list_files(folder_);
    if (!again) return again.error();
    for (const auto& file : *again) {
        const auto it = by_unique_.find(file.parsed.unique);
        if (it != by_unique_.end() && !seen_[it->second]) match(file);
    }
    for (std::size_t i = 0; i < known_.size(); ++i) {
        if (seen_[i]) continue;
        const auto paths = state_.usual_paths(folder_, known_[i]);
        const auto is_absent = [this](const std::string& path) {
            const auto info = state_.files.info(path);
            return !info && info.error().is_absent();
        };
        if (std::ranges::all_of(paths, is_absent)) vanished_.push_back(i);
    }
    if (!vanished_.empty()) find_expunged();
    const auto is_expunged = [this](std::size_t at) { return expunged_.contains(known_[at].unique); };
    const auto lost = vanished_.size() - static_cast<std::size_t>(std::ranges::count_if(vanished_, is_expunged));
    const bool is_much = lost > kManyVanished && lost * kVanishedShare > known_.size();
    if (is_much && !folder_.is_frozen) {
        state_.log.error("store: too many messages vanished at once; the folder is frozen until they are back or its "
                         "index is deleted",
                         {{"path", state_.folder_path(folder_)}, {"vanished", lost},
                          {"messages", known_.size()}});
    }
    if (!is_much && folder_.is_frozen) {
        state_.log.notice("store: the folder is whole again", {{"path", state_.folder_path(folder_)}});
    }
    folder_.is_frozen = is_much;
    if (is_much) std::erase_if(vanished_, [&](std::size_t at) { return !is_expunged(at); });
    return {};
}

Outcome Comparison::admit_strangers(ModSeq modseq)
{
    auto& counters = folder_.counters;
    for (const auto& [file, keeps] : strangers_) {
        // A UID below the ceiling that the index does not know may have been seen by a client: never give it again.
        const auto claimed = file.parsed.uid.value_or(0);
        const bool was_given = claimed < folder_.record.uid_ceiling;
        if (was_given && claimed >= counters.uidnext) counters.uidnext = claimed + std::uint64_t{1};
    }
    if (auto done = state_.reserve(folder_, strangers_.size()); !done) return done;
    for (const auto& [file, keeps] : strangers_) {
        auto message = state_.admit(folder_, file, {static_cast<Uid>(counters.uidnext), modseq, keeps});
        if (!message) return message.error();
        if (!*message) continue;
        ++counters.uidnext;
        admitted_.push_back(**std::move(message));
    }
    return {};
}

// What other tools did becomes ours, and is shown when these are durable.
bool Comparison::note(ModSeq modseq)
{
    std::vector<JournalRecord> records;
    for (const auto& message : admitted_) {
        records.emplace_back(state_.placed(folder_, message, PlacedRecord::Source::present));
    }
    auto flags = state_.flags_record(folder_, modseq);
    for (const auto& [at, before] : reflagged_) {
        const auto& row = known_[at].row;
        flags.changes.push_back({{row.uid, row.uid}, row.flags});
        constexpr std::size_t kChangesInOne = 100'000;
        if (flags.changes.size() < kChangesInOne) continue;
        records.emplace_back(std::exchange(flags, state_.flags_record(folder_, modseq)));
    }
    if (!flags.changes.empty()) records.emplace_back(std::move(flags));
    std::vector<StoredMessage> gone;
    for (const auto at : vanished_) gone.push_back(known_[at]);
    auto expunged = state_.expunged_records(folder_, modseq, ExpungedRecord::Reason::vanished, gone);
    for (auto& record : expunged) records.push_back(std::move(record));
    return state_.note_in_turns(records);
}

Outcome Comparison::write(FolderTimes times, bool is_verified, ModSeq modseq)
{
    const auto body = [&] {
        auto& counters = folder_.counters;
        Index& index = *state_.index;
        counters.highest_modseq = modseq;
        for (const auto& [at, before] : reflagged_) {
            known_[at].row.modseq = modseq;
            index.update_flags(folder_.id(), known_[at].row);
            recount(counters, before, known_[at].row.flags);
        }
        for (const auto at : vanished_) {
            index.erase(folder_.id(), known_[at].row.uid);
            index.log_expunged(folder_.id(), known_[at].row.uid, modseq);
            count(counters, known_[at].row, -1);
        }
        for (const auto& message : admitted_) {
            index.insert(folder_.id(), message);
            count(counters, message.row, 1);
        }
        counters.times = times;
        counters.is_verified = is_verified;
    };
    return state_.transact({&folder_}, body);
}

Outcome Comparison::run(FolderTimes times, bool is_verified)
{
    load();
    const auto found = state_.list_files(folder_);
    if (!found) return found.error();
    if (auto good = state_.index->outcome(); !good) return state_.index_failed("reading rows", good.error());
    // Those that lie where they should come first: no namesake is taken for them.
    const auto is_usual = [this](const FoundFile& file) {
        const auto it = by_unique_.find(file.parsed.unique);
        return it != by_unique_.end() && file.name == file_name(known_[it->second], file.place);
    };
    std::vector<const FoundFile*> others;
    for (const auto& file : *found) {
        if (is_usual(file)) {
            match(file);
        } else {
            others.push_back(&file);
        }
    }
    for (const FoundFile* file : others) match(*file);
    if (auto done = find_vanished(); !done) return done;
    const ModSeq modseq = folder_.counters.highest_modseq + 1;
    if (auto done = admit_strangers(modseq); !done) return done;
    if (!reflagged_.empty() || !vanished_.empty() || !admitted_.empty()) {
        if (auto done = state_.reserve(folder_, 0); !done) return done;
        std::ranges::sort(reflagged_, {}, &std::pair<std::size_t, Flags>::first);
        std::ranges::sort(vanished_);
        if (!note(modseq)) return StoreError::io;
        return write(times, is_verified, modseq);
    }
    const auto& counters = folder_.counters;
    if (counters.times != times || counters.is_verified != is_verified) folder_.is_unsaved = true;
    folder_.counters.times = times;
    folder_.counters.is_verified = is_verified;
    return {};
}

}  // namespace

Outcome AccountStore::State::ready_to_count(Folder& folder)
{
    if (!folder.counters.is_stale || folder.listed) return {};
    auto done = list_messages(folder);
    if (!done) folder.listed.reset();
    return done;
}

Outcome AccountStore::State::ready(Folder& folder)
{
    folder.located.reset();
    if (!folder.counters.is_stale) return {};
    if (auto done = ready_to_count(folder); !done) return done;
    const auto done = enter_listed(folder, SteadyTime::max());
    if (!done) return done.error();
    return {};
}

Outcome AccountStore::State::refresh_to_count(Folder& folder)
{
    if (auto done = ready_to_count(folder); !done) return done;
    if (!folder.listed) return refresh(folder);
    const auto noted = end_changes(folder);
    if ((noted ? *noted : look(folder)) == folder.counters.times) return {};
    return refresh(folder);
}

bool AccountStore::State::are_old(const FolderTimes& times) const
{
    const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(clock.wall().time_since_epoch()).count();
    const auto is_old = [now](std::int64_t time) { return now - time > kTrustedAge || time - now > kTrustedAge; };
    return is_old(times.cur) && is_old(times.fresh);
}

// Whether directory times that say nothing new are to be doubted: they were young when taken, so a change of somebody
// else can hide behind the same tick of the clock.
bool AccountStore::State::may_look_again(const Folder& folder) const
{
    const auto since = clock.steady() - folder.last_look;
    if (folder.is_frozen) return since >= kLookAgain;
    if (folder.counters.is_verified) return false;
    if (folder.counters.messages <= kSmallFolder) return true;
    return since >= std::max<std::chrono::nanoseconds>(kLookAgain, kLookShare * folder.look_cost);
}

Outcome AccountStore::State::refresh(Folder& folder)
{
    if (auto done = ready(folder); !done) return done;
    const auto noted = end_changes(folder);
    const auto times = noted ? *noted : look(folder);
    if (times == folder.counters.times && !may_look_again(folder)) return {};
    if (folder.is_frozen && !may_look_again(folder)) return {};
    const auto begin = clock.steady();
    Comparison comparison(*this, folder);
    auto done = comparison.run(times, are_old(times));
    if (!done) distrust(folder);
    folder.last_look = clock.steady();
    folder.look_cost = folder.last_look - begin;
    return done;
}

std::string AccountStore::State::found_path(const Folder& folder, const FoundFile& file) const
{
    return place_path(folder, file.place) + "/" + file.name;
}

// Letters beyond the folder's table are other tools' keywords whose names we do not know.
Flags AccountStore::State::known_flags(const Folder& folder, const Flags& flags) const
{
    Flags known = flags;
    known.keywords &= (1U << folder.record.keywords.size()) - 1U;
    return known;
}

Result<std::vector<FoundFile>, StoreError> AccountStore::State::list_files(Folder& folder)
{
    std::vector<FoundFile> found;
    std::size_t ignored = 0;
    std::string an_ignored;
    // new/ first: a file that is moved to cur meanwhile is met twice, not never.
    for (const Place place : {Place::fresh, Place::cur}) {
        auto entries = files.list(place_path(folder, place));
        if (!entries) return failed("listing a folder", place_path(folder, place), entries.error());
        found.reserve(found.size() + entries->size());
        for (auto& entry : *entries) {
            if (entry.name.starts_with('.')) continue;
            if (entry.kind != FileKind::regular) {
                ++ignored;
                an_ignored = entry.name;
                continue;
            }
            auto parsed = parse_message_name(entry.name);
            FoundFile file{std::move(entry.name), place, std::move(parsed)};
            if (is_void(file.parsed.unique)) {
                set_aside(found_path(folder, file), file.name);
                continue;
            }
            found.push_back(std::move(file));
        }
    }
    if (ignored > folder.ignored) {
        log.warning("store: things that are no files are ignored",
                    {{"path", folder_path(folder)}, {"count", ignored}, {"one_of_them", an_ignored}});
    }
    folder.ignored = ignored;
    return found;
}

// Gives a known message's file its usual name back, where other tools wrote another one behind the unique part.
// Answers whether it renamed.
bool AccountStore::State::settle(Folder& folder, const FoundFile& file, const StoredMessage& message)
{
    const std::string path_now = found_path(folder, file);
    const auto usual = usual_paths(folder, message);
    if (std::ranges::find(usual, path_now) != usual.end()) return false;
    if (files.info(usual.back())) return false;  // never over another file
    const auto done = files.rename(path_now, usual.back());
    // Not ours to insist: it is found by its unique part under any name.
    return static_cast<bool>(done);
}

Result<std::optional<StoredMessage>, StoreError> AccountStore::State::admit(Folder& folder, const FoundFile& file,
                                                                            Admission admission)
{
    using Admitted = std::optional<StoredMessage>;
    const std::string path_now = found_path(folder, file);
    const auto refuse = [&](const char* why) {
        log.warning("store: a file is ignored", {{"path", path_now}, {"because", why}});
        return Admitted();
    };
    auto opened = files.open_read(path_now);
    if (!opened && opened.error().is_absent()) return Admitted();  // taken away again
    if (!opened) return refuse("it cannot be opened");
    const auto info = (*opened)->info();
    if (!info || info->kind != FileKind::regular) return refuse("it is no regular file");
    if (info->size == 0 && file.parsed.size.value_or(1) != 0) return refuse("it is empty");
    const auto size = wire_size(**opened);
    if (!size) return refuse("it cannot be read");

    StoredMessage message;
    message.row.uid = admission.uid;
    message.row.modseq = admission.modseq;
    message.row.flags = known_flags(folder, file.parsed.flags);
    message.row.size = *size;
    message.row.internal_date = info->mtime_ns / 1'000'000'000;
    const bool keeps = admission.keeps_unique && is_usable_unique(file.parsed.unique);
    message.unique = keeps ? file.parsed.unique : new_unique();
    message.row.save_date = save_date_of(message.unique).value_or(message.row.internal_date);
    const Place place = file.parsed.has_info || message.row.flags != Flags{} ? Place::cur : file.place;
    const std::string target = place_path(folder, place) + "/" + file_name(message, place);
    if (target == path_now) return Admitted(std::move(message));
    const auto done = files.rename(path_now, target);
    if (!done && done.error().is_absent()) return Admitted();
    if (!done) return failed("naming an unknown file", path_now, done.error());
    return Admitted(std::move(message));
}

}  // namespace mbx::store
