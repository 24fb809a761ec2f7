// The wide tables of index.db: what was parsed of each message, apart from the hot table because a wide row doubles a scan
// and triples a bulk STORE (docs/store.md). One for SEARCH, SORT and THREAD, one with what FETCH writes to its client. A cache of a cache: rows come behind delivery and may be missing at any time.
// Errors stick to the Database; Index::outcome() tells. One thread at a time, inside Index::begin() … commit() to write.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/parsed_columns.hpp"
#include "store/sqlite.hpp"

namespace mbx::store {

// Ties a row to the file that it was made of: a row under a UID whose file has another unique name says nothing.
std::uint64_t name_key(std::string_view unique);

// What FETCH needs beside the text of wires: the structure encoded (column_code.hpp), both empty where they were too long.
struct WireColumns {
    Uid uid = 0;
    std::uint64_t name = 0;
    std::string envelope;  // as FETCH tells it
    std::string structure;
    ObjectId email_id;
    ObjectId thread_id;
};

// What a look at messages and their ready texts is for: every column more costs its share of the time.
struct WireParts {
    bool numbers = false;  // of the row: more than UID and size
    bool envelope = false;
    bool body_structure = false;
    bool list_fields = false;
    bool preview = false;
    bool has_texts() const { return envelope || body_structure || list_fields || preview; }
    auto operator<=>(const WireParts&) const = default;
};

// A message's row, and the ready texts of it, as far as they were wanted; good for as long as the visit. None: not parsed yet, or
// too long.
struct WireRow {
    MessageRow row;
    std::optional<std::string_view> envelope;        // the values of FETCH ENVELOPE
    std::optional<std::string_view> body_structure;  // and BODYSTRUCTURE
    std::optional<std::string_view> list_fields;     // list_fields.hpp
    std::optional<std::string_view> preview;
};

// What SEARCH, SORT and THREAD need; `brief` (brief.hpp) is good for as long as the visit.
struct BriefColumns {
    Uid uid = 0;
    std::uint64_t name = 0;
    std::string_view brief;
    ObjectId email_id;
    ObjectId thread_id;
};

class ColumnTable {
public:
    static const char* schema();
    explicit ColumnTable(Database& database);

    // Mailbox ids that do not fit the table's key have no rows; they come only from a damaged state file.
    static bool holds(MailboxId mailbox) { return mailbox.value > 0 && mailbox.value < (std::int64_t{1} << 31U); }

    void put(MailboxId mailbox, Uid uid, std::uint64_t name, const ParsedColumns& columns);
    void erase(MailboxId mailbox, Uid uid);
    // COPY and MOVE: what was parsed of the one message is right for the other, which has its bytes. `name` as in put().
    struct Place {
        MailboxId mailbox;
        Uid uid = 0;
        std::uint64_t name = 0;
    };
    void carry(const Place& from, const Place& to);
    std::optional<ObjectId> email_id(const Place& place);
    void erase_mailbox(MailboxId mailbox);
    // Ascending by UID.
    void visit_wire(MailboxId mailbox, UidRange range, const std::function<void(WireColumns&&)>& visit);
    void visit_wire_rows(MailboxId mailbox, UidRange range, const WireParts& wanted,
                         const std::function<bool(const WireRow&)>& visit);
    void visit_briefs(MailboxId mailbox, UidRange range, const std::function<void(const BriefColumns&)>& visit);
    void visit(MailboxId mailbox, UidRange range,
               const std::function<void(std::uint64_t name, MessageColumns&&)>& visit);
    // Of all rows of the mailbox.
    std::unordered_map<Uid, std::uint64_t> names(MailboxId mailbox);

    // Up to this UID every message was looked at. Behind come those that the filling step has still to parse.
    Uid mark(MailboxId mailbox);
    void set_mark(MailboxId mailbox, Uid uid);
    struct Missing {
        Uid uid = 0;
        bool is_there = false;  // its row was left behind by somebody else
    };
    std::vector<Missing> behind_mark(MailboxId mailbox, Uid mark, std::size_t most);

private:
    // The text of a Statement outlives it.
    struct WireRows {
        WireRows(Database& database, const WireParts& wanted);
        std::string sql;
        Statement statement;
    };
    Database& database_;
    std::map<WireParts, WireRows> wire_rows_;  // those that were needed so far
    Statement put_, put_wire_, carry_, carry_wire_, email_id_, erase_, erase_wire_, erase_mailbox_, erase_wires_, erase_mark_, wire_,
        all_, briefs_, names_, mark_, set_mark_, behind_;
};

}  // namespace mbx::store
