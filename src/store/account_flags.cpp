// AccountStore: flags. A flag is a letter in the file's name, so every change is a rename. The names go first here: the
// record says what was renamed, whatever other tools were doing meanwhile.
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

constexpr std::size_t kChangesInRecord = 100'000;

// One STORE on its way through a folder.
class Reflagging {
public:
    Reflagging(AccountStore::State& state, Folder& folder) : state_(state), folder_(folder) {}

    // False where it is to end here: the disk failed.
    bool apply(StoredMessage& message, const Flags& after)
    {
        Change change{message, message, {}, {}};
        change.after.row.flags = after;
        change.to = state_.place_path(folder_, Place::cur) + "/" + file_name(change.after, Place::cur);
        const auto rename = [&](const std::string& path) {
            change.from = path;
            return path == change.to ? Result<void, FileError>() : state_.files.rename(path, change.to);
        };
        const auto done = state_.on_file(folder_, message, rename);
        if (!done && done.error().is_absent()) return true;  // gone: the next look at the folder will tell
        if (!done) {
            outcome_ = state_.failed("changing flags", change.from, done.error());
            return false;
        }
        change.after.row.modseq = modseq_;
        message = change.after;
        changes_.push_back(std::move(change));
        return true;
    }

    Outcome finish()
    {
        if (!outcome_) undo();
        if (changes_.empty()) return outcome_;
        if (!state_.note_in_turns(records())) return StoreError::io;
        auto written = state_.transact({&folder_}, [this] {
            folder_.counters.highest_modseq = modseq_;
            for (const auto& change : changes_) {
                state_.index->update_flags(folder_.id(), change.after.row);
                recount(folder_.counters, change.before.row.flags, change.after.row.flags);
            }
        });
        return outcome_ ? written : outcome_;
    }

private:
    struct Change {
        StoredMessage before;
        StoredMessage after;
        std::string from;
        std::string to;
    };

    // All or nothing, as far as the disk lets us. What cannot be renamed back stays changed, in the rows as well.
    void undo()
    {
        const auto is_undone = [this](const Change& change) {
            return change.from == change.to || state_.files.rename(change.to, change.from);
        };
        std::erase_if(changes_, is_undone);
    }

    std::vector<JournalRecord> records() const
    {
        std::vector<JournalRecord> all;
        auto record = state_.flags_record(folder_, modseq_);
        for (const auto& change : changes_) {
            const Uid uid = change.after.row.uid;
            const Flags& flags = change.after.row.flags;
            auto& last = record.changes;
            if (!last.empty() && last.back().uids.last + 1 == uid && last.back().flags == flags) {
                last.back().uids.last = uid;
                continue;
            }
            if (last.size() == kChangesInRecord) {
                all.emplace_back(std::move(record));
                record = state_.flags_record(folder_, modseq_);
            }
            record.changes.push_back({{uid, uid}, flags});
        }
        all.emplace_back(std::move(record));
        return all;
    }

    AccountStore::State& state_;
    Folder& folder_;
    ModSeq modseq_ = folder_.counters.highest_modseq + 1;
    std::vector<Change> changes_;
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
