// One session's view of its selected mailbox: which messages have which sequence numbers, what the client was told, and
// what it still has to be told. What it knows of the messages is a state of the shared table (store::UidTable): a session
// that waits holds two pointers, whatever the mailbox holds. Pure; loop thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imap/sequence_set.hpp"
#include "store/mailbox_feed.hpp"
#include "store/types.hpp"

namespace mbx::imap {

constexpr std::size_t kMaxVanishedRanges = 1000;  // of one VANISHED response: 22 KB at most

// How news are worded, by what the client enabled (RFC 7162 sections 3.2.4 and 3.2.10.2).
struct NewsWords {
    bool modseq = false;    // CONDSTORE: MODSEQ in every FETCH
    bool vanished = false;  // QRESYNC: VANISHED instead of EXPUNGE
    bool flags = true;      // whether changed flags are told (RFC 5465 section 5.1)
};

class SelectedMailbox {
public:
    // Begins with the state that the feed has now. `on_news` as with MailboxFeed::Seat.
    SelectedMailbox(store::MailboxInfo info, bool read_only, store::MailboxFeed& feed, std::function<void()> on_news);

    store::MailboxId id() const { return info_.id; }
    const std::string& name() const { return info_.name; }
    const store::MailboxInfo& info() const { return info_; }  // as it was when it was selected
    bool is_read_only() const { return read_only_; }
    // What the client's sequence numbers mean: expunged messages stay in it until their EXPUNGE was told.
    const store::UidTable& view() const { return shown_; }
    const std::vector<std::string>& keywords() const { return *keywords_; }

    // Whether the feed has what was not taken yet.
    bool is_late() const { return seat_.has_news(); }
    void take();
    // on_news is called while it waits.
    void wait(bool waits) { seat_.wait(waits); }
    // Set: the feed gave up the flag changes above this mod-sequence before they were taken. All rows above it are to be
    // read and given to add_changed(), then caught_up() says so.
    const std::optional<store::ModSeq>& behind_since() const { return behind_since_; }
    void add_changed(std::vector<store::MessageRow> rows);
    void caught_up();
    // Changes of flags are not told: forgets them, and that some were given up.
    void drop_changed();

    // Rows that the client is told by the answer under way (or wants not to be told: .SILENT): the same state is not
    // announced again.
    void mark_told(const std::vector<store::MessageRow>& rows);
    // Rows that the answer under way shows as they are now: what was news of them before is not told behind it, or a client would take
    // the older flags for the newer ones (RFC 7162 section 3.1: mod-sequences of a message only grow).
    void mark_shown(const std::vector<store::MessageRow>& rows);
    // The keyword table as some job saw it; a new name is announced before it is used (RFC 9051 section 7.3.5).
    void take_keywords(const std::vector<std::string>& keywords);

    // Whether there is something to tell; expunges only at moments when they may be told (RFC 9051 section 7.5.1).
    bool has_news(bool may_expunge) const;
    // Appends untagged answers until `most` bytes are in `out`; call again while has_news(). True: EXISTS was told.
    bool announce(std::string& out, bool may_expunge, std::size_t most, NewsWords words);
    // Whether there are expunges that were taken but not told.
    bool holds_expunges() const { return has_expunged_; }
    // The client was told of everything up to here, expunges too: a HIGHESTMODSEQ that it may keep (RFC 7162 section 6).
    store::ModSeq told_until() const { return told_until_; }

    // SEARCH RETURN (SAVE): RFC 5182. Expunged messages leave it (section 2.1).
    const NumberSet& saved() const { return saved_; }
    void save(NumberSet uids) { saved_ = std::move(uids); }

    // What a command's set names in this view. Sequence numbers that do not exist: none (then BAD).
    std::optional<NumberSet> resolve(const SequenceSet& set, bool by_uid) const;

private:
    using States = std::vector<std::pair<store::Uid, store::ModSeq>>;  // of rows, ascending

    bool is_told(const store::MessageRow& row) const;
    void announce_expunged(std::string& out, std::size_t most, bool vanished);
    void note_told();
    void forget_expunged(const NumberSet& told, bool is_more);
    void announce_keywords(std::string& out);
    void finish_changed();
    void announce_flags(std::string& out, std::size_t most, bool with_modseq);

    store::MailboxInfo info_;
    bool read_only_ = false;
    store::MailboxFeed::Seat seat_;
    store::UidTable shown_;      // with what was expunged but not told
    store::UidTable current_;    // as taken; the same as shown_ when everything was told
    store::MailboxFeed::Keywords keywords_;
    store::ModSeq taken_ = 0;    // up to here news were taken
    store::ModSeq told_until_ = 0;
    States told_;   // of which this state itself is not announced
    States latest_; // of which neither this state nor an older one is
    NumberSet saved_;
    // News
    std::vector<store::MailboxFeed::Rows> changed_;
    std::size_t batch_ = 0;      // of changed_, and the row in it: told up to here
    std::size_t row_ = 0;
    std::optional<store::ModSeq> behind_since_;
    bool has_expunged_ = false;
    bool has_dropped_ = false;   // flags that the client will never be told: told_until_ stays where it is
    bool flags_grew_ = false;
    bool exists_ = false;
};

}  // namespace mbx::imap
