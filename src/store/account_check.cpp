// AccountStore: its index compared with the names, and made anew from them.
#include <unordered_map>
#include <utility>

#include "base/ascii.hpp"
#include "store/account_state.hpp"
#include "store/index_run.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kRowsChecked = 200;  // at once
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Compares each folder's rows with one listing of it. Mail comes and goes in between: what looks different is looked at
// once more where it is now before it is told.
class CheckRun final : public IndexRun {
public:
    CheckRun(AccountStore::State& state) : state_(state) {}

    Result<void, StoreError> step(std::chrono::milliseconds max_time) override
    {
        if (auto good = state_.ensure(); !good) return good.error();
        const auto until = state_.clock.steady() + max_time;
        if (!has_begun_) begin();
        while (!progress_.is_done) {
            if (!folder_open_) {
                if (auto done = open_folder(); !done) return done;
                continue;
            }
            if (auto done = check_rows(until); !done) return done;
            if (state_.clock.steady() >= until) return {};
        }
        return {};
    }

private:
    void tell(std::string difference)
    {
        ++progress_.differences;
        if (progress_.told.size() < kMostTold) progress_.told.push_back(std::move(difference));
    }
    std::string place(const Folder& folder) const { return "mailbox " + ascii::printable(folder.name) + ": "; }

    void begin()
    {
        has_begun_ = true;
        for (const auto& [id, folder] : state_.folders) {
            left_.push_back(id);
            progress_.all += folder.counters.messages;
        }
        if (!state_.index->is_sound()) tell("index.db is damaged; mailboxctl index rebuild makes it anew");
        TextIndex* texts = state_.open_text(false);
        if (texts == nullptr) return;
        if (!texts->is_sound()) tell("fts.db is damaged; it is made anew");
        (void)state_.judge_text();
    }

    Outcome open_folder()
    {
        if (at_ == left_.size()) {
            progress_.is_done = true;
            return {};
        }
        Folder* folder = state_.find_folder(left_[at_]);
        if (folder == nullptr) {  // removed meanwhile
            ++at_;
            return {};
        }
        auto found = state_.list_files(*folder);
        if (!found) return found.error();
        if (folder->counters.is_stale) {
            if (!found->empty()) {
                tell(place(*folder) + "its rows are missing or in doubt; they are made from the names at its next use");
            }
            ++at_;
            return {};
        }
        listed_.clear();
        for (auto& file : *found) listed_.emplace(file.parsed.unique, std::move(file));
        folder_open_ = true;
        mark_ = 0;
        counted_ = {};
        modseq_ = folder->counters.highest_modseq;
        return {};
    }

    Outcome check_rows(SteadyTime until)
    {
        Folder* folder = state_.find_folder(left_[at_]);
        if (folder == nullptr || folder->counters.is_stale) return close_folder(nullptr);
        Index& index = *state_.index;
        while (true) {
            const auto next = index.columns().behind_mark(folder->id(), mark_, kRowsChecked);
            std::vector<StoredMessage> messages;
            if (!next.empty()) {
                index.visit(folder->id(), {mark_ + 1, next.back().uid},
                            [&messages](StoredMessage&& message) { messages.push_back(std::move(message)); });
            }
            if (auto good = index.outcome(); !good) return state_.index_failed("checking rows", good.error());
            if (messages.empty()) return close_folder(folder);
            for (const auto& message : messages) {
                check(*folder, message);
                mark_ = message.row.uid;
            }
            progress_.done += messages.size();
            progress_.all = std::max(progress_.all, progress_.done);
            if (state_.clock.steady() >= until) return {};
        }
    }

    void check(const Folder& folder, const StoredMessage& message)
    {
        count(counted_, message.row, 1);
        const std::string name = place(folder) + "UID " + std::to_string(message.row.uid) + ": ";
        const auto it = listed_.find(message.unique);
        auto paths = state_.usual_paths(folder, message);
        if (it != listed_.end()) paths.push_back(state_.found_path(folder, it->second));
        Result<FileInfo, FileError> info = FileError{};
        for (const auto& path : paths) {
            info = state_.files.info(path);
            if (info) break;
        }
        if (!info) {
            tell(name + "there is a row and no file " + ascii::printable(message.unique));
        } else {
            compare(name, message, *info);
        }
        if (it == listed_.end()) return;
        const MessageName& parsed = it->second.parsed;
        const bool is_where_it_was = static_cast<bool>(state_.files.info(state_.found_path(folder, it->second)));
        if (is_where_it_was && parsed.uid && *parsed.uid != message.row.uid) {
            tell(name + "the file is named for UID " + std::to_string(*parsed.uid));
        }
        if (is_where_it_was && parsed.size && *parsed.size != message.row.size) {
            tell(name + "the file is named for " + std::to_string(*parsed.size) + " bytes, the row says " +
                 std::to_string(message.row.size));
        }
        if (is_where_it_was && state_.known_flags(folder, parsed.flags) != message.row.flags) {
            tell(name + "the row and the file's name " + ascii::printable(it->second.name) + " have different flags");
        }
        listed_.erase(it);
    }

