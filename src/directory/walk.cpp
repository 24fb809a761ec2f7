#include "directory/walk.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::directory {
namespace {

constexpr unsigned kMostNesting = 10;
constexpr std::size_t kMostSteps = 4 * kMostReached;

}  // namespace

Recipients Snapshot::Walk::from(std::string local_part, std::string domain)
{
    Node first;
    first.local_part = std::move(local_part);
    first.domain = std::move(domain);
    nodes_.push_back(std::move(first));
    for (std::size_t at = 0; at < nodes_.size() && !is_too_much_; ++at) take(at);
    return result();
}

void Snapshot::Walk::take(std::size_t at)
{
    const std::string address = nodes_[at].local_part + "@" + nodes_[at].domain;
    if (nodes_[at].depth > kMostNesting) {
        is_too_deep_ = true;
        return;
    }
    const auto [known, is_new] = seen_.emplace(address, at);
    if (!is_new) {
        came_back_ = true;
        Node& first = nodes_[known->second];
        if (first.is_fruitful) reach(nodes_[at].parent);
        else first.waiting.push_back(nodes_[at].parent);
    } else if (nodes_[at].domain.empty() || snapshot_.is_own_place(nodes_[at].domain)) {
        take_postmaster(at);
    } else {
        take_domain(at, address);
    }
}

void Snapshot::Walk::take_domain(std::size_t at, const std::string& address)
{
    const std::string name = nodes_[at].domain;
    const Domain* domain = find_in(snapshot_.domains_, snapshot_.domain_index_, name);
    if (domain == nullptr) return add_outside(at, address);
    if (!domain->enabled) {
        met_disabled_ = true;
        return;
    }
    if (take_exact(at, address)) return;
    const std::string base = snapshot_.without_sub_address(nodes_[at].local_part);
    if (base != nodes_[at].local_part && take_exact(at, base + "@" + name)) return;
    if (base == "postmaster" && take_administrators(at, name)) return;
    if (domain->catch_all.empty() || reach_ == Reach::own_names) {
        met_unknown_ = true;
        return;
    }
    tell(address, Expansion::Kind::catch_all, {domain->catch_all});
    follow(at, domain->catch_all);
}

// Whether there is an account or alias of this name; a disabled one is there too.
bool Snapshot::Walk::take_exact(std::size_t at, const std::string& address)
{
    if (const Account* account = find_in(snapshot_.accounts_, snapshot_.account_index_, address)) {
        if (account->enabled) take_account(at, *account);
        else met_disabled_ = true;
        return true;
    }
    const Alias* alias = find_in(snapshot_.aliases_, snapshot_.alias_index_, address);
    if (alias == nullptr) return false;
    if (alias->enabled) take_alias(at, *alias);
    else met_disabled_ = true;
    return true;
}

void Snapshot::Walk::take_account(std::size_t at, const Account& account)
{
    if (account.forward.empty() || reach_ == Reach::own_names) return add_account(at, account.id);
    nodes_[at].forwarder = account.id;
    nodes_[at].keeps_copy = account.keeps_copy;
    // What cannot be delivered is for the account to hear, not for the owner of a list that it is on.
    nodes_[at].owner.clear();
    if (account.keeps_copy) add_account(at, account.id);
    tell(account.address(), account.keeps_copy ? Expansion::Kind::forward_and_copy : Expansion::Kind::forward, account.forward);
    for (const std::string& target : account.forward) follow(at, target);
}

void Snapshot::Walk::take_alias(std::size_t at, const Alias& alias)
{
    if (!alias.owner.empty()) nodes_[at].owner = alias.owner;
    tell(alias.address, alias.owner.empty() ? Expansion::Kind::alias : Expansion::Kind::list, alias.targets);
    for (const std::string& target : alias.targets) follow(at, target);
}

void Snapshot::Walk::take_postmaster(std::size_t at)
{
    const bool is_postmaster = ascii::same(snapshot_.without_sub_address(nodes_[at].local_part), "postmaster");
    if (!is_postmaster || !take_administrators(at, "")) met_unknown_ = true;
}

