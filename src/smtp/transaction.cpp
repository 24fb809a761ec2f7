#include "smtp/transaction.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mbx::smtp {

namespace {

// Its copy tells less of who forwards: the marks of those (X-Forwarded-Mark) are in it.
bool has_fewer_forwarders(const OutsideRecipient& one, const OutsideRecipient& other)
{
    const auto leads_to_other = [&other](directory::AccountId id) { return std::ranges::find(other.forwarders, id) != other.forwarders.end(); };
    return one.forwarders.size() < other.forwarders.size() && std::ranges::all_of(one.forwarders, leads_to_other);
}

} // namespace

void Transaction::add(mail::Mailbox mailbox, const std::vector<directory::AccountId>& accounts,
                      const std::vector<OutsideRecipient>& outside)
{
    ++accepted_;
    for (const OutsideRecipient& one : outside) {
        if (!one.owner.empty()) owners_.insert(one.owner);
        const auto [at, is_new] = outside_at_.try_emplace(one.address, outside_.size());
        if (is_new) outside_.push_back(one);
        else if (has_fewer_forwarders(one, outside_[at->second])) outside_[at->second] = one;
    }
    if (accepted_ == 1) {
        only_recipient_ = std::move(mailbox);
        accounts_ = accounts;
        return;
    }
    only_recipient_.reset();
    std::vector<directory::AccountId> all;
    all.reserve(accounts_.size() + accounts.size());
    std::ranges::set_union(accounts_, accounts, std::back_inserter(all));
    accounts_ = std::move(all);
}

void Transaction::add_steps(const std::vector<directory::Expansion>& expansions,
                            const std::optional<queue::Recipient>& receipt)
{
    constexpr std::size_t kMostSteps = 1000; // that the trace tells of
    for (const directory::Expansion& one : expansions) {
        if (expansions_.size() < kMostSteps) expansions_.push_back(one);
    }
    if (receipt) receipts_.push_back(*receipt);
}

bool Transaction::has_room_for(const RecipientDecision& decision) const
{
    if (accepted_ == 0) return true; // one address alone always has: the directory bounds it
    const std::size_t reached = accounts_.size() + outside_.size() + decision.accounts.size() + decision.outside.size();
    std::set<std::string, std::less<>> owners = owners_;
    for (const OutsideRecipient& one : decision.outside) {
        if (!one.owner.empty()) owners.insert(one.owner);
    }
    return reached <= kMostReached && owners.size() <= kMostLists;
}

void Transaction::share_forwarders(const std::string& reverse_path)
{
    std::set<std::string, std::less<>> own;
    const auto is_forwarded = [](const OutsideRecipient& one) { return one.owner.empty() && !one.returns_to.empty(); };
    for (const OutsideRecipient& one : outside_) {
        if (is_forwarded(one)) own.insert(one.returns_to);
    }
    if (own.size() <= kMostForwarders) return;
    own.clear();
    for (OutsideRecipient& one : outside_) {
        if (!is_forwarded(one) || own.contains(one.returns_to)) continue;
        if (own.size() + 1 < kMostForwarders) {
            own.insert(one.returns_to);
            continue;
        }
        one.returns_to = reverse_path;
        one.is_shared = true;
    }
}

void Transaction::part_ways(const std::string& shared_reverse_path)
{
    share_forwarders(shared_reverse_path);
    smtp::part_ways(outside_, mail_.reverse_path.has_value());
}

std::size_t Transaction::leading_way() const
{
    const bool is_for_others = std::ranges::none_of(outside_, [](const OutsideRecipient& one) { return one.way == 0; });
    return is_for_others && !outside_.empty() && accounts_.empty() && receipts_.empty() ? 1 : 0;
}

void Transaction::keep(const HeldBack& held, std::vector<OutsideRecipient> outside)
{
    outside_ = std::move(outside);
    std::vector<directory::AccountId> all;
    std::ranges::set_union(accounts_, held.accounts, std::back_inserter(all));
    accounts_ = std::move(all);
    held_back_ = held;
}

} // namespace mbx::smtp
