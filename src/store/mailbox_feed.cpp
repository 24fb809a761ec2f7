#include "store/mailbox_feed.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mbx::store {

namespace {

UidSet as_set(const std::vector<Uid>& ascending)
{
    UidSet set;
    for (const Uid uid : ascending) add_above(set, {uid, uid});
    return set;
}

}  // namespace

MailboxFeed::MailboxFeed(MailboxStatus status, UidTable uids)
    : status_(std::move(status)), uids_(std::move(uids)),
      keywords_(std::make_shared<const std::vector<std::string>>(status_.keywords)), next_called_(seats_.end())
{
}

MailboxFeed::~MailboxFeed() { assert(seats_.empty() && "a MailboxFeed was destroyed under a seat"); }

bool MailboxFeed::take(Changes changes)
{
    const ModSeq before = status_.highest_modseq;
    if (changes.status.highest_modseq < before) return true;
    const Uid last = uids_.last();
    std::vector<Uid> arrived;
    std::vector<MessageRow> changed;
    for (const auto& row : changes.changed) {
        if (row.uid > last) {
            arrived.push_back(row.uid);
        } else if (row.modseq > before) {
            changed.push_back(row);
        }
    }
    const auto uids = uids_.without(uids_.among(as_set(changes.expunged))).with(as_set(arrived));
    if (uids.size() != changes.status.messages) return false;
    const bool has_keywords = changes.status.keywords != *keywords_;
    const bool has_news = changes.status.highest_modseq > before || has_keywords || !uids.is(uids_);
    uids_ = uids;
    set_keywords(changes.status.keywords);
    status_ = std::move(changes.status);
    if (!has_news) return true;
    ++version_;
    keep(std::move(changed));
    call();
    return true;
}

void MailboxFeed::reload(MailboxStatus status, UidTable uids)
{
    set_keywords(status.keywords);
    status_ = std::move(status);
    // What is the same stays shared with those who have it.
    const auto difference = UidTable::difference(uids_, uids);
    const bool is_above = difference.appended.empty() || difference.appended.front().first > uids_.last();
    uids_ = is_above ? uids_.without(difference.expunged).with(difference.appended) : std::move(uids);
    ++version_;
    while (!batches_.empty()) drop_first();
    ++first_;
    call();
}

const UidTable::Difference& MailboxFeed::difference(const UidTable& older) const
{
    if (!compared_.older.is(older) || !compared_.newer.is(uids_)) {
        compared_ = {older, uids_, UidTable::difference(older, uids_)};
    }
    return compared_.difference;
}

void MailboxFeed::set_keywords(const std::vector<std::string>& keywords)
{
    if (keywords != *keywords_) keywords_ = std::make_shared<const std::vector<std::string>>(keywords);
}

void MailboxFeed::keep(std::vector<MessageRow> rows)
{
    if (rows.empty() || seats_.empty()) return;
    kept_rows_ += rows.size();
    batches_.push_back({std::make_shared<const std::vector<MessageRow>>(std::move(rows)), seats_.size()});
    while (batches_.size() > 1 && (kept_rows_ > kMaxRows || batches_.size() > kMaxBatches)) drop_first();
}

void MailboxFeed::drop_first()
{
    kept_rows_ -= batches_.front().rows->size();
    batches_.pop_front();
    ++first_;
}

// A seat needs the batches from `from` on no more.
void MailboxFeed::release(std::uint64_t from)
{
    for (auto at = std::max(from, first_); at < first_ + batches_.size(); ++at) {
        --batches_[static_cast<std::size_t>(at - first_)].takers;
    }
    while (!batches_.empty() && batches_.front().takers == 0) drop_first();
}

void MailboxFeed::call()
{
    // In the order in which they came. Whoever is called may end seats: ~Seat moves next_called_ on.
    for (auto at = seats_.begin(); at != seats_.end(); at = next_called_) {
        next_called_ = std::next(at);
        if (!(*at)->waits_) continue;
        const auto on_news = (*at)->on_news_;
        on_news();
    }
    next_called_ = seats_.end();
}

MailboxFeed::Seat::Seat(MailboxFeed& feed, std::function<void()> on_news)
    : feed_(feed), on_news_(std::move(on_news)), at_(feed.seats_.insert(feed.seats_.end(), this)),
      version_(feed.version_), next_(feed.first_ + feed.batches_.size()), since_(feed.status_.highest_modseq)
{
}

MailboxFeed::Seat::~Seat()
{
    wait(false);
    feed_.release(next_);
    if (feed_.next_called_ == at_) ++feed_.next_called_;
    feed_.seats_.erase(at_);
}

void MailboxFeed::Seat::wait(bool waits)
{
    if (waits == waits_) return;
    waits_ = waits;
    if (waits) {
        ++feed_.waiting_;
    } else {
        --feed_.waiting_;
    }
}

MailboxFeed::News MailboxFeed::Seat::take()
{
    News news;
    news.uids = feed_.uids_;
    news.keywords = feed_.keywords_;
    news.since = since_;
    news.is_behind = next_ < feed_.first_;
    const auto end = feed_.first_ + feed_.batches_.size();
    if (!news.is_behind) {
        for (auto at = next_; at < end; ++at) {
            news.changed.push_back(feed_.batches_[static_cast<std::size_t>(at - feed_.first_)].rows);
        }
    }
    const auto taken = std::exchange(next_, end);
    version_ = feed_.version_;
    since_ = feed_.status_.highest_modseq;
    feed_.release(taken);
    return news;
}

}  // namespace mbx::store
