#include "imap/stored_rights.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "imap/shared_names.hpp"

namespace mbx::imap {

namespace {

constexpr store::Rights kFlagRights = store::kKeepSeen | store::kWriteFlags | store::kDeleteMessages;

bool has_all(store::Rights held) { return (held & kFlagRights) == kFlagRights; }

NumberSet uids_of(const std::vector<store::MessageRow>& rows)
{
    NumberSet uids;
    for (const auto& row : rows) add_above(uids, row.uid);
    return uids;
}

// Takes from messages what may not be set on them.
Result<store::FlagsStored, store::StoreError> strip(store::AccountStore& store, store::MailboxId mailbox, const NumberSet& uids,
                                                    store::Rights held)
{
    store::FlagChange change;
    change.action = store::FlagAction::remove;
    change.system = static_cast<std::uint8_t>(~settable_flags(held));
    if ((held & store::kWriteFlags) == 0) {
        const auto status = store.status(mailbox);
        if (!status) return status.error();
        change.keywords = status->keywords;
    }
    return store.store_flags(mailbox, uids, change);
}

}  // namespace

bool may_store(const Store& command, store::Rights held)
{
    if (has_all(held)) return true;
    const bool may_write = (held & store::kWriteFlags) != 0;
    // A replacement speaks of every flag.
    if (command.action == store::FlagAction::replace) return (held & kFlagRights) != 0;
    return (command.flags.system & settable_flags(held)) != 0 || (may_write && !command.flags.keywords.empty());
}

Result<store::FlagsStored, store::StoreError> store_with_rights(store::AccountStore& store, store::MailboxId mailbox,
                                                                const NumberSet& uids, store::FlagChange change, store::Rights held)
{
    if (has_all(held)) return store.store_flags(mailbox, uids, change);
    const bool may_write = (held & store::kWriteFlags) != 0;
    change.system = static_cast<std::uint8_t>(change.system & settable_flags(held));
    if (!may_write) change.keywords.clear();
    if (change.action != store::FlagAction::replace) return store.store_flags(mailbox, uids, change);
    // A replacement of some of the flags: first those go that are not wanted, then the wanted ones come.
    store::FlagChange gone;
    gone.action = store::FlagAction::remove;
    gone.system = static_cast<std::uint8_t>(settable_flags(held) & ~change.system);
    gone.unchanged_since = change.unchanged_since;
    if (may_write) {
        const auto status = store.status(mailbox);
        if (!status) return status.error();
        for (const auto& keyword : status->keywords) {
            const auto is_it = [&keyword](const std::string& other) { return ascii::same(keyword, other); };
            if (std::ranges::none_of(change.keywords, is_it)) gone.keywords.push_back(keyword);
        }
    }
    auto first = store.store_flags(mailbox, uids, gone);
    if (!first) return first;
    change.action = store::FlagAction::add;
    change.unchanged_since.reset();  // judged already
    NumberSet kept;
    for (const auto uid : first->not_stored) add_above(kept, uid);
    const auto changed = without(uids_of(first->rows), kept);
    if (changed.empty()) return first;
    auto second = store.store_flags(mailbox, changed, change);
    if (!second) return second;
    // Those that were not stored are told with the flags that they have.
    for (const auto& row : first->rows) {
        if (contains(kept, row.uid)) second->rows.push_back(row);
    }
    std::ranges::sort(second->rows, {}, &store::MessageRow::uid);
    second->not_stored = std::move(first->not_stored);
    return second;
}

void keep_settable(store::Incoming& incoming, store::Rights held)
{
    if (has_all(held)) return;
    incoming.system_flags = static_cast<std::uint8_t>(incoming.system_flags & settable_flags(held));
    if ((held & store::kWriteFlags) == 0) incoming.keywords.clear();
}

Transferred transfer_within(store::AccountStore& store, store::MailboxId from, const NumberSet& uids, const std::string& to,
                            std::int64_t user, store::TracedAct* move)
{
    Transferred done;
    const auto target = store.find_for(to, user, store::kInsert);
    if (!target) {
        done.failure = target.error();
        return done;
    }
    done.target = target->id;
    auto copied = move != nullptr ? store.move(from, uids, to, move) : store.copy(from, uids, to);
    if (!copied) {
        done.failure = copied.error();
        return done;
    }
    done.copied = *std::move(copied);
    if (has_all(target->rights) || done.copied.uids.empty()) return done;
    NumberSet made;
    for (const auto& [source, uid] : done.copied.uids) made.push_back({uid, uid});
    // In the same job: nobody sees them before. A failure of the disk leaves flags that were not to be.
    (void)strip(store, target->id, normalised(std::move(made)), target->rights);
    return done;
}

}  // namespace mbx::imap
