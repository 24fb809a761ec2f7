#include "store/column_table.hpp"

#include <algorithm>

namespace mbx::store {

namespace {

// One number for both parts of the key, so that the table is its own index and rows lie in the order of UIDs.
std::int64_t key(MailboxId mailbox, Uid uid) { return mailbox.value * (std::int64_t{1} << 32U) + uid; }

Uid uid_of(std::int64_t key) { return static_cast<Uid>(key & 0xffffffff); }

ObjectId to_id(std::string_view bytes)
{
    ObjectId id;
    if (bytes.size() == id.bytes.size()) std::ranges::copy(bytes, id.bytes.begin());
    return id;
}

Blob blob_of(const ObjectId& id) { return {{reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}}; }

MessageColumns to_columns(const Statement::Rows& rows)
{
    MessageColumns message;
    message.uid = uid_of(rows.integer(0));
    ParsedColumns& columns = message.columns;
    columns.email_id = to_id(rows.blob(2));
    columns.thread_id = to_id(rows.blob(3));
    columns.has_attachment = rows.integer(4) != 0;
    if (!rows.is_null(5)) columns.sent = rows.integer(5);
    columns.sent_zone = static_cast<int>(std::clamp<std::int64_t>(rows.integer(6), -6000, 6000));
    columns.sender = rows.text(7);
    columns.subject = rows.text(8);
    columns.base_subject = rows.is_null(9) ? columns.subject : std::string(rows.text(9));
    columns.brief = rows.blob(10);
    if (rows.is_null(11)) return message;
    columns.preview = rows.text(11);
    columns.envelope = rows.blob(12);
    columns.body_structure = rows.blob(13);
    if (!rows.is_null(14)) columns.list_fields = std::string(rows.blob(14));
    columns.structure = rows.blob(15);
    columns.size = static_cast<std::uint64_t>(rows.integer(16));
    return message;
}

// In the place of a column that is not wanted stands nothing: the others keep theirs.
std::string wire_rows_sql(const WireParts& wanted)
{
    const std::string numbers = wanted.numbers ? "m.modseq, m.flags, m.keywords, m.internal_date, m.save_date" : "0, 0, 0, 0, 0";
    const auto text = [](bool is_wanted, const char* name) { return is_wanted ? std::string(", w.") + name : std::string(", NULL"); };
    return "SELECT m.uid, " + numbers + ", m.size, m.name, w.name, w.size" + text(wanted.envelope, "envelope") +
           text(wanted.body_structure, "body_structure") + text(wanted.list_fields, "list_fields") + text(wanted.preview, "preview") +
           " FROM messages m LEFT JOIN wires w ON w.id = ? + m.uid WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid";
}

MessageRow to_wire_row(const Statement::Rows& rows, const WireParts& wanted)
{
    MessageRow row;
    row.uid = static_cast<Uid>(rows.integer(0));
    row.size = static_cast<std::uint64_t>(rows.integer(6));
    if (!wanted.numbers) return row;
    row.modseq = static_cast<ModSeq>(rows.integer(1));
    row.flags.system = static_cast<std::uint8_t>(rows.integer(2));
    row.flags.keywords = static_cast<std::uint32_t>(rows.integer(3));
    row.internal_date = rows.integer(4);
    row.save_date = rows.integer(5);
    return row;
}

}  // namespace

std::uint64_t name_key(std::string_view unique)
{
    // FNV-1a: two files of one folder under one UID, one after the other, are what it tells apart; no secret.
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : unique) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

const char* ColumnTable::schema()
{
    return R"sql(
CREATE TABLE columns(
    id INTEGER PRIMARY KEY, name INTEGER NOT NULL, email_id BLOB NOT NULL, thread_id BLOB NOT NULL,
    attachment INTEGER NOT NULL, brief BLOB NOT NULL, sent INTEGER, sent_zone INTEGER NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL,
    base_subject TEXT) STRICT;
CREATE TABLE wires(
    id INTEGER PRIMARY KEY, name INTEGER NOT NULL, size INTEGER NOT NULL, preview TEXT NOT NULL, envelope BLOB NOT NULL,
    body_structure BLOB NOT NULL, list_fields BLOB, structure BLOB NOT NULL) STRICT;
CREATE TABLE column_marks(mailbox INTEGER PRIMARY KEY, uid INTEGER NOT NULL) STRICT;
)sql";
}

ColumnTable::WireRows::WireRows(Database& database, const WireParts& wanted)
    : sql(wire_rows_sql(wanted)), statement(database, sql.c_str())
{
}

