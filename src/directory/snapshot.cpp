#include "directory/snapshot.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/ascii.hpp"
#include "directory/names.hpp"
#include "directory/walk.hpp"

namespace mbx::directory {
namespace {

constexpr std::size_t kMostAddress = 512;  // longer than any address of ours can be

}  // namespace

Snapshot::Snapshot(std::vector<Domain> domains, std::vector<Account> accounts, std::vector<Alias> aliases,
                   SnapshotOptions options)
    : options_(std::move(options)), domains_(std::move(domains)), accounts_(std::move(accounts)),
      aliases_(std::move(aliases))
{
    options_.host_name = ascii::to_lower(options_.host_name);
    for (std::size_t i = 0; i < domains_.size(); ++i) domain_index_[domains_[i].name] = i;
    for (std::size_t i = 0; i < accounts_.size(); ++i) {
        account_index_[accounts_[i].address()] = i;
        id_index_[accounts_[i].id] = i;
    }
    for (std::size_t i = 0; i < aliases_.size(); ++i) alias_index_[aliases_[i].address] = i;
}

Recipients Snapshot::resolve(std::string_view local_part, std::string_view domain) const
{
    const auto folded = local_part.size() > kMostAddress ? std::nullopt : fold_domain(domain);
    const bool is_ours = folded && (folded->empty() || is_own_place(*folded) || domain_index_.contains(*folded));
    if (!is_ours) return {Resolution::unknown_domain, {}};
    return Walk(*this, Walk::Reach::mail).from(ascii::to_lower(local_part), *folded);
}

bool Snapshot::is_local_domain(std::string_view domain) const
{
    const auto folded = fold_domain(domain);
    return folded && domain_index_.contains(*folded);
}

const Account* Snapshot::find(AccountId id) const { return find_in(accounts_, id_index_, id); }

const Account* Snapshot::find_login(std::string_view login) const
{
    return find_in(accounts_, account_index_, login_address(login));
}

std::string Snapshot::login_address(std::string_view login) const
{
    if (login.size() > kMostAddress) return {};
    const auto at = login.rfind('@');
    std::string address = ascii::to_lower(login.substr(0, at));
    if (at != std::string_view::npos) {
        const auto domain = fold_domain(login.substr(at + 1));
        if (!domain) return {};
        address += "@" + *domain;
    } else if (domains_.size() == 1) {
        address += "@" + domains_.front().name;
    }
    return address;
}

bool Snapshot::may_send_as(const Account& account, std::string_view local_part, std::string_view domain) const
{
    if (local_part.size() > kMostAddress || !is_local_domain(domain)) return false;
    const auto folded = fold_domain(domain);
    const Recipients reached = Walk(*this, Walk::Reach::own_names).from(ascii::to_lower(local_part), *folded);
    return std::ranges::binary_search(reached.accounts, account.id);
}

// Depth first, each address once: what has been left led nowhere back.
std::string Snapshot::way_back(const std::string& address) const
{
    struct Place {
        std::string address;
        const std::vector<std::string>* targets;
        std::size_t next = 0;
    };
    const auto targets_of = [this](const std::string& at) -> const std::vector<std::string>* {
        const auto cut = std::min(at.rfind('@'), at.size());
        const std::string base = without_sub_address(at.substr(0, cut)) + at.substr(cut);
        for (const std::string& name : {at, base}) {
            if (const Account* account = find_in(accounts_, account_index_, name)) return &account->forward;
            if (const Alias* alias = find_in(aliases_, alias_index_, name)) return alias->enabled ? &alias->targets : nullptr;
        }
        return nullptr;
    };
    std::vector<Place> way;
    std::unordered_set<std::string> seen{address};
    way.push_back({address, targets_of(address)});
    while (!way.empty()) {
        Place& here = way.back();
        if (here.targets == nullptr || here.next == here.targets->size()) {
            way.pop_back();
            continue;
        }
        const std::string& target = (*here.targets)[here.next++];
        const bool is_back = target == address || targets_of(target) == way.front().targets;
        if (is_back && way.front().targets != nullptr) {
            std::string text;
            for (const Place& place : way) text += place.address + " -> ";
            return text + target;
        }
        if (seen.insert(target).second) way.push_back({target, targets_of(target)});
    }
    return {};
}

// ann+shop: ann. A name that begins with the separator has no other.
std::string Snapshot::without_sub_address(const std::string& local_part) const
{
    if (options_.sub_addressing.empty()) return local_part;
    const auto at = local_part.find(options_.sub_addressing);
    return at == std::string::npos || at == 0 ? local_part : local_part.substr(0, at);
}

// An address literal, or the server's own name where it is not also a domain with accounts.
bool Snapshot::is_own_place(std::string_view domain) const
{
    if (domain.starts_with('[')) return true;
    return !options_.host_name.empty() && domain == options_.host_name && !domain_index_.contains(std::string(domain));
}

}  // namespace mbx::directory
