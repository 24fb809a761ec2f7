// AccountStore: what others may do here (RFC 4314), and the keys of URLs (RFC 4467). Access lists stand in memory from the
// opening on; keys are read each time, for they are asked for seldom.
#include <algorithm>
#include <span>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr Rights kVisible = kLookup | kRead | kInsert | kCreateBelow | kDeleteMailbox | kAdminister;

std::size_t entries_of(const AccessLists& lists)
{
    std::size_t count = 0;
    for (const auto& [mailbox, list] : lists) count += list.size();
    return count;
}

}  // namespace

Outcome AccountStore::State::load_access()
{
    const std::string file = path + "/" + std::string(kAccessFile);
    access = std::make_shared<const AccessLists>();
    const auto text = read_whole(files, file, kMaxStateFile);
    if (!text && text.error().is_absent()) return {};
    if (!text) return failed("reading access lists", file, text.error());
    auto lists = parse_access(*text);
    if (!lists) {
        // Nobody gets in by a damaged list.
        log.error("store: the access lists are damaged and set aside; nobody else may do anything", {{"path", file}});
        const auto aside = files.rename(file, file + ".damaged");
        if (!aside) return failed("setting access lists aside", file, aside.error());
        return {};
    }
    const auto stale = std::erase_if(*lists, [this](const auto& one) { return !folders.contains(one.first); });
    if (stale == 0) {
        access = std::make_shared<const AccessLists>(*std::move(lists));
        return {};
    }
    // A crash came between the end of a mailbox and that of its list; it must not come back with the mailbox.
    return save_access(*std::move(lists));
}

Outcome AccountStore::State::save_access(AccessLists lists)
{
    const std::string file = path + "/" + std::string(kAccessFile);
    std::erase_if(lists, [](const auto& one) { return one.second.empty(); });
    const auto done = replace_whole(files, file, format_access(lists), kFileMode);
    if (!done) return failed("writing access lists", file, done.error());
    access = std::make_shared<const AccessLists>(std::move(lists));
    ++listings;
    return {};
}

// RFC 4314 section 4: a new mailbox has the list of the one above it. Without it nobody else gets in, so a failure of the
// disk here is no failure of the CREATE.
void AccountStore::State::inherit_access(const std::vector<MailboxId>& made)
{
    auto lists = *access;
    for (const auto id : made) {
        const std::string parent = parent_name(folders.at(id).name);
        const auto above = parent.empty() ? names.end() : names.find(parent);
        if (above == names.end()) continue;
        const auto list = lists.find(above->second);
        if (list != lists.end() && entries_of(lists) + list->second.size() <= kMostAccountAccess) lists.emplace(id, AccessList(list->second));
    }
    if (lists.size() != access->size()) (void)save_access(std::move(lists));
}

void AccountStore::State::drop_access(MailboxId id)
{
    if (!access->contains(id)) return;
    auto lists = *access;
    lists.erase(id);
    auto without = std::make_shared<const AccessLists>(lists);
    // Where it cannot be written the next opening drops it.
    if (!save_access(std::move(lists))) access = std::move(without);
}

Rights AccountStore::rights(MailboxId mailbox, std::int64_t user) const
{
    if (user == state_->account_key.id) return kAllRights;
    const auto list = state_->access->find(mailbox);
    return list == state_->access->end() ? Rights{0} : rights_of(list->second, user);
}

Result<MailboxInfo, StoreError> AccountStore::find_for(std::string_view name, std::int64_t user, Rights needed) const
{
    auto info = find(name);
    if (!info) return info;
    info->rights = rights(info->id, user);
    const bool is_allowed = needed == 0 ? (info->rights & kVisible) != 0 : (info->rights & needed) == needed;
    if (is_allowed) return info;
    // RFC 4314 section 6: who may not see it hears what he would if it were not there.
    return (info->rights & kLookup) != 0 ? StoreError::no_right : StoreError::no_such_mailbox;
}

Result<AccessList, StoreError> AccountStore::access(std::string_view name) const
{
    const auto info = find(name);
    if (!info) return info.error();
    const auto list = state_->access->find(info->id);
    return list == state_->access->end() ? AccessList() : list->second;
}

Result<void, StoreError> AccountStore::change_access(std::string_view name, const std::vector<AccessChange>& changes)
{
    const auto info = find(name);
    if (!info) return info.error();
    auto lists = *state_->access;
    auto& list = lists[info->id];
    const auto before = list;
    for (const auto& change : changes) apply(list, change);
    if (list == before) return {};
    const bool has_grown = list.size() > before.size();
    if (has_grown && (list.size() > kMostAccessEntries || entries_of(lists) > kMostAccountAccess)) return StoreError::limit;
    return state_->save_access(std::move(lists));
}

AccessListsPtr AccountStore::access_lists() const { return state_->access; }

Result<UrlKeys, StoreError> AccountStore::State::load_url_keys()
{
    const std::string file = path + "/" + std::string(kUrlKeyFile);
    const auto text = read_whole(files, file, kMaxStateFile);
    if (!text && text.error().is_absent()) return UrlKeys();
    if (!text) return failed("reading URL keys", file, text.error());
    auto keys = parse_url_keys(*text);
    if (keys) return *std::move(keys);
    log.error("store: URL keys are damaged and set aside; URLs made with them are void", {{"path", file}});
    const auto aside = files.rename(file, file + ".damaged");
    if (!aside) return failed("setting URL keys aside", file, aside.error());
    return UrlKeys();
}

Outcome AccountStore::State::save_url_keys(UrlKeys keys)
{
    // Own mailboxes that are gone do not come back under their ids but by undelete: then their URLs are void.
    std::erase_if(keys, [this](const auto& one) {
        return one.first.owner == account_key.id && !folders.contains(one.first.mailbox);
    });
    if (keys.size() > kMostUrlKeys) return StoreError::limit;
    const std::string file = path + "/" + std::string(kUrlKeyFile);
    const auto done = replace_whole(files, file, format_url_keys(keys), kFileMode);
    if (!done) return failed("writing URL keys", file, done.error());
    return {};
}

Result<std::string, StoreError> AccountStore::url_key(const UrlKeyPlace& place, KeyWanted wanted)
{
    if (auto good = state_->ensure(); !good) return good.error();
    auto keys = state_->load_url_keys();
    if (!keys) return keys.error();
    const auto found = keys->find(place);
    if (found != keys->end() && wanted != KeyWanted::fresh) return found->second;
    if (wanted == KeyWanted::known) return std::string();
    std::string key(kUrlKeyBytes, '\0');
    state_->random.fill(std::span(reinterpret_cast<unsigned char*>(key.data()), key.size()));
    keys->insert_or_assign(place, key);
    if (auto done = state_->save_url_keys(*std::move(keys)); !done) return done.error();
    return key;
}

Result<void, StoreError> AccountStore::drop_url_keys()
{
    if (auto good = state_->ensure(); !good) return good.error();
    const auto keys = state_->load_url_keys();
    if (!keys) return keys.error();
    if (keys->empty()) return {};
    return state_->save_url_keys({});
}

}  // namespace mbx::store
