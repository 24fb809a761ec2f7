// What everybody who has one mailbox open shares: its present state, and the flag changes that some of them have not
// taken yet. The store is asked once for a change, whoever asks; here the answer is kept for all (docs/store.md,
// "Sessions' views"). No I/O; loop thread. store::OpenMailbox asks the store and feeds it.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "store/types.hpp"
#include "store/uid_table.hpp"

namespace mbx::store {

class MailboxFeed {
public:
    using Keywords = std::shared_ptr<const std::vector<std::string>>;  // never null
    using Rows = std::shared_ptr<const std::vector<MessageRow>>;       // never null

    static constexpr std::size_t kMaxRows = 16'384;    // kept for those who are behind, about 1 MB; the newest batch always
    static constexpr std::size_t kMaxBatches = 1024;

    MailboxFeed(MailboxStatus status, UidTable uids);
    ~MailboxFeed();  // no seat may be left
    MailboxFeed(const MailboxFeed&) = delete;
    MailboxFeed& operator=(const MailboxFeed&) = delete;

    const MailboxStatus& status() const { return status_; }
    const UidTable& uids() const { return uids_; }
    const Keywords& keywords() const { return keywords_; }

    // The store's answer to AccountStore::changes(mailbox, since) with a `since` that this feed had reached. Answers that
    // were overtaken by others are no news. Calls those who wait. False: it does not add up to what the store counts
    // (which only a lost index can do). Then nothing was taken, and reload() is needed.
    [[nodiscard]] bool take(Changes changes);
    // A whole state, read afresh. Flags that changed are told to all by rows of their own: everybody is behind.
    void reload(MailboxStatus status, UidTable uids);

    // What a seat has not seen.
    struct News {
        UidTable uids;                // the state to go to: what it lacks was expunged, what is new in it arrived
        Keywords keywords;
        std::vector<Rows> changed;    // in order; flags of messages that were there before
        bool is_behind = false;       // `changed` was given up: every row with a mod-sequence above `since` is news
        ModSeq since = 0;
    };

    // What lies between an older state and the present one. Those who wait all come from the same one: the answer is kept
    // for the next. Good until the feed changes or is asked about another state.
    const UidTable::Difference& difference(const UidTable& older) const;

    // A place of somebody who has the mailbox open, taking news at a pace of its own.
    class Seat {
    public:
        // `on_news` is called on the loop, when there are news and while the seat waits. It must not wait, and may end
        // this or another seat. The feed outlives the seat.
        Seat(MailboxFeed& feed, std::function<void()> on_news);
        ~Seat();
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;

        bool has_news() const { return version_ != feed_.version_; }
        News take();
        void wait(bool waits);
        const MailboxFeed& feed() const { return feed_; }

    private:
        friend class MailboxFeed;
        MailboxFeed& feed_;
        std::function<void()> on_news_;
        std::list<Seat*>::iterator at_;
        std::uint64_t version_ = 0;
        std::uint64_t next_ = 0;      // the first batch that it has not taken
        ModSeq since_ = 0;
        bool waits_ = false;
    };

    std::size_t waiting() const { return waiting_; }
    std::size_t seats() const { return seats_.size(); }
    std::size_t kept_rows() const { return kept_rows_; }
    // Calls those who wait though the state is the same: the store could not be asked.
    void call();

private:
    struct Batch {
        Rows rows;
        std::size_t takers = 0;  // seats that have not taken it
    };
    void keep(std::vector<MessageRow> rows);
    void drop_first();
    void release(std::uint64_t from);
    void set_keywords(const std::vector<std::string>& keywords);

    MailboxStatus status_;
    UidTable uids_;
    Keywords keywords_;
    std::uint64_t version_ = 1;
    std::deque<Batch> batches_;
    std::uint64_t first_ = 0;  // number of the first batch
    std::size_t kept_rows_ = 0;
    std::list<Seat*> seats_;
    std::list<Seat*>::iterator next_called_;
    std::size_t waiting_ = 0;
    struct Compared {
        UidTable older;
        UidTable newer;
        UidTable::Difference difference;
    };
    mutable Compared compared_;
};

}  // namespace mbx::store
