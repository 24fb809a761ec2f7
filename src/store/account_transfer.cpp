// AccountStore: COPY, MOVE and EXPUNGE.
#include <cerrno>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kLoggedExpunges = 20'000;
constexpr unsigned kTrimEvery = 1000;

// Links messages of one folder into another; takes the links back unless they were kept.
class Linking {
public:
    Linking(AccountStore::State& state, Folder& source, Folder& target)
        : state_(state), source_(source), target_(target)
    {
    }
    Linking(const Linking&) = delete;
    Linking& operator=(const Linking&) = delete;
    ~Linking()
    {
        for (const auto& path : links_) (void)state_.files.unlink(path);
        if (!links_.empty()) state_.distrust(target_);
    }

    // The letters of the one table in those of the other; names that are new there enter it.
    Outcome translate(const std::vector<StoredMessage>& messages)
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

    Outcome link(const StoredMessage& message, ModSeq modseq)
    {
        StoredMessage copy = message;
        copy.row.flags.keywords = 0;
        for (const auto& [from, to] : letters_) {
            if ((message.row.flags.keywords & from) != 0) copy.row.flags.keywords |= to;
        }
        copy.row.uid = static_cast<Uid>(target_.counters.uidnext);
        copy.row.modseq = modseq;
        copy.unique = state_.new_unique();
        copy.row.save_date = save_date_of(copy.unique).value_or(0);
        const Place place = place_of(copy.row.flags);
        const std::string path = state_.place_path(target_, place) + "/" + file_name(copy, place);
        const auto put = [&](const std::string& from) {
            auto done = state_.files.link(from, path);
            if (done || done.error().code != EMLINK) return done;
            return state_.place_copy(from, message.row.internal_date, path);
        };
        const auto done = state_.on_file(source_, message, put);
        if (!done && done.error().is_absent()) return {};  // gone meanwhile: nothing to copy
        if (!done) return state_.failed("copying a message", path, done.error());
        links_.push_back(path);
        touched_[place == Place::cur ? 0 : 1] = true;
        ++target_.counters.uidnext;
        pairs_.emplace_back(message, std::move(copy));
        return {};
    }

    Outcome sync()
    {
        if (touched_[0]) {
            if (auto done = state_.sync(target_, Place::cur); !done) return done;
        }
        return touched_[1] ? state_.sync(target_, Place::fresh) : Outcome();
    }
    void keep() { links_.clear(); }
    const std::vector<std::pair<StoredMessage, StoredMessage>>& pairs() const { return pairs_; }

private:
    AccountStore::State& state_;
    Folder& source_;
    Folder& target_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> letters_;
    std::vector<std::string> links_;
    std::vector<std::pair<StoredMessage, StoredMessage>> pairs_;
    bool touched_[2] = {false, false};
};

}  // namespace

// Within a transaction: rows out, the log and the list of names to unlink in.
void AccountStore::State::log_removal(Folder& folder, const std::vector<StoredMessage>& messages)
{
    auto& counters = folder.counters;
    const ModSeq modseq = ++counters.highest_modseq;
    for (const auto& message : messages) {
        index->erase(folder.id(), message.row.uid);
        index->log_expunged(folder.id(), message.row.uid, modseq);
        index->add_pending(folder.id(), message.unique);
        count(counters, message.row, -1);
    }
    folder.logged_expunges += static_cast<unsigned>(messages.size());
    if (folder.logged_expunges < kTrimEvery) return;
    folder.logged_expunges = 0;
    const auto floor = index->trim_expunged(folder.id(), kLoggedExpunges);
    if (floor && *floor > counters.log_floor) counters.log_floor = *floor;
}

Outcome AccountStore::State::unlink_removed(Folder& folder, const std::vector<StoredMessage>& messages)
{
    bool touched[2] = {false, false};
    Outcome outcome;
    const std::string cur = place_path(folder, Place::cur) + "/";
    for (const auto& message : messages) {
        std::string where;
        const auto unlink = [&](const std::string& path_now) {
            where = path_now;
            return files.unlink(path_now);
        };
        const auto done = on_file(folder, message, unlink);
        if (!done && !done.error().is_absent()) outcome = failed("removing a message", where, done.error());
        if (done) touched[where.starts_with(cur) ? 0 : 1] = true;
    }
    if (touched[0]) {
        if (auto done = sync(folder, Place::cur); !done) outcome = done;
    }
    if (touched[1]) {
        if (auto done = sync(folder, Place::fresh); !done) outcome = done;
    }
    if (!outcome) {
        distrust(folder);  // the pending names are dealt with at the next look
        return outcome;
    }
    after_change(folder);
    return transact({&folder}, [&] { index->clear_pending(folder.id()); });
}

Outcome AccountStore::State::remove_messages(Folder& folder, const std::vector<StoredMessage>& messages)
{
    if (auto done = reserve(folder, 0); !done) return done;
    before_change(folder);
    if (auto done = transact({&folder}, [&] { log_removal(folder, messages); }); !done) return done;
    return unlink_removed(folder, messages);
}

Result<Copied, StoreError> AccountStore::State::transfer(MailboxId from, const UidSet& which, std::string_view to,
                                                         bool removing)
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

    Linking linking(*this, *source, *target);
    if (auto done = linking.translate(messages); !done) return done.error();
    if (auto done = reserve(*target, messages.size()); !done) return done.error();
    before_change(*target);
    if (source != target) before_change(*source);
    const ModSeq modseq = target->counters.highest_modseq + 1;
    for (const auto& message : messages) {
        if (auto done = linking.link(message, modseq); !done) return done.error();
    }
    if (linking.pairs().empty()) return copied;
    if (auto done = linking.sync(); !done) return done.error();
    after_change(*target);

    std::vector<StoredMessage> moved;
    for (const auto& [original, copy] : linking.pairs()) {
        copied.uids.emplace_back(original.row.uid, copy.row.uid);
        if (removing) moved.push_back(original);
    }
    if (removing) {
        if (auto done = reserve(*source, 0); !done) return done.error();
    }
    const auto write = [&] {
        target->counters.highest_modseq = modseq;
        for (const auto& [original, copy] : linking.pairs()) {
            index->insert(target->id(), copy);
            count(target->counters, copy.row, 1);
        }
        if (removing) log_removal(*source, moved);
    };
    const auto done = removing ? transact({target, source}, write) : transact({target}, write);
    if (!done) return done.error();
    linking.keep();
    if (!removing) return copied;
    if (auto removed = unlink_removed(*source, moved); !removed) return removed.error();
    return copied;
}

Result<Copied, StoreError> AccountStore::copy(MailboxId from, const UidSet& which, std::string_view to)
{
    if (auto good = state_->ensure(); !good) return good.error();
    return state_->transfer(from, which, to, false);
}

Result<Copied, StoreError> AccountStore::move(MailboxId from, const UidSet& which, std::string_view to)
{
    if (auto good = state_->ensure(); !good) return good.error();
    return state_->transfer(from, which, to, true);
}

Result<std::vector<Uid>, StoreError> AccountStore::expunge(MailboxId mailbox, const UidSet* which)
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
    std::vector<Uid> uids;
    if (messages.empty()) return uids;
    for (const auto& message : messages) uids.push_back(message.row.uid);
    if (auto done = state_->remove_messages(*folder, messages); !done) return done.error();
    return uids;
}

Result<void, StoreError> AccountStore::withdraw(MailboxId mailbox, Uid uid)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    const auto messages = state_->select(*folder, {{uid, uid}});
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    if (messages.empty()) return StoreError::no_such_message;
    return state_->remove_messages(*folder, messages);
}

}  // namespace mbx::store
