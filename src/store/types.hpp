// The words of the store: UIDs, flags, rows, outcomes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace mbx::store {

using Uid = std::uint32_t;      // 1 … 2^32-1, never reused under one UIDVALIDITY (RFC 9051 section 2.3.1.1)
using ModSeq = std::uint64_t;   // grows with every change of a mailbox (RFC 7162)

// Names the mailbox whatever it is called at the moment; never reused (RFC 8474's MAILBOXID).
struct MailboxId {
    std::int64_t value = 0;
    auto operator<=>(const MailboxId&) const = default;
};

// Which account, without the directory: the store knows places, not people.
struct AccountKey {
    std::int64_t id = 0;
    std::string local_part;
    std::string domain;
};

enum class StoreError : std::uint8_t {
    no_such_mailbox,   // NO [NONEXISTENT] / [TRYCREATE]
    mailbox_exists,    // NO [ALREADYEXISTS]
    invalid_name,      // NO [CANNOT]: the name cannot be a mailbox (HOSTILE rows F1 to F4)
    not_permitted,     // NO [CANNOT]: deleting INBOX and the like
    has_children,      // NO [HASCHILDREN]
    no_right,          // NO [NOPERM]: the mailbox is somebody else's (RFC 4314)
    no_such_message,   // expunged meanwhile
    limit,             // NO [LIMIT]: keywords, depth, count of mailboxes
    over_quota,        // 452/552 4.2.2, NO [OVERQUOTA]
    no_space,          // 452 4.3.1, NO [UNAVAILABLE]
    io,                // 451 4.3.0, NO [SERVERBUG]: the disk failed; logged with the path
    corrupt,           // the same, and the index was set aside to be rebuilt
};

// One bit each; the letters are Maildir's.
enum SystemFlag : std::uint8_t {
    kSeen = 1,       // S
    kAnswered = 2,   // R
    kFlagged = 4,    // F
    kDeleted = 8,    // T
    kDraft = 16,     // D
    kForwarded = 32, // P, kept for other tools; shown as the keyword $Forwarded
};

struct Flags {
    std::uint8_t system = 0;
    std::uint32_t keywords = 0;  // bit n: n-th name of the mailbox's keyword table (at most 26, a … z in the file name)
    bool operator==(const Flags&) const = default;
};

enum class SpecialUse : std::uint8_t { none, all, archive, drafts, flagged, junk, sent, trash };  // RFC 6154

// What the hot table of the index holds.
struct MessageRow {
    Uid uid = 0;
    ModSeq modseq = 0;
    Flags flags;
    std::int64_t internal_date = 0;  // seconds since 1970, UTC
    std::int64_t save_date = 0;
    std::uint64_t size = 0;          // RFC822.SIZE: bytes with CRLF
};

// Ordered, disjoint, both ends included: what a normalised sequence-set of UIDs is.
struct UidRange {
    Uid first = 0;
    Uid last = 0;
};
using UidSet = std::vector<UidRange>;

// What somebody may do with a mailbox (RFC 4314 section 2.1; access_list.hpp). One bit each.
using Rights = std::uint16_t;
enum Right : Rights {
    kLookup = 1,           // l
    kRead = 2,             // r
    kKeepSeen = 4,         // s
    kWriteFlags = 8,       // w
    kInsert = 16,          // i
    kPost = 32,            // p
    kCreateBelow = 64,     // k
    kDeleteMailbox = 128,  // x
    kDeleteMessages = 256, // t
    kExpungeRight = 512,   // e
    kAdminister = 1024,    // a
};
inline constexpr Rights kAllRights = 2047;

struct MailboxInfo {
    MailboxId id;
    std::string name;  // UTF-8, hierarchy separator '/', INBOX in capitals
    SpecialUse special_use = SpecialUse::none;
    bool subscribed = false;
    bool has_children = false;
    Rights rights = kAllRights;  // of whoever asked
};

struct MailboxStatus {
    MailboxId id;
    std::uint32_t uidvalidity = 0;
    Uid uidnext = 1;
    ModSeq highest_modseq = 1;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;           // bytes of all messages
    std::uint64_t deleted_size = 0;   // of those with \Deleted; only where AccountStore::deleted_size() was asked too
    std::optional<Uid> first_unseen;
    std::vector<std::string> keywords;  // the keyword table in bit order
};

// What happened in a mailbox after `since`, as one consistent state.
struct Changes {
    MailboxStatus status;
    std::vector<MessageRow> changed;  // new messages and changed flags, ascending by UID
    std::vector<Uid> expunged;        // ascending
};

enum class FlagAction : std::uint8_t { replace, add, remove };
// Messages that an index of their own finds: those without \\Seen, those with \\Deleted.
enum class FlagQuery : std::uint8_t { unseen, deleted };

struct FlagChange {
    FlagAction action = FlagAction::add;
    std::uint8_t system = 0;
    std::vector<std::string> keywords;           // names; unknown ones enter the table (up to its 26)
    std::optional<ModSeq> unchanged_since;       // RFC 7162 section 3.1.3
};

struct FlagsStored {
    std::vector<MessageRow> rows;   // of every message of the set that exists, after the change
    std::vector<Uid> not_stored;    // changed since: MODIFIED
    ModSeq highest_modseq = 0;
    std::vector<std::string> keywords;
};

struct Appended {
    MailboxId mailbox;
    std::uint32_t uidvalidity = 0;
    Uid uid = 0;
    WallTime at{};  // as its record has it; of a message that was accepted, otherwise none
};

struct Copied {
    std::uint32_t uidvalidity = 0;             // of the target
    std::vector<std::pair<Uid, Uid>> uids;     // source, target; ascending by source
};

struct Incoming {
    std::string mailbox = "INBOX";
    std::uint8_t system_flags = 0;
    std::vector<std::string> keywords;
    WallTime internal_date;
};

}  // namespace mbx::store

template <>
struct std::hash<mbx::store::MailboxId> {
    std::size_t operator()(mbx::store::MailboxId id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
