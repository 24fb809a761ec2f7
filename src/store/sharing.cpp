#include "store/sharing.hpp"

#include <algorithm>
#include <tuple>

namespace mbx::store {

void Sharing::forget(std::int64_t owner)
{
    if (!is_read_) noted_.insert(owner);
    drop(owner);
}

void Sharing::drop(std::int64_t owner)
{
    const auto found = owners_.find(owner);
    if (found == owners_.end()) return;
    for (const auto grantee : found->second.grantees) {
        const auto at = by_grantee_.find(grantee);
        at->second.erase(owner);
        if (at->second.empty()) by_grantee_.erase(at);
    }
    owners_.erase(found);
}

void Sharing::note(const AccountKey& owner, const AccessLists& lists)
{
    if (!is_read_) noted_.insert(owner.id);
    Owner made{owner, {}};
    for (const auto& [mailbox, list] : lists) {
        for (const auto& entry : list) {
            if (!entry.is_negative) made.grantees.insert(entry.account);
        }
    }
    const auto before = owners_.find(owner.id);
    if (before == owners_.end() ? made.grantees.empty() : before->second.grantees == made.grantees) return;
    drop(owner.id);
    for (const auto grantee : made.grantees) by_grantee_[grantee].insert(owner.id);
    if (!made.grantees.empty()) owners_.emplace(owner.id, std::move(made));
    for (const auto& watcher : watchers_) watcher(owner.id);
}

void Sharing::note_read(const AccountKey& owner, const AccessLists& lists)
{
    if (!noted_.contains(owner.id)) note(owner, lists);
}

bool Sharing::shares(std::int64_t owner, std::int64_t user) const
{
    const auto found = owners_.find(owner);
    if (found == owners_.end() || owner == user) return false;
    return found->second.grantees.contains(user) || found->second.grantees.contains(kAnyone);
}

std::vector<AccountKey> Sharing::owners_for(std::int64_t user) const
{
    std::set<std::int64_t> ids;
    for (const auto grantee : {user, kAnyone}) {
        const auto found = by_grantee_.find(grantee);
        if (found != by_grantee_.end()) ids.insert(found->second.begin(), found->second.end());
    }
    ids.erase(user);
    std::vector<AccountKey> keys;
    for (const auto id : ids) keys.push_back(owners_.at(id).key);
    std::ranges::sort(keys, {}, [](const AccountKey& key) { return std::tie(key.domain, key.local_part); });
    return keys;
}

}  // namespace mbx::store
