// Account: jobs of one account's strand, its deliveries, and who is told.
#include <algorithm>
#include <utility>
#include <vector>

#include "store/store.hpp"

namespace mbx::store {

Account::Account(AccountKey key, net::Workers& workers, journal::CommitWaiters& waiters,
                 std::unique_ptr<AccountStore> store, AccessChanged shared)
    : key_(std::move(key)), waiters_(waiters), store_(std::move(store)), workers_(workers), strand_(workers), usage_(store_->known_usage()),
      loop_(workers.loop()), access_(store_->access_lists()), shared_(std::move(shared)), listings_(store_->listings())
{
    if (shared_) shared_(key_, *access_);
}

Account::~Account() = default;

void Account::keep_closed(ClosedView view)
{
    constexpr std::size_t kMostViews = 4;
    std::erase_if(closed_views_, [&view](const ClosedView& one) { return one.status.id == view.status.id; });
    closed_views_.push_front(std::move(view));
    if (closed_views_.size() > kMostViews) closed_views_.pop_back();
}

Account::JobEnd Account::end_job()
{
    JobEnd end;
    end.changed = store_->end_job();
    end.listing = std::exchange(listings_, store_->listings()) != store_->listings();
    end.lsn = store_->last_lsn();
    end.access = store_->access_lists();
    end.usage = end.changed.empty() ? std::nullopt : std::optional(store_->known_usage());
    return end;
}

void Account::note_end(const JobEnd& end)
{
    if (end.usage) usage_ = *end.usage;
    if (end.access && end.access != access_) {
        access_ = end.access;
        if (shared_) shared_(key_, *access_);
    }
    if (end.changed.empty()) return;
    undone_ = {};
    ++changes_;
}

Rights Account::rights(MailboxId mailbox, std::int64_t user) const
{
    if (user == key_.id) return kAllRights;
    const auto list = access_->find(mailbox);
    return list == access_->end() ? Rights{0} : rights_of(list->second, user);
}

co::Task<bool> Account::finish(JobEnd& end)
{
    note_end(end);
    const bool is_durable = co_await waiters_.durable(end.lsn);
    if (is_durable) tell(end);
    co_return is_durable;
}

void Account::enqueue(const std::shared_ptr<const AcceptedMessage>& message, DeliveryBatch::Placed placed)
{
    auto batch = queue_.add(message, std::move(placed));
    if (!batch) return;
    ++jobs_;
    deliveries_.spawn(deliver(shared_from_this(), std::move(batch)));
}

// Who watches is told when it is durable. Without a watcher nobody waits: the records go with the next group commit, and
// every job that shows something waits for them.
co::Task<void> Account::deliver(std::shared_ptr<Account> account, std::shared_ptr<DeliveryBatch> batch)
{
    JobEnd end;
    auto place = [&batch, &end, &account] {
        batch->place(*account->store_);
        end = account->end_job();
    };
    co_await account->strand_.run(net::WorkClass::delivery, std::move(place));
    batch->tell();
    if (account->watchers_.empty()) {
        account->note_end(end);
        co_return;
    }
    (void)co_await account->finish(end);
}

Account::Watch& Account::Watch::operator=(Watch&& other) noexcept
{
    std::swap(account_, other.account_);
    std::swap(number_, other.number_);
    return *this;
}

Account::Watch::~Watch()
{
    if (account_ != nullptr) account_->watchers_.erase(number_);
}

Account::Watch Account::watch(MailboxId mailbox, std::function<void()> changed)
{
    const auto number = next_watch_++;
    watchers_.emplace(number, Watcher{mailbox, std::move(changed), {}});
    return {this, number};
}

Account::Watch Account::watch_all(AccountChanged changed)
{
    const auto number = next_watch_++;
    watchers_.emplace(number, Watcher{{}, {}, std::move(changed)});
    return {this, number};
}

std::vector<MailboxId> Account::watched() const
{
    std::vector<MailboxId> all;
    for (const auto& [number, watcher] : watchers_) {
        if (watcher.mailbox && std::ranges::find(all, *watcher.mailbox) == all.end()) all.push_back(*watcher.mailbox);
    }
    return all;
}

void Account::tell(const JobEnd& end)
{
    if ((end.changed.empty() && !end.listing) || watchers_.empty()) return;
    std::vector<std::uint64_t> told;
    for (const auto& [number, watcher] : watchers_) {
        if (!watcher.mailbox || end.changed.contains(*watcher.mailbox)) told.push_back(number);
    }
    std::ranges::sort(told);
    for (const auto number : told) {
        // One that was told may have ended another's watch, or its own.
        const auto it = watchers_.find(number);
        if (it == watchers_.end()) continue;
        const auto called = it->second;
        if (called.mailbox) called.changed();
        else called.account_changed(end.changed, end.listing);
    }
}

}  // namespace mbx::store
