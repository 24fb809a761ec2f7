// Where a mailbox name leads: into the own account, or into another one that shares something (RFC 4314, RFC 2342).
#include <algorithm>

#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kMostOwners = 1000;  // accounts that one LIST looks into

store::AccountKey key_of(const directory::Account& account)
{
    return {account.id.value, account.local_part, account.domain};
}

}  // namespace

// What of the account `user` may look up, under the names that he knows; who may not see a mailbox sees those below it.
std::vector<store::MailboxInfo> Session::visible_to(store::AccountStore& store, std::int64_t user, const std::string& prefix)
{
    auto all = store.list();
    for (auto& info : all) info.rights = store.rights(info.id, user);
    std::erase_if(all, [](const store::MailboxInfo& info) { return (info.rights & store::kLookup) == 0; });
    std::set<std::string, std::less<>> above;
    for (const auto& info : all) {
        for (auto cut = info.name.rfind('/'); cut != std::string::npos; cut = info.name.rfind('/', cut - 1)) {
            if (!above.insert(info.name.substr(0, cut)).second || cut == 0) break;
        }
    }
    for (auto& info : all) {
        info.has_children = above.contains(info.name);
        info.special_use = store::SpecialUse::none;  // it is the owner's Sent, not that of whoever looks
        info.subscribed = false;
        info.name.insert(0, prefix);
    }
    return all;
}

bool Session::is_own(const store::AccountKey& account) const { return account.id == login_->account.value; }

co::Task<store::Sharing*> Session::sharing()
{
    auto accounts = [this] {
        std::vector<store::AccountKey> keys;
        for (const auto& account : services_.directory.snapshot()->accounts()) keys.push_back(key_of(account));
        return keys;
    };
    co_return co_await services_.store.sharing(std::move(accounts));
}

co::Task<Result<Session::Place, store::StoreError>> Session::place_of(std::string name)
{
    return place_for(login_->account, std::move(name));
}

// As `user` names it, who need not be the one who is logged in (RFC 4467).
co::Task<Result<Session::Place, store::StoreError>> Session::place_for(directory::AccountId user, std::string name)
{
    Place place;
    place.name = name;
    if (!is_other_users(name) && user == login_->account) {
        place.account = account_;
        co_return place;
    }
    // The same way for whoever does not exist, does not share, or shares with others.
    const auto* table = co_await sharing();
    const auto snapshot = services_.directory.snapshot();
    const directory::Account* owner = snapshot->find(user);
    if (const auto other = parse_other_name(name)) {
        owner = snapshot->find_login(other->owner);
        const bool shares = owner != nullptr && owner->address() == other->owner && table->shares(owner->id.value, user.value);
        if (!shares) owner = nullptr;
        place.prefix = other_prefix(other->owner);
        place.name = other->name;
    } else if (is_other_users(name)) {
        owner = nullptr;
    }
    if (owner == nullptr) co_return store::StoreError::no_such_mailbox;
    store::AccountKey key = key_of(*owner);
    auto account = co_await services_.store.account(std::move(key));
    if (!account) co_return account.error();
    place.account = std::move(*account);
    co_return place;
}

// None that no pattern can reach is opened.
co::Task<std::vector<Session::Visible>> Session::visible_others(std::vector<std::string> patterns)
{
    std::vector<Visible> all;
    const auto* table = co_await sharing();
    auto owners = table->owners_for(login_->account.value);
    if (owners.size() > kMostOwners) owners.resize(kMostOwners);
    for (const auto& key : owners) {
        const auto* owner = services_.directory.snapshot()->find(directory::AccountId{key.id});
        if (owner == nullptr) continue;  // removed
        const auto prefix = other_prefix(owner->address());
        const auto reaches = [&prefix](const std::string& pattern) { return may_match_below(pattern, prefix); };
        if (std::ranges::none_of(patterns, reaches)) continue;
        store::AccountKey copy = key;
        auto account = co_await services_.store.account(std::move(copy));
        if (!account) continue;  // the log says why
        const auto user = login_->account.value;
        auto job = [user, &prefix](store::AccountStore& store) { return visible_to(store, user, prefix); };
        const std::shared_ptr<store::Account> open = *account;
        auto infos = co_await open->run(net::WorkClass::interactive, std::move(job));
        for (auto& info : infos) all.push_back({open, std::move(info)});
    }
    std::ranges::sort(all, {}, [](const Visible& one) -> const std::string& { return one.info.name; });
    co_return all;
}

store::Rights Session::rights() const
{
    return owner_->rights(selected_->id(), login_->account.value);
}

OtherName Session::selected_as_owned() const
{
    if (auto other = parse_other_name(selected_->name())) return *std::move(other);
    return {login_->address, selected_->name()};
}

bool Session::may(store::Rights right) const
{
    return !selected_->is_read_only() && (rights() & right) == right;
}

bool Session::is_selected(const std::shared_ptr<store::Account>& account, store::MailboxId mailbox) const
{
    return selected_ && owner_ == account && selected_->id() == mailbox;
}

// Of a mailbox of somebody else, who took the right to read it, or is gone.
bool Session::has_lost_access() const
{
    if (!selected_ || is_own(owner_->key())) return false;
    if ((rights() & store::kRead) == 0) return true;
    return services_.directory.snapshot()->find(directory::AccountId{owner_->key().id}) == nullptr;
}

// RFC 4314 section 5.1.1: what may be set of the flags is told when it changes.
void Session::tell_changed_rights()
{
    if (!selected_ || told_rights_ == rights()) return;
    told_rights_ = rights();
    out_.add("* FLAGS " + defined_flags_text(selected_->keywords(), false) + "\r\n");
    tell_permanent_flags();
}

void Session::tell_permanent_flags()
{
    const auto held = rights();
    const auto& keywords = selected_->keywords();
    if (selected_->is_read_only() || settable_flags(held) == 0) {
        out_.add("* OK [PERMANENTFLAGS ()] read-only\r\n");
        return;
    }
    const bool may_write = (held & store::kWriteFlags) != 0;
    const bool may_grow = may_write && keywords.size() < kMaxMailboxKeywords;
    const auto flags = permanent_flags_text(settable_flags(held), may_write ? keywords : std::vector<std::string>(), may_grow);
    out_.add("* OK [PERMANENTFLAGS " + flags + "] these are kept\r\n");
}

}  // namespace mbx::imap
