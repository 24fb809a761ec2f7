// AccountStore: EXPUNGE. A file goes into the undelete directory, from where it can be had back until it is purged.
#include <optional>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kLoggedExpunges = 20'000;
constexpr unsigned kTrimEvery = 1000;

// One EXPUNGE on its way through a folder. All or nothing, as far as the disk lets us.
class Removal {
public:
    // `messages` and `act` outlive it.
    Removal(AccountStore::State& state, Folder& folder, const std::vector<StoredMessage>& messages, TracedAct* act)
        : state_(state), folder_(folder), messages_(messages), act_(act)
    {
        for (const auto& message : messages) steps_.push_back({&message, {}, {}});
    }

    Outcome run()
    {
        auto outcome = note(messages_, first_lsn_, act_);
        if (!outcome) return outcome;
        state_.before_change(folder_);
        const auto now = state_.now_seconds();
        for (auto& step : steps_) {
            outcome = apply(step, now);
            if (!outcome) break;
        }
        if (outcome) {
            outcome = state_.transact({&folder_}, [this] { state_.log_removal(folder_, messages_, modseq_); });
            if (outcome && told_) tell(state_.seat.recorder, events_of(*told_));
            return outcome;
        }
        const auto left = undo();
        if (left.empty()) return outcome;
        (void)state_.transact({&folder_}, [&] { state_.log_removal(folder_, left, modseq_); });
        return outcome;
    }

private:
    struct Step {
        const StoredMessage* message = nullptr;
        std::string from;
        std::string to;  // empty: not done, or the file was gone already
        bool is_done = false;
    };

    Outcome note(const std::vector<StoredMessage>& messages, Lsn& first, TracedAct* act)
    {
        auto records = state_.expunged_records(folder_, modseq_, ExpungedRecord::Reason::expunged, messages);
        told_ = state_.add_told(act, records);
        count_ = records.size();
        // Each below a MiB: all of them fit into one append up to many millions of messages in a mailbox.
        if (!state_.note_in_turns(records)) return StoreError::io;
        first = state_.last_lsn + 1 - count_;
        // A rename takes the name away: a record that a crash loses must not have been acted upon.
        return state_.seat.journal.wait(state_.last_lsn) ? Outcome() : Outcome(StoreError::io);
    }

    Outcome apply(Step& step, std::int64_t now)
    {
        const auto& row = step.message->row;
        ExpungedName name{first_lsn_, now, folder_.id(), row.uid, file_name(*step.message, place_of(row.flags))};
        std::string target = state_.expunged_path(format_expunged_name(name));
        const auto move = [&](const std::string& path) {
            step.from = path;
            return state_.files.rename(path, target);
        };
        const auto done = state_.on_file(folder_, *step.message, move);
        if (!done && !done.error().is_absent()) return state_.failed("removing a message", step.from, done.error());
        if (done) step.to = std::move(target);
        step.is_done = true;
        return {};
    }

    // What cannot be renamed back stays expunged, in a record and the rows as well: those.
    std::vector<StoredMessage> undo()
    {
        std::vector<StoredMessage> left;
        for (const auto& step : steps_) {
            const bool is_back = !step.is_done || (!step.to.empty() && state_.files.rename(step.to, step.from));
            if (!is_back) left.push_back(*step.message);
        }
        state_.distrust(folder_);
        std::vector<Lsn> all;
        for (std::size_t n = 0; n < count_; ++n) all.push_back(first_lsn_ + n);
        state_.take_back(all);
        Lsn ignored = 0;
        if (!left.empty()) (void)note(left, ignored, nullptr);
        return left;
    }

    AccountStore::State& state_;
    Folder& folder_;
    const std::vector<StoredMessage>& messages_;
    TracedAct* act_;  // may be none
    std::optional<ExpungedRecord> told_;
    ModSeq modseq_ = folder_.counters.highest_modseq + 1;
    std::vector<Step> steps_;
    Lsn first_lsn_ = 0;
    std::size_t count_ = 0;
};

}  // namespace

void AccountStore::State::log_removal(Folder& folder, const std::vector<StoredMessage>& messages, ModSeq modseq)
{
    auto& counters = folder.counters;
    counters.highest_modseq = modseq;
    for (const auto& message : messages) {
        index->erase(folder.id(), message.row.uid);
        index->log_expunged(folder.id(), message.row.uid, modseq);
        count(counters, message.row, -1);
    }
    folder.logged_expunges += static_cast<unsigned>(messages.size());
    if (folder.logged_expunges < kTrimEvery) return;
    folder.logged_expunges = 0;
    const auto floor = index->trim_expunged(folder.id(), kLoggedExpunges);
    if (floor && *floor > counters.log_floor) counters.log_floor = *floor;
}

Outcome AccountStore::State::remove_messages(Folder& folder, const std::vector<StoredMessage>& messages, TracedAct* act)
{
    if (messages.empty()) return {};
    if (auto done = reserve(folder, 0); !done) return done;
    Removal removal(*this, folder, messages, act);
    return removal.run();
}

Result<std::vector<Uid>, StoreError> AccountStore::expunge(MailboxId mailbox, const UidSet* which, TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    const UidSet all{{1, UINT32_MAX}};
    std::vector<StoredMessage> messages;
    for (const auto& range : which != nullptr ? *which : all) {
        state_->index->visit_deleted(mailbox, range, [&](StoredMessage&& m) { messages.push_back(std::move(m)); });
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    if (auto done = state_->remove_messages(*folder, messages, act); !done) return done.error();
    std::vector<Uid> uids;
    for (const auto& message : messages) uids.push_back(message.row.uid);
    return uids;
}

Result<std::vector<Uid>, StoreError> AccountStore::expunge_these(MailboxId mailbox, const UidSet& which, TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    const auto messages = state_->select(*folder, which);
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    if (auto done = state_->remove_messages(*folder, messages, act); !done) return done.error();
    std::vector<Uid> uids;
    for (const auto& message : messages) uids.push_back(message.row.uid);
    return uids;
}

}  // namespace mbx::store