ColumnTable::ColumnTable(Database& database)
    : database_(database), put_(database, "INSERT OR REPLACE INTO columns VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      put_wire_(database, "INSERT OR REPLACE INTO wires VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
      carry_(database, "INSERT OR REPLACE INTO columns SELECT ?, ?, email_id, thread_id, attachment, brief, sent, sent_zone, sender, "
                       "subject, base_subject FROM columns WHERE id = ? AND name = ?"),
      carry_wire_(database, "INSERT OR REPLACE INTO wires SELECT ?, ?, size, preview, envelope, body_structure, list_fields, structure "
                            "FROM wires WHERE id = ? AND name = ?"),
      email_id_(database, "SELECT email_id FROM columns WHERE id = ? AND name = ?"),
      erase_(database, "DELETE FROM columns WHERE id = ?"),
      erase_wire_(database, "DELETE FROM wires WHERE id = ?"),
      erase_mailbox_(database, "DELETE FROM columns WHERE id BETWEEN ? AND ?"),
      erase_wires_(database, "DELETE FROM wires WHERE id BETWEEN ? AND ?"),
      erase_mark_(database, "DELETE FROM column_marks WHERE mailbox = ?"),
      wire_(database, "SELECT c.id, c.name, w.envelope, w.structure, c.email_id, c.thread_id FROM columns c JOIN wires w "
                      "ON w.id = c.id AND w.name = c.name WHERE c.id BETWEEN ? AND ? ORDER BY c.id"),
      all_(database, "SELECT c.id, c.name, email_id, thread_id, attachment, sent, sent_zone, sender, subject, base_subject, "
                     "brief, preview, envelope, body_structure, list_fields, structure, size FROM columns c LEFT JOIN wires w "
                     "ON w.id = c.id AND w.name = c.name WHERE c.id BETWEEN ? AND ? ORDER BY c.id"),
      briefs_(database, "SELECT id, name, email_id, thread_id, brief FROM columns WHERE id BETWEEN ? AND ? ORDER BY id"),
      names_(database, "SELECT id, name FROM columns WHERE id BETWEEN ? AND ?"),
      mark_(database, "SELECT uid FROM column_marks WHERE mailbox = ?"),
      set_mark_(database, "INSERT OR REPLACE INTO column_marks VALUES(?, ?)"),
      behind_(database, "SELECT m.uid, EXISTS(SELECT 1 FROM columns WHERE id = ? + m.uid) FROM messages m "
                        "WHERE m.mailbox = ? AND m.uid > ? ORDER BY m.uid LIMIT ?")
{
}

void ColumnTable::put(MailboxId mailbox, Uid uid, std::uint64_t name, const ParsedColumns& columns)
{
    if (!holds(mailbox)) return;
    std::optional<std::string_view> base;
    if (columns.base_subject != columns.subject) base = columns.base_subject;
    put_.run(key(mailbox, uid), static_cast<std::int64_t>(name), blob_of(columns.email_id), blob_of(columns.thread_id),
             columns.has_attachment, Blob{columns.brief}, columns.sent, columns.sent_zone, std::string_view(columns.sender),
             std::string_view(columns.subject), base);
    std::optional<Blob> fields;
    if (columns.list_fields) fields = Blob{*columns.list_fields};
    put_wire_.run(key(mailbox, uid), static_cast<std::int64_t>(name), columns.size, std::string_view(columns.preview), Blob{columns.envelope},
                  Blob{columns.body_structure}, fields, Blob{columns.structure});
}

void ColumnTable::carry(const Place& from, const Place& to)
{
    if (!holds(from.mailbox) || !holds(to.mailbox)) return;
    for (Statement* carry : {&carry_, &carry_wire_}) {
        carry->run(key(to.mailbox, to.uid), static_cast<std::int64_t>(to.name), key(from.mailbox, from.uid),
                   static_cast<std::int64_t>(from.name));
    }
}

std::optional<ObjectId> ColumnTable::email_id(const Place& place)
{
    if (!holds(place.mailbox)) return std::nullopt;
    auto rows = email_id_.rows(key(place.mailbox, place.uid), static_cast<std::int64_t>(place.name));
    return rows.next() ? std::optional(to_id(rows.blob(0))) : std::nullopt;
}

void ColumnTable::erase(MailboxId mailbox, Uid uid)
{
    if (!holds(mailbox)) return;
    erase_.run(key(mailbox, uid));
    erase_wire_.run(key(mailbox, uid));
}

void ColumnTable::erase_mailbox(MailboxId mailbox)
{
    if (!holds(mailbox)) return;
    erase_mailbox_.run(key(mailbox, 0), key(mailbox, UINT32_MAX));
    erase_wires_.run(key(mailbox, 0), key(mailbox, UINT32_MAX));
    erase_mark_.run(mailbox.value);
}

void ColumnTable::visit_wire(MailboxId mailbox, UidRange range, const std::function<void(WireColumns&&)>& visit)
{
    if (!holds(mailbox)) return;
    auto rows = wire_.rows(key(mailbox, range.first), key(mailbox, range.last));
    while (rows.next()) {
        visit({uid_of(rows.integer(0)), static_cast<std::uint64_t>(rows.integer(1)), std::string(rows.blob(2)),
               std::string(rows.blob(3)), to_id(rows.blob(4)), to_id(rows.blob(5))});
    }
}

void ColumnTable::visit_wire_rows(MailboxId mailbox, UidRange range, const WireParts& wanted,
                                  const std::function<bool(const WireRow&)>& visit)
{
    auto& statement = wire_rows_.try_emplace(wanted, database_, wanted).first->second.statement;
    // A mailbox that the table cannot hold has rows all the same: its key finds no texts.
    auto rows = statement.rows(holds(mailbox) ? key(mailbox, 0) : std::int64_t{0}, mailbox.value, range.first, range.last);
    const auto known = [&rows](bool is_wanted, int column) -> std::optional<std::string_view> {
        const auto text = is_wanted ? rows.blob(column) : std::string_view();
        return text.empty() ? std::nullopt : std::optional(text);
    };
    while (rows.next()) {
        WireRow one;
        one.row = to_wire_row(rows, wanted);
        const bool is_of_it = static_cast<std::uint64_t>(rows.integer(9)) == one.row.size && !rows.is_null(8) &&
                              static_cast<std::uint64_t>(rows.integer(8)) == name_key(rows.text(7));
        if (is_of_it) {
            one.envelope = known(wanted.envelope, 10);
            one.body_structure = known(wanted.body_structure, 11);
            if (wanted.list_fields && !rows.is_null(12)) one.list_fields = rows.blob(12);
            if (wanted.preview) one.preview = rows.text(13);
        }
        if (!visit(one)) return;
    }
}

void ColumnTable::visit_briefs(MailboxId mailbox, UidRange range, const std::function<void(const BriefColumns&)>& visit)
{
    if (!holds(mailbox)) return;
    auto rows = briefs_.rows(key(mailbox, range.first), key(mailbox, range.last));
    while (rows.next()) {
        visit({uid_of(rows.integer(0)), static_cast<std::uint64_t>(rows.integer(1)), rows.blob(4), to_id(rows.blob(2)),
               to_id(rows.blob(3))});
    }
}

void ColumnTable::visit(MailboxId mailbox, UidRange range,
                        const std::function<void(std::uint64_t name, MessageColumns&&)>& visit)
{
    if (!holds(mailbox)) return;
    auto rows = all_.rows(key(mailbox, range.first), key(mailbox, range.last));
    while (rows.next()) visit(static_cast<std::uint64_t>(rows.integer(1)), to_columns(rows));
}

std::unordered_map<Uid, std::uint64_t> ColumnTable::names(MailboxId mailbox)
{
    std::unordered_map<Uid, std::uint64_t> all;
    if (!holds(mailbox)) return all;
    auto rows = names_.rows(key(mailbox, 0), key(mailbox, UINT32_MAX));
    while (rows.next()) all.emplace(uid_of(rows.integer(0)), static_cast<std::uint64_t>(rows.integer(1)));
    return all;
}

Uid ColumnTable::mark(MailboxId mailbox)
{
    auto rows = mark_.rows(mailbox.value);
    return rows.next() ? static_cast<Uid>(rows.integer(0)) : 0;
}

void ColumnTable::set_mark(MailboxId mailbox, Uid uid) { set_mark_.run(mailbox.value, uid); }

std::vector<ColumnTable::Missing> ColumnTable::behind_mark(MailboxId mailbox, Uid mark, std::size_t most)
{
    std::vector<Missing> missing;
    auto rows = behind_.rows(key(mailbox, 0), mailbox.value, mark, most);
    while (rows.next()) missing.push_back({static_cast<Uid>(rows.integer(0)), rows.integer(1) != 0});
    return missing;
}

}  // namespace mbx::store
