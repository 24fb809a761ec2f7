#include "directory/snapshot.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_set>

#include "base/ascii.hpp"
#include "directory/names.hpp"

namespace mbx::directory {
namespace {

constexpr unsigned kMostNesting = 10;
constexpr std::size_t kMostAddress = 512;  // longer than any address of ours can be

template <typename Key, typename Value>
const Value* find_in(const std::vector<Value>& values, const std::unordered_map<Key, std::size_t>& index, const Key& key)
{
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &values[found->second];
}

}  // namespace

// One resolution: follows aliases breadth first, so that each is looked at once and at its least depth.
class Snapshot::Walk {
public:
    enum class CatchAll : std::uint8_t { followed, left_out };

    Walk(const Snapshot& snapshot, CatchAll catch_all) : snapshot_(snapshot), catch_all_(catch_all) {}

    Recipients from(std::string local_part, std::string domain)
    {
        waiting_.push_back({std::move(local_part), std::move(domain), 0});
        while (!waiting_.empty()) {
            const Step step = std::move(waiting_.front());
            waiting_.pop_front();
            take(step);
        }
        return result();
    }

private:
    struct Step {
        std::string local_part;
        std::string domain;
        unsigned depth;
    };

    void take(const Step& step)
    {
        const std::string address = step.local_part + "@" + step.domain;
        if (step.depth > kMostNesting) too_deep_ = true;
        else if (!seen_.insert(address).second) came_back_ = true;
        else if (step.domain.empty() || snapshot_.is_own_place(step.domain)) take_postmaster(step);
        else take_domain(step, address);
    }

    void take_domain(const Step& step, const std::string& address)
    {
        const Domain* domain = find_in(snapshot_.domains_, snapshot_.domain_index_, step.domain);
        if (!domain) {
            remote_.insert(address);
            return;
        }
        if (!domain->enabled) {
            met_disabled_ = true;
            return;
        }
        if (take_exact(address, step.depth)) return;
        const std::string base = snapshot_.without_sub_address(step.local_part);
        if (base != step.local_part && take_exact(base + "@" + step.domain, step.depth)) return;
        if (base == "postmaster" && take_administrators(step.domain)) return;
        if (domain->catch_all.empty() || catch_all_ == CatchAll::left_out) met_unknown_ = true;
        else follow(domain->catch_all, step.depth + 1);
    }

    // Whether there is an account or alias of this name; a disabled one is there too.
    bool take_exact(const std::string& address, unsigned depth)
    {
        if (const Account* account = find_in(snapshot_.accounts_, snapshot_.account_index_, address)) {
            if (account->enabled) accounts_.insert(account->id);
            else met_disabled_ = true;
            return true;
        }
        const Alias* alias = find_in(snapshot_.aliases_, snapshot_.alias_index_, address);
        if (!alias) return false;
        if (!alias->enabled) met_disabled_ = true;
        else
            for (const std::string& target : alias->targets) follow(target, depth + 1);
        return true;
    }

    void take_postmaster(const Step& step)
    {
        if (!ascii::same(snapshot_.without_sub_address(step.local_part), "postmaster") || !take_administrators(""))
            met_unknown_ = true;
    }

    bool take_administrators(std::string_view domain)
    {
        const Account* oldest = nullptr;
        bool reached = false;
        for (const Account& account : snapshot_.accounts_) {
            if (!account.enabled) continue;
            if (account.is_administrator) {
                accounts_.insert(account.id);
                reached = true;
            }
            const bool is_candidate = domain.empty() || account.domain == domain;
            if (is_candidate && (!oldest || account.id < oldest->id)) oldest = &account;
        }
        if (!reached && oldest) accounts_.insert(oldest->id);
        return reached || oldest;
    }

    void follow(const std::string& address, unsigned depth)
    {
        const auto at = address.rfind('@');
        if (at == std::string::npos) return;
        waiting_.push_back({address.substr(0, at), address.substr(at + 1), depth});
    }

    Recipients result() const
    {
        Recipients out;
        out.accounts.assign(accounts_.begin(), accounts_.end());
        out.remote.assign(remote_.begin(), remote_.end());
        // To leave out what lies too deep would lose its copy without a word.
        if (too_deep_) return {Resolution::loop, {}, {}};
        if (!out.accounts.empty() || !out.remote.empty()) out.resolution = Resolution::found;
        else if (met_disabled_) out.resolution = Resolution::disabled;
        else if (met_unknown_ || !came_back_) out.resolution = Resolution::unknown_mailbox;
        else out.resolution = Resolution::loop;
        return out;
    }

    const Snapshot& snapshot_;
    CatchAll catch_all_;
    std::deque<Step> waiting_;
    std::unordered_set<std::string> seen_;
    std::set<AccountId> accounts_;
    std::set<std::string> remote_;
    bool too_deep_ = false;
    bool came_back_ = false;
    bool met_disabled_ = false;
    bool met_unknown_ = false;
};

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
    if (!is_ours) return {Resolution::unknown_domain, {}, {}};
    return Walk(*this, Walk::CatchAll::followed).from(ascii::to_lower(local_part), *folded);
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
    const Recipients reached = Walk(*this, Walk::CatchAll::left_out).from(ascii::to_lower(local_part), *folded);
    return std::ranges::binary_search(reached.accounts, account.id);
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