bool Snapshot::Walk::take_administrators(std::size_t at, std::string_view domain)
{
    const Account* oldest = nullptr;
    std::vector<const Account*> reached;
    for (const Account& account : snapshot_.accounts_) {
        if (!account.enabled) continue;
        if (account.is_administrator) reached.push_back(&account);
        const bool is_candidate = domain.empty() || account.domain == domain;
        if (is_candidate && (oldest == nullptr || account.id < oldest->id)) oldest = &account;
    }
    if (reached.empty() && oldest != nullptr) reached.push_back(oldest);
    std::vector<std::string> names;
    for (const Account* account : reached) names.push_back(account->address());
    if (reached.empty()) return false;
    tell(nodes_[at].local_part + "@" + nodes_[at].domain, Expansion::Kind::administrators, names);
    for (const Account* account : reached) {
        // One who forwards needs a step of its own.
        if (account->forward.empty() || reach_ == Reach::own_names) add_account(at, account->id);
        else follow(at, account->address());
    }
    return true;
}

void Snapshot::Walk::follow(std::size_t from, const std::string& address)
{
    const auto cut = address.rfind('@');
    if (cut == std::string::npos) return;
    if (nodes_.size() >= kMostSteps) {
        is_too_much_ = true;
        return;
    }
    Node next;
    next.local_part = address.substr(0, cut);
    next.domain = address.substr(cut + 1);
    next.depth = nodes_[from].depth + 1;
    next.parent = from;
    next.owner = nodes_[from].owner;
    nodes_.push_back(std::move(next));
}

void Snapshot::Walk::tell(const std::string& address, Expansion::Kind kind, const std::vector<std::string>& targets)
{
    Expansion one;
    one.address = address;
    one.kind = kind;
    one.count = targets.size();
    one.first.assign(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(std::min(targets.size(), Expansion::kMostNamed)));
    expansions_.push_back(std::move(one));
}

// Somebody is reached at this node: then behind all above it, and behind those that named one of these later.
void Snapshot::Walk::reach(std::size_t at)
{
    std::vector<std::size_t> more{at};
    while (!more.empty()) {
        std::size_t next = more.back();
        more.pop_back();
        while (next != kNowhere && !nodes_[next].is_fruitful) {
            Node& node = nodes_[next];
            node.is_fruitful = true;
            const auto later = std::exchange(node.waiting, {});
            more.insert(more.end(), later.begin(), later.end());
            next = node.parent;
        }
    }
}

void Snapshot::Walk::add_account(std::size_t at, AccountId id)
{
    accounts_.insert(id);
    reach(at);
}

void Snapshot::Walk::add_outside(std::size_t at, const std::string& address)
{
    Outside outside;
    outside.address = address;
    outside.owner = nodes_[at].owner;
    for (std::size_t up = nodes_[at].parent; up != kNowhere; up = nodes_[up].parent) {
        if (nodes_[up].forwarder.value != 0) outside.forwarders.push_back(nodes_[up].forwarder);
    }
    remote_.push_back(std::move(outside));
    reach(at);
}

// Who sends everything on, and to nobody: the mail stays. The deepest first: what it keeps is reached from above.
void Snapshot::Walk::keep_what_is_stuck()
{
    for (std::size_t at = nodes_.size(); at-- != 0;) {
        if (nodes_[at].forwarder.value == 0 || nodes_[at].is_fruitful) continue;
        const std::string address = snapshot_.find(nodes_[at].forwarder)->address();
        add_account(at, nodes_[at].forwarder);
        tell(address, Expansion::Kind::kept, {address});
    }
}

Recipients Snapshot::Walk::result()
{
    // To leave out what lies too deep would lose its copy without a word.
    if (is_too_deep_) return {Resolution::loop, {}, {}, std::move(expansions_)};
    keep_what_is_stuck();
    if (is_too_much_ || accounts_.size() + remote_.size() > kMostReached)
        return {Resolution::too_many, {}, {}, std::move(expansions_)};
    Recipients out;
    out.accounts.assign(accounts_.begin(), accounts_.end());
    out.remote = std::move(remote_);
    std::ranges::sort(out.remote, {}, &Outside::address);
    out.expansions = std::move(expansions_);
    if (!out.accounts.empty() || !out.remote.empty()) out.resolution = Resolution::found;
    else if (met_disabled_) out.resolution = Resolution::disabled;
    else if (met_unknown_ || !came_back_) out.resolution = Resolution::unknown_mailbox;
    else out.resolution = Resolution::loop;
    return out;
}

}  // namespace mbx::directory
