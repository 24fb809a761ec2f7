// A folder's rows made again from its names: after the loss of the index, beside another journal, and for a folder that
// another server left. Here, and only here, I= is believed.
#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/account_state.hpp"
#include "store/stored_bytes.hpp"

namespace mbx::store {

namespace {

// A state file from a backup may be older than the names. UIDs that they claim this far above its ceiling are not
// believed but also not given again; a claim beyond is nonsense and must not use up the UIDs of the folder.
constexpr std::uint64_t kBelievableClaim = 1'000'000;

class Rebuild {
public:
    Rebuild(AccountStore::State& state, Folder& folder) : state_(state), folder_(folder) {}
    Outcome run();

private:
    Outcome collect();
    bool believe(const FoundFile& file);
    Outcome admit_strangers();
    void keep_columns();
    Outcome write();

    AccountStore::State& state_;
    Folder& folder_;
    std::vector<FoundFile> found_;
    std::vector<StoredMessage> messages_;
    std::vector<std::pair<FoundFile, bool>> strangers_;  // keeps its unique?
    std::size_t believed_ = 0;  // of messages_, the first ones; the others got new UIDs
    FolderTimes times_;
    ModSeq modseq_ = 1;
};

// Two listings joined: what one of them missed while somebody renamed is in the other.
Outcome Rebuild::collect()
{
    times_ = state_.look(folder_);
    std::unordered_set<std::string> names;
    for (int scan = 0; scan < 2; ++scan) {
        auto listing = state_.list_files(folder_);
        if (!listing) return listing.error();
        for (auto& file : *listing) {
            if (!names.insert(state_.found_path(folder_, file)).second) continue;
            found_.push_back(std::move(file));
        }
    }
    // Of a file that was renamed between the two only the name that is left counts.
    std::unordered_map<std::string_view, int> uniques;
    for (const auto& file : found_) ++uniques[file.parsed.unique];
    std::vector<bool> is_gone(found_.size(), false);
    for (std::size_t i = 0; i < found_.size(); ++i) {
        if (uniques[found_[i].parsed.unique] > 1) is_gone[i] = !state_.files.info(state_.found_path(folder_, found_[i]));
    }
    std::size_t at = 0;
    std::erase_if(found_, [&](const FoundFile&) { return is_gone[at++]; });
    return {};
}

// Whether the file is what its name says, apart from the UID, which the caller judges.
bool Rebuild::believe(const FoundFile& file)
{
    if (!file.parsed.size || !file.parsed.uid || !is_usable_unique(file.parsed.unique)) return false;
    auto opened_path = state_.found_path(folder_, file);
    const auto info = state_.files.info(opened_path);
    if (!info || info->kind != FileKind::regular) return false;
    if (info->size != *file.parsed.size) {
        // Another tool's file with LF carries the size that it has in wire form.
        auto opened = state_.files.open_read(opened_path);
        if (!opened) return false;
        const auto size = wire_size(**opened);
        if (!size || *size != *file.parsed.size) return false;
    }
    StoredMessage message;
    message.row.uid = *file.parsed.uid;
    message.row.flags = state_.known_flags(folder_, file.parsed.flags);
    message.row.internal_date = info->mtime_ns / 1'000'000'000;
    message.row.save_date = save_date_of(file.parsed.unique).value_or(message.row.internal_date);
    message.row.size = *file.parsed.size;
    message.unique = file.parsed.unique;
    (void)state_.settle(folder_, file, message);
    messages_.push_back(std::move(message));
    return true;
}

Outcome Rebuild::admit_strangers()
{
    // In the order in which they came, as far as the names tell.
    std::ranges::sort(strangers_, {}, [](const auto& stranger) {
        const FoundFile& file = stranger.first;
        return std::tuple(file.parsed.uid.value_or(UINT32_MAX), save_date_of(file.parsed.unique).value_or(INT64_MAX),
                          std::string_view(file.name));
    });
    if (auto done = state_.reserve(folder_, strangers_.size()); !done) return done;
    for (const auto& [file, keeps] : strangers_) {
        const auto uid = static_cast<Uid>(folder_.counters.uidnext);
        auto message = state_.admit(folder_, file, {uid, 0, keeps});
        if (!message) return message.error();
        if (!*message) continue;
        ++folder_.counters.uidnext;
        messages_.push_back(**std::move(message));
    }
    return {};
}

// What was parsed of a message is still right where its UID still names the same file; the rest goes.
void Rebuild::keep_columns()
{
    ColumnTable& columns = state_.index->columns();
    auto known = columns.names(folder_.id());
    if (known.empty()) return;
    for (const auto& message : messages_) {
        const auto it = known.find(message.row.uid);
        if (it != known.end() && it->second == name_key(message.unique)) known.erase(it);
    }
    for (const auto& [uid, name] : known) columns.erase(folder_.id(), uid);
    columns.set_mark(folder_.id(), 0);
}

Outcome Rebuild::write()
{
    auto& counters = folder_.counters;
    const auto body = [&] {
        Index& index = *state_.index;
        index.remove_rows(folder_.id());
        keep_columns();
        for (auto& message : messages_) {
            message.row.modseq = modseq_;
            index.insert(folder_.id(), message);
            count(counters, message.row, 1);
        }
        counters.highest_modseq = modseq_;
        // What was expunged before is known by difference only.
        counters.log_floor = modseq_;
        counters.times = times_;
        counters.is_verified = false;
        counters.is_stale = false;
    };
    // New UIDs are shown when their records are durable.
    std::vector<JournalRecord> records;
    for (std::size_t n = believed_; n < messages_.size(); ++n) {
        messages_[n].row.modseq = modseq_;
        records.emplace_back(state_.placed(folder_, messages_[n], PlacedRecord::Source::present));
    }
    if (!state_.note_in_turns(records)) return StoreError::io;
    const auto uidnext = counters.uidnext;
    auto done = state_.transact({&folder_}, body);
    if (!done) {
        folder_.counters = {};
        folder_.counters.uidnext = uidnext;
    }
    return done;
}

Outcome Rebuild::run()
{
    if (auto done = collect(); !done) return done;
    std::unordered_map<std::uint64_t, int> claims;
    std::unordered_map<std::string_view, std::pair<int, std::uint64_t>> uniques;
    const auto ceiling = folder_.record.uid_ceiling;
    std::uint64_t highest = 0;
    for (const auto& file : found_) {
        const std::uint64_t uid = file.parsed.uid.value_or(0);
        ++claims[uid];
        ++uniques[file.parsed.unique].first;
        if (uid < ceiling + kBelievableClaim) highest = std::max(highest, uid);
    }
    folder_.counters = {};
    folder_.counters.uidnext = std::max(ceiling, highest + 1);
    modseq_ = folder_.record.modseq_ceiling;
    folder_.counters.highest_modseq = modseq_;
    for (const auto& file : found_) {
        const std::uint64_t uid = file.parsed.uid.value_or(0);
        auto& [left, inode] = uniques[file.parsed.unique];
        const bool is_alone = left == 1 && claims[uid] == 1;
        if (is_alone && uid > 0 && uid < ceiling && believe(file)) continue;
        // Of several files with one unique the first keeps it; a second name of the same file is no second message.
        const auto info = state_.files.info(state_.found_path(folder_, file));
        if (!info || info->inode == inode) continue;
        strangers_.emplace_back(file, inode == 0);
        inode = info->inode;
    }
    believed_ = messages_.size();
    if (auto done = admit_strangers(); !done) return done;
    // The ceilings go up before anything of this is shown.
    if (!messages_.empty() || ceiling > 1) {
        if (auto done = state_.reserve(folder_, 0); !done) return done;
    }
    return write();
}

}  // namespace

Outcome AccountStore::State::rebuild(Folder& folder)
{
    Rebuild rebuild(*this, folder);
    auto done = rebuild.run();
    if (!done) folder.counters.is_stale = true;
    if (folder.counters.messages != 0) {
        log.notice("store: rebuilt a folder's index from its names",
                   {{"path", folder_path(folder)}, {"messages", folder.counters.messages}});
    }
    return done;
}

}  // namespace mbx::store
