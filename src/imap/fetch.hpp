// FETCH over a slice of messages, on the account's strand: rows and files in, the bytes of the untagged answers out.
// Large bodies are not copied: a segment names them in the mapped file and keeps that alive; what had to be decoded is held once
// for all segments of its message.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/command.hpp"
#include "imap/sequence_set.hpp"
#include "store/account_store.hpp"
#include "store/uid_table.hpp"

namespace mbx::imap {

// Of one slice that opens files: then the strand serves others.
inline constexpr std::uint64_t kFilesAtOnce = 100;
inline constexpr std::uint64_t kBytesAtOnce = 4U * 1024 * 1024;  // of its messages, if more than one; of what its answers hold, the same
inline constexpr std::chrono::milliseconds kFilesTime{10};

struct FetchPlan {
    std::vector<FetchItem> items;
    bool with_uid = false;     // UID FETCH: the UID is in every answer (RFC 9051 section 6.4.9)
    bool sets_seen = false;
    bool needs_file = false;       // bytes of messages are in the answer
    bool needs_envelope = false;   // these two come from the index where they are there,
    bool needs_structure = false;  // else the message is parsed, and what it says left behind
    bool needs_ids = false;        // and these too
    bool needs_flags = false;
    // RFC 7162: messages whose mod-sequence is not above are passed over; what sets \Seen tells UID and MODSEQ too.
    std::optional<store::ModSeq> changed_since;
    bool tells_modseq = false;
    bool wants_modseq = false;  // among the items
    bool is_quick = false;         // ready texts of the index will do (quick_fetch.hpp)
    bool needs_preview = false;    // comes from the index as well;
    bool waits_for_preview = false;  // parsed for where it is not there: not LAZY
};
FetchPlan make_fetch_plan(const Fetch& fetch, bool read_only);

struct Segment {
    std::string text;                      // first this,
    std::shared_ptr<const void> owner;     // then, where there is one,
    std::vector<std::string_view> pieces;  // these bytes of it: a file, or a text that other segments may name too
};

struct FetchSlice {
    std::vector<Segment> segments;
    store::Uid done_until = 0;                    // everything up to here was looked at
    // Gone from the store though the view has them: expunged by another session, not yet told to this one. RFC 2180
    // section 4.1.2 lets us answer for the others; whoever keeps expunged files may answer for these instead.
    NumberSet missing;
    bool has_unknown_encoding = false;            // BINARY of an unknown transfer encoding (RFC 3516)
    std::vector<std::string> keywords;            // names for the flags told; valid with needs_flags or sets_seen
    std::vector<store::MessageRow> told;          // whose new flags the answer tells
    std::optional<store::StoreError> failure;
};

// Whether the next slice may be read while this one is written: what the plan tells of a message never changes, so nothing
// that the session hears meanwhile can be older than what it tells.
bool may_read_ahead(const FetchPlan& plan);

// Of answers that are mostly whole messages; 0: nobody knows.
std::size_t expected_bytes(const FetchPlan& plan, const std::vector<store::MessageRow>& rows);

// Looks at the first of `uids`, as many as fit a slice. `view` gives the sequence numbers; `spare` is memory to write into.
FetchSlice fetch_slice(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                       const FetchPlan& plan, const NumberSet& uids, std::string spare = {});

}  // namespace mbx::imap
