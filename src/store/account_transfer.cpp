// AccountStore: COPY and MOVE. Every message of the target gets a new record and so a new name: a link for COPY, the file
// itself for MOVE.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

// Records of one append, after a crash all of them or none: those of a MOVE stand together with the word that the source is
// moved. A record of both takes 1,100 bytes with the longest names that there are, 300 mostly.
constexpr std::size_t kTransferBytes = 12U << 20U;
constexpr std::size_t kPartMessages = 2000;
constexpr std::size_t kRecordMargin = 160;  // what stands in the records of a message beside names

// All of it or nothing, as far as the disk lets us: what cannot be taken back stays, in the rows as well.
class Transfer {
public:
    // `act`, which may be none, outlives it.
    Transfer(AccountStore::State& state, Folder& source, Folder& target, bool removing, TracedAct* act)
        : state_(state), source_(source), target_(target), removing_(removing), act_(act)
    {
    }

    Outcome plan(const std::vector<StoredMessage>& messages);
    // The records, then the files.
    Outcome carry_out();
    Outcome write(Copied& copied);
    // When all of it is done.
    void tell_trace() const;

private:
    struct Step {
        StoredMessage original;
        StoredMessage copy;
        Lsn lsn = 0;
        std::string from;
        std::string to;
        bool is_done = false;
    };
    Outcome translate(const std::vector<StoredMessage>& messages);
    std::size_t messages_together() const;
    bool note_part(std::size_t begin, std::size_t end);
    Outcome apply(Step& step);
    void undo();
    void void_undone(bool is_told);
    void note_told(std::vector<JournalRecord>& records, std::size_t begin, std::size_t end);
    std::vector<StoredMessage> moved(std::size_t begin, std::size_t end) const;
    void carry_texts();

    AccountStore::State& state_;
    Folder& source_;
    Folder& target_;
    bool removing_;
    TracedAct* act_;
    std::vector<ExpungedRecord> told_;  // what the trace is told of when all is done
    ModSeq target_modseq_ = 0;
    ModSeq source_modseq_ = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> letters_;
    std::vector<Step> steps_;
    std::vector<Lsn> expunged_;  // the ExpungedRecords
};

// The letters of the one table in those of the other; names that are new there enter it.
Outcome Transfer::translate(const std::vector<StoredMessage>& messages)
{
    std::uint32_t used = 0;
    for (const auto& message : messages) used |= message.row.flags.keywords;
    for (std::size_t n = 0; n < source_.record.keywords.size(); ++n) {
        if ((used >> n & 1U) == 0) continue;
        std::uint8_t ignored = 0;
        const auto bits = state_.keyword_bits(target_, {source_.record.keywords[n]}, ignored, true);
        if (!bits) return bits.error();
        letters_.emplace_back(1U << n, *bits);
    }
    return {};
}

Outcome Transfer::plan(const std::vector<StoredMessage>& messages)
{
    if (auto done = translate(messages); !done) return done;
    if (auto done = state_.reserve(target_, messages.size()); !done) return done;
    if (auto done = state_.reserve(source_, 0); !done) return done;
    target_modseq_ = target_.counters.highest_modseq + 1;
    source_modseq_ = (&source_ == &target_ ? target_modseq_ : source_.counters.highest_modseq) + 1;
    const auto saved = std::max<std::int64_t>(state_.now_seconds(), 0);
    steps_.reserve(messages.size());
    for (const auto& message : messages) {
        Step step;
        step.original = message;
        step.copy.row = message.row;
        step.copy.row.flags.keywords = 0;
        for (const auto& [from, to] : letters_) {
            if ((message.row.flags.keywords & from) != 0) step.copy.row.flags.keywords |= to;
        }
        step.copy.row.uid = state_.take_uid(target_);
        step.copy.row.modseq = target_modseq_;
        step.copy.row.save_date = saved;
        steps_.push_back(std::move(step));
    }
    return {};
}

std::vector<StoredMessage> Transfer::moved(std::size_t begin, std::size_t end) const
{
    std::vector<StoredMessage> messages;
    for (std::size_t n = begin; n < end; ++n) messages.push_back(steps_[n].original);
    return messages;
}