    void compare(const std::string& name, const StoredMessage& message, const FileInfo& info)
    {
        // A smaller file is another tool's, with LF.
        if (info.kind != FileKind::regular || info.size > message.row.size) {
            tell(name + "the file has " + std::to_string(info.size) + " bytes, the row says " +
                 std::to_string(message.row.size));
        }
        if (info.mtime_ns / kNsPerSecond != message.row.internal_date) tell(name + "the dates are different");
        const auto saved = save_date_of(message.unique).value_or(message.row.internal_date);
        if (saved != message.row.save_date) tell(name + "the dates of saving are different");
    }

    Outcome close_folder(Folder* folder)
    {
        folder_open_ = false;
        ++at_;
        if (folder == nullptr) return {};
        for (const auto& [unique, file] : listed_) {
            if (state_.is_void(unique) || !state_.files.info(state_.found_path(*folder, file))) continue;
            tell(place(*folder) + "the file " + ascii::printable(file.name) + " has no row");
        }
        listed_.clear();
        // Counters are compared where nothing has changed since the first row.
        const MailboxCounters& counters = folder->counters;
        if (counters.highest_modseq != modseq_) return {};
        const bool is_same = counters.messages == counted_.messages && counters.unseen == counted_.unseen &&
                             counters.deleted == counted_.deleted && counters.size == counted_.size;
        if (!is_same) tell(place(*folder) + "its counters are not those of its rows");
        return {};
    }

    AccountStore::State& state_;
    bool has_begun_ = false;
    std::vector<MailboxId> left_;
    std::size_t at_ = 0;
    bool folder_open_ = false;
    Uid mark_ = 0;
    ModSeq modseq_ = 0;
    MailboxCounters counted_;
    std::unordered_map<std::string, FoundFile> listed_;  // by unique; those whose row has not come yet
};

// Rows from the names, then the parsed columns; the index of texts begins anew when the box is idle.
class RebuildRun final : public IndexRun {
public:
    RebuildRun(AccountStore& store, AccountStore::State& state) : store_(store), state_(state) {}

    Result<void, StoreError> step(std::chrono::milliseconds max_time) override
    {
        if (auto good = state_.ensure(); !good) return good.error();
        const auto until = state_.clock.steady() + max_time;
        if (!has_begun_) {
            if (auto done = begin(); !done) return done;
        }
        while (at_ < left_.size()) {
            Folder* folder = state_.find_folder(left_[at_]);
            if (folder != nullptr) {
                const auto done = rebuild(*folder, until);
                if (!done) return done.error();
                if (!*done) return {};
            }
            ++at_;
            has_rows_ = false;
            if (state_.clock.steady() >= until) return {};
        }
        progress_.is_done = true;
        return {};
    }

private:
    Outcome begin()
    {
        has_begun_ = true;
        if (!state_.index->is_sound()) {
            state_.index.reset();
            if (auto done = state_.set_index_aside(); !done) return done;
            if (auto done = state_.open_index(); !done) return done;
        }
        state_.drop_text();
        for (const auto& [id, folder] : state_.folders) {
            left_.push_back(id);
            progress_.all += folder.counters.messages;
        }
        return {};
    }

    // Answers whether the folder is done.
    Result<bool, StoreError> rebuild(Folder& folder, SteadyTime until)
    {
        if (!has_rows_) {
            const auto before = folder.counters.messages;
            state_.index->begin();
            state_.index->columns().erase_mailbox(folder.id());
            if (auto done = state_.index->end(); !done) return done.error();
            folder.counters.is_stale = true;
            folder.listed.reset();
            if (auto done = state_.ready(folder); !done) return done.error();
            has_rows_ = true;
            progress_.all += folder.counters.messages - std::uint64_t{before};
        }
        const auto looked_at = state_.looked_at;
        const auto done = state_.fill_folder(store_, folder, until);
        progress_.done += state_.looked_at - looked_at;
        progress_.all = std::max(progress_.all, progress_.done);
        return done;
    }

    AccountStore& store_;
    AccountStore::State& state_;
    bool has_begun_ = false;
    bool has_rows_ = false;  // of the folder at `at_`
    std::vector<MailboxId> left_;
    std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<IndexRun> AccountStore::check_index() { return std::make_unique<CheckRun>(*state_); }
std::unique_ptr<IndexRun> AccountStore::rebuild_index() { return std::make_unique<RebuildRun>(*this, *state_); }

}  // namespace mbx::store
