// AccountStore: reading.
#include <algorithm>
#include <utility>

#include "store/account_state.hpp"
#include "store/stored_bytes.hpp"
#include "store/uid_table.hpp"

namespace mbx::store {

namespace {

// Every UID that was given and is there no more.
std::vector<Uid> complement(const std::vector<Uid>& present, std::uint64_t uidnext)
{
    std::vector<Uid> absent;
    std::uint64_t next = 1;
    for (const Uid uid : present) {
        for (; next < uid; ++next) absent.push_back(static_cast<Uid>(next));
        next = std::uint64_t{uid} + 1;
    }
    for (; next < uidnext; ++next) absent.push_back(static_cast<Uid>(next));
    return absent;
}

}  // namespace

MailboxStatus AccountStore::State::status(Folder& folder)
{
    const auto& counters = folder.counters;
    MailboxStatus status;
    status.id = folder.id();
    status.uidvalidity = folder.record.uidvalidity;
    status.uidnext = static_cast<Uid>(counters.uidnext);
    status.highest_modseq = counters.highest_modseq;
    status.messages = counters.messages;
    status.unseen = counters.unseen;
    status.deleted = counters.deleted;
    status.size = counters.size;
    if (counters.unseen != 0 && folder.listed) {
        const auto is_unseen = [](const StoredMessage& message) { return (message.row.flags.system & kSeen) == 0; };
        const auto first = std::ranges::find_if(folder.listed->messages, is_unseen);
        if (first != folder.listed->messages.end()) status.first_unseen = first->row.uid;
    } else if (counters.unseen != 0) {
        status.first_unseen = index->first_unseen(folder.id());
    }
    status.keywords = folder.record.keywords;
    return status;
}

std::vector<StoredMessage> AccountStore::State::select(const Folder& folder, const UidSet& which)
{
    std::vector<StoredMessage> messages;
    for (const auto& range : which) {
        index->visit(folder.id(), range, [&](StoredMessage&& message) { messages.push_back(std::move(message)); });
    }
    return messages;
}

Result<MailboxStatus, StoreError> AccountStore::status(MailboxId mailbox)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh_to_count(*folder); !done) return done.error();
    auto status = state_->status(*folder);
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return status;
}

Result<std::vector<Uid>, StoreError> AccountStore::uids(MailboxId mailbox)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh_to_count(*folder); !done) return done.error();
    std::vector<Uid> all;
    if (folder->listed) {
        all.reserve(folder->listed->messages.size());
        for (const auto& message : folder->listed->messages) all.push_back(message.row.uid);
    } else {
        all = state_->index->uids(mailbox);
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return all;
}

Result<std::vector<MessageRow>, StoreError> AccountStore::rows(MailboxId mailbox, const UidSet& which)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh(*folder); !done) return done.error();
    std::vector<MessageRow> rows;
    for (const auto& range : which) {
        state_->index->visit_rows(mailbox, range, [&rows](const MessageRow& row) { rows.push_back(row); });
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return rows;
}

namespace {

// More are not kept: 256 KiB for a mailbox at most.
constexpr std::uint32_t kMostKeptFlagged = 32'768;

void add_common(UidSet& found, const UidSet& kept, const UidRange& range)
{
    const auto is_below = [](const UidRange& one, Uid uid) { return one.last < uid; };
    auto at = std::lower_bound(kept.begin(), kept.end(), range.first, is_below);
    for (; at != kept.end() && at->first <= range.last; ++at) {
        add_above(found, {std::max(at->first, range.first), std::min(at->last, range.last)});
    }
}

}  // namespace

const UidSet& AccountStore::State::kept_flagged(Folder& folder, FlagQuery query)
{
    auto& kept = folder.flagged.at(static_cast<std::size_t>(query));
    if (kept && kept->at == folder.counters.highest_modseq) return kept->uids;
    kept.emplace();
    kept->at = folder.counters.highest_modseq;
    const auto take = [&kept](Uid uid) { add_above(kept->uids, {uid, uid}); };
    index->visit_flagged(folder.id(), {1, UINT32_MAX}, query, take);
    return kept->uids;
}

// Without a look at the rows: an index over these few has the answer.
Result<UidSet, StoreError> AccountStore::flagged(MailboxId mailbox, const UidSet& which, FlagQuery query)
{
    State& state = *state_;
    if (auto good = state.ensure(); !good) return good.error();
    Folder* folder = state.find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state.refresh(*folder); !done) return done.error();
    const auto& counters = folder->counters;
    const auto known = query == FlagQuery::unseen ? counters.unseen : counters.deleted;
    UidSet found;
    for (const auto& range : which) {
        if (known <= kMostKeptFlagged) {
            add_common(found, state.kept_flagged(*folder, query), range);
        } else {
            state.index->visit_flagged(mailbox, range, query, [&found](Uid uid) { add_above(found, {uid, uid}); });
        }
    }
    if (auto good = state.index->outcome(); !good) {
        folder->flagged = {};
        return state.index_failed("reading rows", good.error());
    }
    return found;
}

