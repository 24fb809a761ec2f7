#include "smtp/transaction.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mbx::smtp {

void Transaction::add(mail::Mailbox mailbox, const std::vector<directory::AccountId>& accounts,
                      const std::vector<OutsideRecipient>& outside)
{
    ++accepted_;
    for (const OutsideRecipient& one : outside) {
        if (outside_addresses_.insert(one.address).second) outside_.push_back(one);
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

} // namespace mbx::smtp
