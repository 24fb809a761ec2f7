// What NOTIFY makes a session watch besides its selected mailbox (RFC 5465): which mailboxes, what the client knows of
// them, and what is to be told when they or their names have changed. Pure; loop thread, but made and compared on the
// account's strand while the session waits.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imap/mailbox_filter.hpp"

namespace mbx::imap {

// Of one session. Each costs about 200 bytes, and at most one look at the store for each change.
constexpr std::size_t kMaxWatchedMailboxes = 2000;

struct WatchedEvents {
    bool messages = false;
    bool flags = false;
    bool names = false;
    bool subscriptions = false;
    bool metadata = false;
    bool any() const { return messages || names || subscriptions || metadata; }
    bool operator==(const WatchedEvents&) const = default;
};

// As the client was told it last.
struct KnownCounts {
    std::uint32_t uidvalidity = 0;
    store::Uid uidnext = 0;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    store::ModSeq highest_modseq = 0;
};

// One mailbox name that is to be told of by a LIST.
struct ListingNews {
    std::string name;
    std::string old_name;   // it was renamed
    bool is_gone = false;
};

class WatchedMailboxes {
public:
    explicit WatchedMailboxes(const Notify& notify);

    bool watches_anything() const { return !filters_.empty(); }
    bool may_watch_others() const;  // mailboxes of other accounts
    std::size_t size() const { return watched_.size(); }
    // The client knows of none of these mailboxes: the first list is news.
    void expect_news() { is_first_ = false; }
    // Compares the list of mailboxes with the one given last, and takes it over. Names in `own` were changed by this
    // session, which is not told (section 5). None: too many to watch (section 5.8).
    std::optional<std::vector<ListingNews>> take_listing(const std::vector<store::MailboxInfo>& mailboxes,
                                                         const std::set<std::string>& own);
    // Mailboxes whose messages are watched and that were never looked at.
    std::vector<store::MailboxId> fresh() const;
    bool watches_messages(store::MailboxId id) const;
    bool watches_metadata(std::string_view name) const;
    std::optional<std::string> name_of(store::MailboxId id) const;
    // The items of the STATUS that tells what has changed since the last one; empty: nothing that the client wants to
    // hear of. `is_first`: all that a first STATUS must have (section 3.1).
    std::vector<StatusItem> take_status(const store::MailboxStatus& status, bool condstore, bool is_first);
    // The client knows the mailbox as this says: it was selected.
    void set_known(const store::MailboxStatus& status);

private:
    struct Watched {
        std::string name;
        bool subscribed = false;
        WatchedEvents events;
        std::optional<KnownCounts> known;
    };
    struct Filter {
        MailboxFilter mailboxes;
        WatchedEvents events;
    };
    using Table = std::map<store::MailboxId, Watched>;
    WatchedEvents events_of(const store::MailboxInfo& mailbox) const;
    Table make_table(const std::vector<store::MailboxInfo>& mailboxes) const;
    void compare(const Table& now, const std::set<std::string>& own, std::vector<ListingNews>& news) const;

    std::vector<Filter> filters_;
    Table watched_;
    bool is_first_ = true;
};

}  // namespace mbx::imap
