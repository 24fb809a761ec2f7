// What a folder's names say: after the loss of the index, beside another journal, and for a folder that another server
// left. Here, and only here, I= is believed. The rows follow in account_listed.cpp.
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
    Outcome collect_again();
    void compare_names();
    bool believe(FoundFile& file);
    Outcome admit_strangers();
    Outcome show();

    AccountStore::State& state_;
    Folder& folder_;
    std::vector<FoundFile> found_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_uid_;  // and where in found_
    std::vector<bool> is_alone_;  // no other name has the same UID or the same unique
    std::vector<StoredMessage> messages_;                // ascending by UID
    std::vector<std::pair<FoundFile, bool>> strangers_;  // keeps its unique?
    std::size_t believed_ = 0;  // of messages_, the first ones; the others got new UIDs
    FolderTimes times_;
    bool is_quiet_ = false;  // nobody touched the directories while they were listed
    ModSeq modseq_ = 1;
};

// While somebody renames, readdir misses living files; then what one listing lacks is in the other.
Outcome Rebuild::collect()
{
    times_ = state_.look(folder_);
    auto listing = state_.list_files(folder_);
    if (!listing) return listing.error();
    found_ = *std::move(listing);
    is_quiet_ = state_.look(folder_) == times_ && state_.are_old(times_);
    return is_quiet_ ? Outcome() : collect_again();
}

Outcome Rebuild::collect_again()
{
    std::unordered_set<std::string> names;
    for (const auto& file : found_) names.insert(state_.found_path(folder_, file));
    auto listing = state_.list_files(folder_);
    if (!listing) return listing.error();
    for (auto& file : *listing) {
        if (names.insert(state_.found_path(folder_, file)).second) found_.push_back(std::move(file));
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

// Takes the name's word, but for the UID, which the caller judges. The file is looked at when its row is entered.
bool Rebuild::believe(FoundFile& file)
{
    if (!file.parsed.size || !file.parsed.uid || !is_usable_unique(file.parsed.unique)) return false;
    StoredMessage message;
    message.row.uid = *file.parsed.uid;
    message.row.flags = state_.known_flags(folder_, file.parsed.flags);
    message.row.internal_date = ListedMessages::kNotRead;
    message.row.save_date = save_date_of(file.parsed.unique).value_or(ListedMessages::kNotRead);
    message.row.size = *file.parsed.size;
    message.unique = std::move(file.parsed.unique);
    const bool may_lie_there = file.place == Place::cur || place_of(message.row.flags) == Place::fresh;
    if (!may_lie_there || file.name != file_name(message, file.place)) (void)state_.settle(folder_, file, message);
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
        auto message = state_.admit(folder_, file, {uid, modseq_, keeps});
        if (!message) return message.error();
        if (!*message) continue;
        ++folder_.counters.uidnext;
        messages_.push_back(**std::move(message));
    }
    return {};
}

Outcome Rebuild::show()
{
    // New UIDs are shown when their records are durable.
    std::vector<JournalRecord> records;
    for (std::size_t n = believed_; n < messages_.size(); ++n) {
        records.emplace_back(state_.placed(folder_, messages_[n], PlacedRecord::Source::present));
    }
    if (!state_.note_in_turns(records)) return StoreError::io;
    auto& counters = folder_.counters;
    for (const auto& message : messages_) count(counters, message.row, 1);
    // What was expunged before is known by difference only.
    counters.log_floor = modseq_;
    counters.times = times_;
    counters.is_verified = is_quiet_;
    folder_.listed = ListedMessages{std::move(messages_), 0};
    state_.changed.insert(folder_.id());
    return {};
}

// Sorted, not hashed into maps: at 100,000 names a map costs more than reading the directory.
void Rebuild::compare_names()
{
    by_uid_.reserve(found_.size());
    std::vector<std::pair<std::size_t, std::uint32_t>> by_unique;
    by_unique.reserve(found_.size());
    const std::hash<std::string_view> hash;
    for (std::uint32_t at = 0; at < found_.size(); ++at) {
        const auto& parsed = found_[at].parsed;
        by_uid_.emplace_back(parsed.uid.value_or(0), at);
        by_unique.emplace_back(hash(parsed.unique), at);
    }
    std::ranges::sort(by_uid_);
    std::ranges::sort(by_unique);
    is_alone_.assign(found_.size(), true);
    const auto mark = [this](const auto& sorted) {
        for (std::size_t n = 1; n < sorted.size(); ++n) {
            if (sorted[n - 1].first != sorted[n].first) continue;
            is_alone_[sorted[n - 1].second] = false;
            is_alone_[sorted[n].second] = false;
        }
    };
    mark(by_uid_);
    // Two uniques of one hash only lose the benefit of the doubt: they are looked at.
    mark(by_unique);
}

Outcome Rebuild::run()
{
    if (auto done = collect(); !done) return done;
    compare_names();
    const auto ceiling = folder_.record.uid_ceiling;
    std::uint64_t highest = 0;
    for (const auto& [uid, at] : by_uid_) {
        if (uid < ceiling + kBelievableClaim) highest = uid;
    }
    folder_.counters = {};
    folder_.counters.uidnext = std::max(ceiling, highest + 1);
    modseq_ = folder_.record.modseq_ceiling;
    folder_.counters.highest_modseq = modseq_;
    messages_.reserve(found_.size());
    std::unordered_map<std::string, std::uint64_t> inodes;  // of those that are to be told apart
    for (const auto& [uid, at] : by_uid_) {
        FoundFile& file = found_[at];
        if (is_alone_[at] && uid > 0 && uid < ceiling && believe(file)) continue;
        // Of several files with one unique the first keeps it; a second name of the same file is no second message.
        const auto info = state_.files.info(state_.found_path(folder_, file));
        auto& inode = inodes[file.parsed.unique];
        if (!info || info->inode == inode) continue;
        strangers_.emplace_back(std::move(file), inode == 0);
        inode = info->inode;
    }
    believed_ = messages_.size();
    if (auto done = admit_strangers(); !done) return done;
    // The ceilings go up before anything of this is shown.
    if (!messages_.empty() || ceiling > 1) {
        if (auto done = state_.reserve(folder_, 0); !done) return done;
    }
    return show();
}

}  // namespace

Outcome AccountStore::State::list_messages(Folder& folder)
{
    folder.listed.reset();
    Rebuild rebuild(*this, folder);
    return rebuild.run();
}

}  // namespace mbx::store