// All of them where the journal takes that much at once.
std::size_t Transfer::messages_together() const
{
    const auto& key = state_.account_key;
    const std::size_t each = kRecordMargin + key.local_part.size() + key.domain.size();
    std::size_t bytes = 0;
    for (const auto& step : steps_) bytes += each + 2 * step.original.unique.size();
    const bool fits = bytes <= kTransferBytes && state_.seat.journal.has_room(bytes);
    return fits ? std::max(steps_.size(), kPartMessages) : kPartMessages;
}

bool Transfer::note_part(std::size_t begin, std::size_t end)
{
    std::vector<JournalRecord> records;
    for (std::size_t n = begin; n < end; ++n) {
        auto record = state_.placed(target_, steps_[n].copy, PlacedRecord::Source::message);
        record.source_mailbox = source_.id();
        record.source_unique = steps_[n].original.unique;
        records.emplace_back(std::move(record));
    }
    if (removing_) {
        auto gone = state_.expunged_records(source_, source_modseq_, ExpungedRecord::Reason::moved, moved(begin, end));
        for (auto& record : gone) records.push_back(std::move(record));
    }
    note_told(records, begin, end);
    const Lsn first = state_.note(records);
    if (first == 0) return false;
    const std::size_t placed = end - begin;
    for (std::size_t n = 0; n < placed; ++n) {
        Step& step = steps_[begin + n];
        step.lsn = first + n;
        step.copy.unique = state_.unique_of_record(step.copy, step.lsn);
    }
    for (std::size_t n = placed; n < records.size(); ++n) expunged_.push_back(first + n);
    return true;
}

void Transfer::note_told(std::vector<JournalRecord>& records, std::size_t begin, std::size_t end)
{
    if (!removing_ || act_ == nullptr) return;
    act_->to_account = {};
    act_->to_id = target_.id();
    act_->to_mailbox = target_.name;
    act_->moved.clear();
    const std::size_t told = std::min(end, begin + act_->most);
    for (std::size_t n = begin; n < told; ++n) act_->moved.emplace_back(steps_[n].original.row.uid, steps_[n].copy.row.uid);
    if (auto record = state_.add_told(act_, records)) told_.push_back(*std::move(record));
}

Outcome Transfer::apply(Step& step)
{
    const Place place = place_of(step.copy.row.flags);
    step.to = state_.place_path(target_, place) + "/" + file_name(step.copy, place);
    const auto put = [&](const std::string& from) {
        step.from = from;
        if (removing_) return state_.files.rename(from, step.to);
        auto done = state_.files.link(from, step.to);
        if (done || done.error().code != EMLINK) return done;
        return state_.publish_copy(from, step.original.row.internal_date, step.to);
    };
    const auto done = state_.on_file(source_, step.original, put);
    step.is_done = static_cast<bool>(done);
    // Gone meanwhile: nothing to take along; the next look at the source will tell.
    if (!done && !done.error().is_absent()) return state_.failed("copying a message", step.to, done.error());
    return {};
}

void Transfer::undo()
{
    for (auto& step : steps_) {
        if (!step.is_done) continue;
        const auto done = removing_ ? state_.files.rename(step.to, step.from) : state_.files.unlink(step.to);
        if (done || done.error().is_absent()) {
            step.is_done = false;
        } else if (!removing_) {
            // A link that stays is no message: it is set aside by the next look.
            state_.taken_back.insert(step.copy.unique);
            step.is_done = false;
        }
    }
    for (Folder* folder : {&source_, &target_}) state_.distrust(*folder);
}

// What was not done after all is taken out of the records, in one piece. The trace is told of the rest where that is no failure.
void Transfer::void_undone(bool is_told)
{
    std::vector<JournalRecord> records;
    for (const auto& step : steps_) {
        if (!step.is_done && step.lsn != 0) records.emplace_back(VoidRecord{step.lsn});
    }
    if (records.empty()) return;
    for (const Lsn lsn : expunged_) records.emplace_back(VoidRecord{lsn});
    std::erase_if(steps_, [](const Step& step) { return !step.is_done; });
    const std::size_t voids = records.size();
    if (removing_) {
        auto rest = state_.expunged_records(source_, source_modseq_, ExpungedRecord::Reason::moved, moved(0, steps_.size()));
        for (auto& record : rest) records.push_back(std::move(record));
    }
    for (const auto& record : std::exchange(told_, {})) act_->most += record.told.count;
    if (is_told) note_told(records, 0, steps_.size());
    if (!state_.note_in_turns(records)) return;
    expunged_.clear();
    for (std::size_t n = voids; n < records.size(); ++n) expunged_.push_back(state_.last_lsn + 1 + n - records.size());
}

