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
    Reflagging(AccountStore::State& state, Folder& folder, FlagAction action, const Flags& wanted)
        : state_(state), folder_(folder), action_(action), wanted_(wanted),
          cur_(state.place_path(folder, Place::cur) + "/"), fresh_(state.place_path(folder, Place::fresh) + "/")
    {
    }

    // Messages are given in the order of their UIDs. Behind one that is not, the rows are no run of neighbours any more.
    void pass_over() { goes_on_ = false; }

    // What is there already stays as it is. False where it is to end here: the disk failed.
    bool apply(StoredMessage& message)
    {
        const Flags before = message.row.flags;
        const Flags after = changed_flags(before, action_, wanted_);
        if (after == before) {
            pass_over();
            return true;
        }
        std::string odd;  // where it lay if not under its usual name
        Place place = place_of(before) == Place::cur ? Place::cur : folder_.flagless;
        auto done = rename(message, place, after);
        if (!done && done.error().is_absent() && place_of(before) == Place::fresh) {
            place = place == Place::cur ? Place::fresh : Place::cur;
            done = rename(message, place, after);
            if (done) folder_.flagless = place;
        }
        if (!done && done.error().is_absent()) {
            if (const auto found = state_.locate(folder_, message.unique)) {
                odd = *found;
                done = odd == to_ ? Result<void, FileError>() : state_.files.rename(odd, to_);
            }
        }
        if (!done && done.error().is_absent()) {
            pass_over();  // gone: the next look at the folder will tell
            return true;
        }
        if (!done) {
            outcome_ = state_.failed("changing flags", odd.empty() ? from_ : odd, done.error());
            return false;
        }
        message.row.flags = after;
        message.row.modseq = modseq_;
        if (goes_on_ && runs_.back().last < message.row.uid) runs_.back().last = message.row.uid;
        else runs_.push_back({message.row.uid, message.row.uid});
        goes_on_ = true;
        changes_.push_back({&message, before, place, std::move(odd)});
        return true;
    }

    Outcome finish()
    {
        if (!outcome_) undo();
        if (changes_.empty()) return outcome_;
        if (!state_.note_in_turns(records())) return StoreError::io;
        state_.seat.journal.want(state_.last_lsn);  // somebody waits: the record is written while the rows are
        auto written = state_.transact({&folder_}, [this] {
            folder_.counters.highest_modseq = modseq_;
            for (const auto& run : runs_) state_.index->update_flags(folder_.id(), run, modseq_, {action_, wanted_});
            for (const auto& change : changes_) recount(folder_.counters, change.before, change.message->row.flags);
        });
        return outcome_ ? written : outcome_;
    }

private:
    struct Change {
        StoredMessage* message = nullptr;  // the caller's, as it is now
        Flags before;
        Place place = Place::cur;  // before
        std::string odd;
    };

    Result<void, FileError> rename(const StoredMessage& message, Place place, const Flags& after)
    {
        name_files(message, place, after);
        return state_.files.rename(from_, to_);
    }

    // from_ and to_, made for each message in the memory of the one before it.
    void name_files(const StoredMessage& message, Place place, const Flags& after)
    {
        from_ = place == Place::fresh ? fresh_ : cur_;
        append_base_name(from_, message.unique, message.row.size, message.row.uid);
        to_ = cur_;
        to_.append(from_, place == Place::fresh ? fresh_.size() : cur_.size());
        if (place == Place::cur) append_flag_suffix(from_, message.row.flags);
        append_flag_suffix(to_, after);
    }

    // All or nothing, as far as the disk lets us. What cannot be renamed back stays changed, in the rows as well.
    void undo()
    {
        const auto is_undone = [this](const Change& change) {
            StoredMessage& message = *change.message;
            StoredMessage old = message;
            old.row.flags = change.before;
            name_files(old, change.place, message.row.flags);
            const std::string& back = change.odd.empty() ? from_ : change.odd;
            return back == to_ || state_.files.rename(to_, back);
        };
        std::erase_if(changes_, is_undone);
        runs_.clear();
        for (const auto& change : changes_) runs_.push_back({change.message->row.uid, change.message->row.uid});
    }

    std::vector<JournalRecord> records() const
    {
        std::vector<JournalRecord> all;
        auto record = state_.flags_record(folder_, modseq_);
        for (const auto& change : changes_) {
            const Uid uid = change.message->row.uid;
            const Flags& flags = change.message->row.flags;
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
    FlagAction action_;
    Flags wanted_;
    std::string cur_;    // paths, with the slash behind
    std::string fresh_;
    std::string from_;
    std::string to_;
    ModSeq modseq_ = folder_.counters.highest_modseq + 1;
    std::vector<Change> changes_;
    // The same, as ranges in which no other row of the folder lies.
    UidSet runs_;
    bool goes_on_ = false;
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
    Reflagging reflagging(*state_, *folder, change.action, wanted);
    bool goes_on = true;
    auto range = which.begin();
    for (auto& message : messages) {
        // Rows between two ranges are not looked at.
        for (; range != which.end() && range->last < message.row.uid; ++range) reflagging.pass_over();
        if (change.unchanged_since && message.row.modseq > *change.unchanged_since) {
            stored.not_stored.push_back(message.row.uid);
            reflagging.pass_over();
        } else {
            goes_on = reflagging.apply(message);
        }
        if (!goes_on) break;
    }
    if (auto done = reflagging.finish(); !done) return done.error();
    stored.rows.reserve(messages.size());
    for (const auto& message : messages) stored.rows.push_back(message.row);
    stored.highest_modseq = folder->counters.highest_modseq;
    stored.keywords = folder->record.keywords;
    return stored;
}

}  // namespace mbx::store
