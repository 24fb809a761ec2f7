// AccountStore: flags. A flag is a letter in the file's name, so every change is a rename.
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

Flags changed_flags(const Flags& flags, FlagAction action, const Flags& change)
{
    const auto apply = [action](auto before, auto by) {
        using Bits = decltype(before);
        switch (action) {
        case FlagAction::replace: return by;
        case FlagAction::add: return static_cast<Bits>(before | by);
        case FlagAction::remove: break;
        }
        return static_cast<Bits>(before & static_cast<Bits>(~by));
    };
    return {apply(flags.system, change.system), apply(flags.keywords, change.keywords)};
}

// One STORE on its way through a folder.
class Reflagging {
public:
    Reflagging(AccountStore::State& state, Folder& folder) : state_(state), folder_(folder) {}

    // False where it is to end here: the disk failed.
    bool apply(StoredMessage& message, const Flags& after)
    {
        const StoredMessage before = message;
        message.row.flags = after;
        const std::string target = state_.place_path(folder_, Place::cur) + "/" + file_name(message, Place::cur);
        std::string source;
        const auto rename = [&](const std::string& path) {
            source = path;
            return path == target ? Result<void, FileError>() : state_.files.rename(path, target);
        };
        const auto done = state_.on_file(folder_, before, rename);
        if (!done) message = before;
        if (!done && done.error().is_absent()) return true;  // gone: the next look at the folder will tell
        if (!done) {
            outcome_ = state_.failed("changing flags", source, done.error());
            return false;
        }
        left_fresh_ = left_fresh_ || source.starts_with(state_.place_path(folder_, Place::fresh) + "/");
        message.row.modseq = modseq_;
        changes_.emplace_back(before.row.flags, message.row);
        return true;
    }

    Outcome finish()
    {
        if (changes_.empty()) return outcome_;
        if (auto done = state_.sync(folder_, Place::cur); !done) outcome_ = done;
        if (left_fresh_) {
            if (auto done = state_.sync(folder_, Place::fresh); !done) outcome_ = done;
        }
        state_.after_change(folder_);
        // What was renamed stands in the names, whatever became of the rest: the rows follow.
        auto written = state_.transact({&folder_}, [this] {
            folder_.counters.highest_modseq = modseq_;
            for (const auto& [before, row] : changes_) {
                state_.index->update_flags(folder_.id(), row);
                recount(folder_.counters, before, row.flags);
            }
        });
        return outcome_ ? written : outcome_;
    }

private:
    AccountStore::State& state_;
    Folder& folder_;
    ModSeq modseq_ = folder_.counters.highest_modseq + 1;
    std::vector<std::pair<Flags, MessageRow>> changes_;
    bool left_fresh_ = false;
    Outcome outcome_;
};

}  // namespace

Result<FlagsStored, StoreError> AccountStore::store_flags(MailboxId mailbox, const UidSet& which,
                                                          const FlagChange& change)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    Flags wanted;
    wanted.system = change.system;
    const bool adds = change.action != FlagAction::remove;
    const auto bits = state_->keyword_bits(*folder, change.keywords, wanted.system, adds);
    if (!bits) return bits.error();
    wanted.keywords = *bits;
    if (auto done = state_->reserve(*folder, 0); !done) return done.error();

    FlagsStored stored;
    auto messages = state_->select(*folder, which);
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    state_->before_change(*folder);
    Reflagging reflagging(*state_, *folder);
    for (auto& message : messages) {
        const Flags after = changed_flags(message.row.flags, change.action, wanted);
        if (change.unchanged_since && message.row.modseq > *change.unchanged_since) {
            stored.not_stored.push_back(message.row.uid);
        } else if (after != message.row.flags && !reflagging.apply(message, after)) {
            break;
        }
        stored.rows.push_back(message.row);
    }
    if (auto done = reflagging.finish(); !done) return done.error();
    stored.highest_modseq = folder->counters.highest_modseq;
    stored.keywords = folder->record.keywords;
    return stored;
}

}  // namespace mbx::store
