// What the journal's records mean: every change of a mailbox with its final outcome, so that replay decides nothing
// (docs/journal.md). Pure; decode() is total for any bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "journal/journal.hpp"
#include "store/types.hpp"

namespace mbx::store {

using journal::Lsn;

// A message was taken responsibility for (250). Each recipient's store places it later, with a PlacedRecord that names
// this one; a recipient without such a record is still owed the message.
struct AcceptedRecord {
    std::string trace_id;
    std::int64_t internal_date = 0;  // seconds since 1970, UTC
    std::uint64_t size = 0;
    std::uint32_t crc = 0;           // CRC-32C of the wire bytes
    std::string spool_name;          // the synced file in spool/ that holds the body; empty: it follows in the record
    std::vector<AccountKey> recipients;  // into their INBOX
    std::string outgoing;            // the queue's envelope (queue/envelope.hpp) for those elsewhere; empty: none
    std::string traced;              // what the trace is told of it (trace/event_record.hpp); empty: nothing
};

// A message is in a mailbox under this UID.
struct PlacedRecord {
    enum class Source : std::uint8_t {
        accepted,  // the body of AcceptedRecord `accepted`
        body,      // it follows in this record (APPEND)
        spooled,   // the synced file `spool_name` (a large APPEND)
        message,   // another message of the account: `source_mailbox`, `source_unique` (COPY, MOVE, undelete)
        present,   // the file was there already: another tool's (adoption)
    };
    AccountKey account;
    MailboxId mailbox;
    MessageRow row;
    std::string unique;      // empty: unique_of(row.save_date, identity, this record's number)
    std::uint32_t crc = 0;   // CRC-32C of the wire bytes, with Source::accepted, body and spooled
    Source source = Source::body;
    Lsn accepted = 0;
    std::int64_t placed_at = 0;  // microseconds since 1970, with `accepted`; 0: not known
    std::string spool_name;
    MailboxId source_mailbox;
    std::string source_unique;
    // Of an undelete: what the trace is told of it.
    struct Restored {
        std::int64_t at = 0;    // microseconds since 1970; 0: it is told nothing
        std::string by;
        Uid uid = 0;            // that it had
        std::string mailbox;    // where it was, as that is called now; empty: it is gone
        std::string to_mailbox;
    };
    Restored restored{};
};

// Flags as they are after the command; the keyword bits are of the mailbox's table, which is durable before.
struct FlagsRecord {
    AccountKey account;
    MailboxId mailbox;
    ModSeq modseq = 0;
    struct Change {
        UidRange uids;
        Flags flags;
    };
    std::vector<Change> changes;  // ascending
};

struct ExpungedRecord {
    enum class Reason : std::uint8_t { expunged, moved, vanished };
    AccountKey account;
    MailboxId mailbox;
    ModSeq modseq = 0;
    Reason reason = Reason::expunged;
    struct Message {
        Uid uid = 0;
        std::string unique;
    };
    std::vector<Message> messages;  // ascending
    // What the trace is told of the first `count` messages (store/traced_act): who did it, and when, is the same for all.
    struct Told {
        std::int64_t at = 0;     // microseconds since 1970; 0: it is told nothing
        std::string by;
        std::string mailbox;
        std::string to_mailbox;  // of a MOVE; empty: an EXPUNGE
        std::size_t count = 0;
        std::vector<Uid> to;     // of a MOVE: of each of them
        std::string login{};     // the address of who did it; empty: written before this was known, as what follows
        AccountKey to_account{}; // of a MOVE into another account; without a domain: the same
        MailboxId to_id{};       // of a MOVE
    };
    Told told{};
};

// What befell a mailbox as a whole. It is in the directories already: this is for the trace alone.
struct MailboxActRecord {
    enum class Kind : std::uint8_t { renamed, deleted, restored };
    AccountKey account;
    MailboxId mailbox;
    Kind kind = Kind::renamed;
    std::int64_t at = 0;  // microseconds since 1970
    std::string by;
    std::string login;     // the address of who did it; empty: nobody was logged in
    std::string name;
    std::string new_name;  // of a RENAME
};

// The account's mail was set aside: earlier records of it mean nothing any more.
struct AccountRemovedRecord {
    AccountKey account;
};

// A record that was numbered but whose change failed and was taken back.
struct VoidRecord {
    Lsn lsn = 0;
};

// A change of the queue of outgoing mail; what it says is the queue's business (queue/queue_record.hpp).
struct OutgoingRecord {
    std::string change;
    std::string traced{};  // as AcceptedRecord's
};

using JournalRecord = std::variant<AcceptedRecord, PlacedRecord, FlagsRecord, ExpungedRecord, AccountRemovedRecord, VoidRecord,
                                   OutgoingRecord, MailboxActRecord>;

// The head of the payload; a body follows it.
std::string encode(const JournalRecord& record);

struct DecodedRecord {
    JournalRecord record;
    std::string_view body;  // what stands behind the head
};
std::optional<DecodedRecord> decode(std::string_view payload);  // none: not a record of a version that we know

// For `mailboxctl journal show`.
std::string describe(const JournalRecord& record);

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The identity of a message in its folder, made from its record's number and the journal's identity, so that a file
// whose record never became durable is known for what it is: "<save date>.J<identity, 8 hex><number, hex>.mailboxd".
std::string unique_of(std::int64_t save_date, std::uint32_t identity, Lsn lsn);
std::optional<std::pair<std::uint32_t, Lsn>> lsn_of(std::string_view unique);

}  // namespace mbx::store
