// One session's view of its selected mailbox: which messages have which sequence numbers, what the client was told, and
// what it still has to be told. Pure; the session asks the store and feeds it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "imap/uid_map.hpp"
#include "store/types.hpp"

namespace mbx::imap {

class SelectedMailbox {
public:
    SelectedMailbox(store::MailboxInfo info, bool read_only, store::MailboxStatus status, UidMap view);

    store::MailboxId id() const { return info_.id; }
    const std::string& name() const { return info_.name; }
    bool is_read_only() const { return read_only_; }
    std::uint32_t uidvalidity() const { return uidvalidity_; }
    const UidMap& view() const { return view_; }
    const std::vector<std::string>& keywords() const { return keywords_; }
    store::ModSeq since() const { return since_; }

    // Rows that the client is told by the answer under way (or wants not to be told: .SILENT): the same state is not
    // announced again.
    void mark_told(const std::vector<store::MessageRow>& rows);
    // What the store says about everything after since().
    void take(store::Changes changes);
    // The keyword table as some job saw it; a new name is announced before it is used (RFC 9051 section 7.3.5).
    void take_keywords(const std::vector<std::string>& keywords);

    // Whether there is something to tell; expunges only at moments when they may be told (RFC 9051 section 7.5.1).
    bool has_news(bool may_expunge) const;
    // Appends untagged answers until `most` bytes are in `out`; call again while has_news(). True: EXISTS was told.
    bool announce(std::string& out, bool may_expunge, std::size_t most);

    // SEARCH RETURN (SAVE): RFC 5182. Expunged messages leave it (section 2.1).
    const NumberSet& saved() const { return saved_; }
    void save(NumberSet uids) { saved_ = std::move(uids); }

    // What a command's set names in this view. Sequence numbers that do not exist: none (then BAD).
    std::optional<NumberSet> resolve(const SequenceSet& set, bool by_uid) const;

private:
    store::MailboxInfo info_;
    bool read_only_ = false;
    std::uint32_t uidvalidity_ = 0;
    UidMap view_;
    store::ModSeq since_ = 0;
    std::vector<std::string> keywords_;
    std::vector<std::pair<store::Uid, store::ModSeq>> told_;  // ascending
    NumberSet saved_;
    // News
    NumberSet expunged_;
    std::vector<store::MessageRow> changed_;
    std::size_t changed_told_ = 0;
    bool flags_grew_ = false;
    bool exists_ = false;
};

}  // namespace mbx::imap
