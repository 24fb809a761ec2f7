// AccountStore: what goes for ever, and what goes by age.
#include <algorithm>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kMostUnlinked = 2000;                     // of one call …
constexpr auto kLongestPurge = std::chrono::milliseconds(10);   // … and its time, after which the strand is given up
constexpr std::string_view kGone = "gone-";                     // of a mailbox that is being purged: nothing that comes back
constexpr std::string_view kItself = "/.";                       // the directory, behind all that is in it
constexpr int kTreeLevels = 4;
constexpr Uid kUidWindow = 5000;

// Chooses and removes entries of the undelete directory.
class Purge {
public:
    Purge(AccountStore::State& state, PurgeRun& run) : state_(state), run_(run) {}

    Outcome list()
    {
        const std::string directory = state_.path + "/" + std::string(kExpungedDirectory);
        const auto entries = state_.files.list(directory);
        if (!entries) return state_.failed("listing expunged messages", directory, entries.error());
        std::vector<std::pair<std::int64_t, std::string>> due;
        for (const auto& entry : *entries) {
            if (const auto since = due_since(entry)) due.emplace_back(*since, entry.name);
        }
        // Taken from the end, the oldest first.
        std::ranges::sort(due, std::greater<>());
        for (auto& [since, name] : due) run_.left.push_back(std::move(name));
        run_.is_listed = true;
        return {};
    }

    void remove_some()
    {
        const auto end = state_.clock.steady() + kLongestPurge;
        for (std::size_t n = 0; n < kMostUnlinked && !run_.left.empty(); ++n) {
            const std::string item = std::move(run_.left.back());
            run_.left.pop_back();
            remove(item);
            if (state_.clock.steady() >= end) return;
        }
    }

private:
    // When an entry that is to go went; none: it stays. With a number above the checkpoint a replay may want it yet.
    std::optional<std::int64_t> due_since(const DirectoryEntry& entry) const
    {
        if (const auto name = parse_expunged_name(entry.name)) {
            const bool is_due = name->expunged_at <= run_.expunged_before && name->lsn <= run_.below_lsn;
            return is_due ? std::optional(name->expunged_at) : std::nullopt;
        }
        if (entry.name.starts_with(kGone)) return 0;
        // Set aside, because its record never became durable: nobody was ever told of it.
        const auto unique = parse_message_name(entry.name).unique;
        const auto ours = lsn_of(unique);
        const auto saved = save_date_of(unique);
        if (!ours || !saved || ours->second > run_.below_lsn || *saved > run_.expunged_before) return std::nullopt;
        return saved;
    }

    void remove(const std::string& item)
    {
        const auto name = parse_expunged_name(item);
        const bool is_mailbox = name && name->uid == 0;
        if (is_mailbox || (item.starts_with(kGone) && item.find('/') == std::string::npos)) {
            open_mailbox(item, is_mailbox);
            return;
        }
        const bool is_emptied = item.ends_with(kItself);
        const std::string path = state_.expunged_path(is_emptied ? item.substr(0, item.size() - kItself.size()) : item);
        const auto done = is_emptied ? state_.files.remove_directory(path) : state_.files.unlink(path);
        if (!done && !done.error().is_absent()) {
            state_.log.warning("store: an expunged message cannot be removed", {{"path", path}, {"error", done.error().name()}});
        }
        const auto size = parse_message_name(name ? name->name : item.substr(item.rfind('/') + 1)).size;
        if (!done || is_emptied || !size) return;
        ++run_.removed;
        run_.bytes += *size;
    }

    // A mailbox goes under another name first, so that a part of it never comes back for the whole.
    void open_mailbox(const std::string& item, bool is_mailbox)
    {
        const std::string gone = is_mailbox ? std::string(kGone) + item : item;
        if (is_mailbox) {
            const auto done = state_.files.rename(state_.expunged_path(item), state_.expunged_path(gone));
            if (!done) return;
        }
        add_tree(gone, kTreeLevels);
    }

    // A directory before what is in it: taken from the end, it is empty when its turn comes.
    void add_tree(const std::string& below, int levels)
    {
        run_.left.push_back(below + std::string(kItself));
        const auto entries = state_.files.list(state_.expunged_path(below));
        if (!entries || levels == 0) return;
        for (const auto& entry : *entries) {
            if (entry.kind == FileKind::directory) add_tree(below + "/" + entry.name, levels - 1);
            else run_.left.push_back(below + "/" + entry.name);
        }
    }

    AccountStore::State& state_;
    PurgeRun& run_;
};

}  // namespace

Result<bool, StoreError> AccountStore::purge(PurgeRun& run)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Purge purge(*state_, run);
    if (!run.is_listed) {
        if (auto done = purge.list(); !done) return done.error();
    }
    purge.remove_some();
    return run.left.empty();
}

Result<std::size_t, StoreError> AccountStore::expire(SpecialUse use, std::int64_t saved_before, std::size_t most)
{
    if (auto good = state_->ensure(); !good) return good.error();
    std::size_t expired = 0;
    std::vector<MailboxId> of_use;
    for (const auto& [id, folder] : state_->folders) {
        if (folder.record.special_use == use) of_use.push_back(id);
    }
    for (const auto id : of_use) {
        Folder& folder = *state_->find_folder(id);
        if (auto done = state_->refresh(folder); !done) return done.error();
        std::vector<StoredMessage> old;
        // In windows, because the oldest messages have the lowest UIDs and there are not more than `most` wanted.
        for (std::uint64_t at = 1; at < folder.counters.uidnext && expired + old.size() < most; at += kUidWindow) {
            const UidRange window{static_cast<Uid>(at), static_cast<Uid>(std::min<std::uint64_t>(at + kUidWindow - 1, UINT32_MAX))};
            state_->index->visit(id, window, [&](StoredMessage&& message) {
                if (message.row.save_date < saved_before && expired + old.size() < most) old.push_back(std::move(message));
            });
        }
        if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
        if (auto done = state_->remove_messages(folder, old); !done) return done.error();
        expired += old.size();
    }
    return expired;
}

Result<std::uint64_t, StoreError> AccountStore::deleted_size(MailboxId mailbox)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    std::uint64_t bytes = 0;
    const UidRange all{1, UINT32_MAX};
    state_->index->visit_deleted(mailbox, all, [&bytes](StoredMessage&& message) { bytes += message.row.size; });
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return bytes;
}

}  // namespace mbx::store