Outcome Transfer::carry_out()
{
    Outcome outcome;
    std::size_t together = messages_together();
    for (std::size_t at = 0; at < steps_.size() && outcome;) {
        const std::size_t end = std::min(steps_.size(), at + together);
        if (note_part(at, end)) {
            at = end;
        } else if (together > kPartMessages && !state_.seat.journal.has_failed()) {
            together = kPartMessages;  // others took the room meanwhile
        } else {
            outcome = StoreError::io;
        }
    }
    // A rename takes the source's name away: a record that a crash loses must not have been acted upon.
    if (outcome && removing_ && !state_.seat.journal.wait(state_.last_lsn)) outcome = StoreError::io;
    if (outcome) {
        state_.before_change(target_);
        state_.before_change(source_);
        for (auto& step : steps_) {
            if (outcome) outcome = apply(step);
        }
    }
    if (!outcome) undo();
    void_undone(static_cast<bool>(outcome));
    return outcome;
}

Outcome Transfer::write(Copied& copied)
{
    for (const auto& step : steps_) copied.uids.emplace_back(step.original.row.uid, step.copy.row.uid);
    if (steps_.empty()) return {};
    const auto body = [this] {
        target_.counters.highest_modseq = target_modseq_;
        for (const auto& step : steps_) {
            state_.index->insert(target_.id(), step.copy);
            state_.index->columns().carry({source_.id(), step.original.row.uid, name_key(step.original.unique)},
                                          {target_.id(), step.copy.row.uid, name_key(step.copy.unique)});
            count(target_.counters, step.copy.row, 1);
        }
        if (removing_) state_.log_removal(source_, moved(0, steps_.size()), source_modseq_);
    };
    auto done = removing_ ? state_.transact({&target_, &source_}, body) : state_.transact({&target_}, body);
    if (!done) {
        undo();
        void_undone(false);
    } else {
        carry_texts();
    }
    return done;
}

void Transfer::tell_trace() const
{
    for (const auto& record : told_) tell(state_.seat.recorder, events_of(record));
}

// A failure costs the filling step a look at each.
void Transfer::carry_texts()
{
    if (state_.open_text(false) == nullptr) return;
    for (const auto& step : steps_) {
        state_.texts->carry({source_.id(), step.original.row.uid, name_key(step.original.unique)},
                            {target_.id(), step.copy.row.uid, name_key(step.copy.unique)});
    }
    (void)state_.judge_text();
}

}  // namespace

Result<Copied, StoreError> AccountStore::State::transfer(MailboxId from, const UidSet& which, std::string_view to,
                                                         bool removing, TracedAct* act)
{
    Folder* source = find_folder(from);
    Folder* target = find_folder(to);
    if (source == nullptr || target == nullptr) return StoreError::no_such_mailbox;
    for (Folder* folder : {source, target}) {
        if (auto done = ready(*folder); !done) return done.error();
    }
    Copied copied;
    copied.uidvalidity = target->record.uidvalidity;
    const auto messages = select(*source, which);
    if (auto good = index->outcome(); !good) return index_failed("reading rows", good.error());
    if (messages.empty()) return copied;
    if (!removing) {
        std::uint64_t bytes = 0;
        for (const auto& message : messages) bytes += message.row.size;
        if (auto good = check_quota(bytes, messages.size()); !good) return good.error();
    }
    Transfer transfer(*this, *source, *target, removing, act);
    if (auto done = transfer.plan(messages); !done) return done.error();
    const auto carried = transfer.carry_out();
    const auto written = transfer.write(copied);
    if (!carried) return carried.error();
    if (!written) return written.error();
    transfer.tell_trace();
    return copied;
}

Result<Copied, StoreError> AccountStore::copy(MailboxId from, const UidSet& which, std::string_view to)
{
    if (auto good = state_->ensure(); !good) return good.error();
    return state_->transfer(from, which, to, false);
}

Result<Copied, StoreError> AccountStore::move(MailboxId from, const UidSet& which, std::string_view to,
                                              TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    return state_->transfer(from, which, to, true, act);
}

}  // namespace mbx::store