Result<Changes, StoreError> AccountStore::changes(MailboxId mailbox, ModSeq since)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh_to_count(*folder); !done) return done.error();
    if (since < folder->counters.highest_modseq) {
        if (auto done = state_->ready(*folder); !done) return done.error();
    }
    Changes changes;
    changes.status = state_->status(*folder);
    if (since < folder->counters.highest_modseq) {
        Index& index = *state_->index;
        index.visit_changed(mailbox, since, [&changes](const MessageRow& row) { changes.changed.push_back(row); });
        // RFC 7162 section 3.2.6 lets VANISHED name more than is asked for, never less.
        const bool is_logged = since >= folder->counters.log_floor;
        changes.expunged = is_logged ? index.expunged(mailbox, since)
                                     : complement(index.uids(mailbox), folder->counters.uidnext);
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return changes;
}

std::optional<StoredMessage> AccountStore::State::find_message(const Folder& folder, Uid uid)
{
    constexpr Uid kAhead = 64;
    constexpr Uid kNear = 2;
    const auto id = folder.id();
    const bool is_good = ahead.mailbox == id && ahead.version == index->version();
    const bool is_next = is_good && uid > ahead.last && uid - ahead.last <= kNear;
    if (!is_good) ahead.messages.clear();
    ahead.mailbox = id;
    ahead.version = index->version();
    ahead.last = uid;
    auto& rows = ahead.messages;
    const auto is_below = [](const StoredMessage& message, Uid wanted) { return message.row.uid < wanted; };
    const auto known = std::lower_bound(rows.begin(), rows.end(), uid, is_below);
    if (known != rows.end() && known->row.uid == uid) return *known;
    if (!is_next || uid > UINT32_MAX - kAhead) return index->find(id, uid);
    rows.clear();
    index->visit(id, {uid, uid + kAhead}, [&rows](StoredMessage&& message) { rows.push_back(std::move(message)); });
    if (rows.empty() || rows.front().row.uid != uid) return std::nullopt;
    return rows.front();
}

Result<MessageFilePtr, StoreError> AccountStore::message(MailboxId mailbox, Uid uid)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    // Another tool may move the file between our looking for it and our opening it.
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (auto done = state_->ready(*folder); !done) return done.error();
        const auto message = state_->find_message(*folder, uid);
        if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
        if (!message) return StoreError::no_such_message;
        std::string opened_path;
        const auto open = [this, &opened_path](const std::string& path) {
            opened_path = path;
            return state_->files.open_read(path);
        };
        auto file = state_->on_file(*folder, *message, open);
        if (!file && file.error().is_absent()) continue;
        if (!file) return state_->failed("opening a message", opened_path, file.error());
        auto loaded = load_message(*std::move(file), message->row.size);
        if (!loaded) return state_->failed("reading a message", opened_path, loaded.error());
        if (*loaded) return *std::move(loaded);
        // Its content is no longer what its UID stood for: under a new unique part it becomes a new message.
        state_->log.error("store: a message file was changed; it becomes a new message", {{"path", opened_path}});
        const auto parsed = parse_message_name(opened_path.substr(opened_path.rfind('/') + 1));
        const std::string fresh = state_->place_path(*folder, Place::cur) + "/" + state_->new_unique();
        (void)state_->files.rename(opened_path, fresh + flag_suffix(parsed.flags));
        state_->distrust(*folder);
        if (auto done = state_->refresh(*folder); !done) return done.error();
    }
    return StoreError::no_such_message;
}

Result<std::vector<PlacedRow>, StoreError> AccountStore::placed_rows(MailboxId mailbox, const UidSet& which)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh(*folder); !done) return done.error();
    std::vector<PlacedRow> rows;
    for (const auto& range : which) {
        const auto add = [&](StoredMessage&& message) { rows.push_back({message.row, state_->usual_path(*folder, message)}); };
        state_->index->visit(mailbox, range, add);
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return rows;
}

PlacedLoader AccountStore::placed_loader() const
{
    return [&files = state_->files](const PlacedRow& message) {
        auto file = files.open_read(message.path);
        if (!file) return MessageFilePtr();
        auto loaded = load_message(*std::move(file), message.row.size);
        return loaded ? *std::move(loaded) : MessageFilePtr();
    };
}

AccountStore::Usage AccountStore::usage() const
{
    if (!state_->ensure()) return {};
    for (auto& [id, folder] : state_->folders) (void)state_->ready_to_count(folder);
    return state_->known_usage();
}

AccountStore::Usage AccountStore::known_usage() const { return state_->known_usage(); }

}  // namespace mbx::store
