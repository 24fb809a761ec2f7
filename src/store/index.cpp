#include "store/index.hpp"

#include <utility>

#include "base/ascii.hpp"

namespace mbx::store {

namespace {

constexpr int kSchemaVersion = 4;

constexpr const char* kSettings = "PRAGMA locking_mode=EXCLUSIVE;"
                                  "PRAGMA journal_mode=WAL;"
                                  "PRAGMA synchronous=NORMAL;"
                                  "PRAGMA secure_delete=OFF;"
                                  "PRAGMA temp_store=MEMORY;"
                                  "PRAGMA cache_size=-256;"
                                  "PRAGMA wal_autocheckpoint=128;"
                                  "PRAGMA journal_size_limit=4194304;"
                                  "PRAGMA trusted_schema=OFF;";

constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE mailboxes(
    id INTEGER PRIMARY KEY, uidnext INTEGER NOT NULL, highest_modseq INTEGER NOT NULL, log_floor INTEGER NOT NULL,
    messages INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, size INTEGER NOT NULL,
    cur_time INTEGER NOT NULL, new_time INTEGER NOT NULL, is_verified INTEGER NOT NULL, is_stale INTEGER NOT NULL) STRICT;
CREATE TABLE messages(
    mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL, flags INTEGER NOT NULL,
    keywords INTEGER NOT NULL, internal_date INTEGER NOT NULL, save_date INTEGER NOT NULL, size INTEGER NOT NULL,
    name TEXT NOT NULL, PRIMARY KEY(mailbox, uid)) STRICT, WITHOUT ROWID;
CREATE INDEX messages_modseq ON messages(mailbox, modseq);
CREATE INDEX messages_unseen ON messages(mailbox, uid) WHERE (flags & 1) = 0;
CREATE INDEX messages_deleted ON messages(mailbox, uid) WHERE (flags & 8) = 8;
CREATE TABLE expunged(mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL,
    PRIMARY KEY(mailbox, modseq, uid)) STRICT, WITHOUT ROWID;
)sql";

MessageRow to_row(const Statement::Rows& rows)
{
    MessageRow row;
    row.uid = static_cast<Uid>(rows.integer(0));
    row.modseq = static_cast<ModSeq>(rows.integer(1));
    row.flags.system = static_cast<std::uint8_t>(rows.integer(2));
    row.flags.keywords = static_cast<std::uint32_t>(rows.integer(3));
    row.internal_date = rows.integer(4);
    row.save_date = rows.integer(5);
    row.size = static_cast<std::uint64_t>(rows.integer(6));
    return row;
}

StoredMessage to_message(const Statement::Rows& rows) { return {to_row(rows), std::string(rows.text(7))}; }

}  // namespace

struct Index::Statements {
    explicit Statements(Database& database)
        : begin(database, "BEGIN IMMEDIATE"), commit(database, "COMMIT"), savepoint(database, "SAVEPOINT change"),
          release(database, "RELEASE change"), note(database, "INSERT OR REPLACE INTO meta VALUES('lsn', ?)"),
          save_mailbox(database, "INSERT OR REPLACE INTO mailboxes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
          insert(database, "INSERT INTO messages VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"),
          update_flags(database, "UPDATE messages SET modseq = ?, flags = ?, keywords = ? WHERE mailbox = ? AND uid = ?"),
          reflag(database, "UPDATE messages SET modseq = ?, flags = (flags & ?) | ?, keywords = (keywords & ?) | ? "
                           "WHERE mailbox = ? AND uid BETWEEN ? AND ?"),
          erase(database, "DELETE FROM messages WHERE mailbox = ? AND uid = ?"),
          visit(database, "SELECT uid, modseq, flags, keywords, internal_date, save_date, size, name FROM messages "
                          "WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"),
          visit_rows(database, "SELECT uid, modseq, flags, keywords, internal_date, save_date, size FROM messages "
                               "WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"),
          // Where rows are wanted in the order of their UIDs, SQLite walks the whole primary key unless it is told not to:
          // 15 ms at 100,000 messages, in every status() and changes().
          visit_deleted(database, "SELECT uid, modseq, flags, keywords, internal_date, save_date, size, name FROM messages "
                                  "INDEXED BY messages_deleted "
                                  "WHERE mailbox = ? AND uid BETWEEN ? AND ? AND (flags & 8) = 8 ORDER BY uid"),
          visit_changed(database, "SELECT uid, modseq, flags, keywords, internal_date, save_date, size FROM messages "
                                  "INDEXED BY messages_modseq WHERE mailbox = ? AND modseq > ? ORDER BY uid"),
          uids(database, "SELECT uid FROM messages WHERE mailbox = ? ORDER BY uid"),
          first_unseen(database, "SELECT uid FROM messages INDEXED BY messages_unseen "
                                 "WHERE mailbox = ? AND (flags & 1) = 0 ORDER BY uid LIMIT 1"),
          unseen(database, "SELECT uid FROM messages INDEXED BY messages_unseen "
                           "WHERE mailbox = ? AND uid BETWEEN ? AND ? AND (flags & 1) = 0 ORDER BY uid"),
          deleted(database, "SELECT uid FROM messages INDEXED BY messages_deleted "
                            "WHERE mailbox = ? AND uid BETWEEN ? AND ? AND (flags & 8) = 8 ORDER BY uid"),
          log_expunged(database, "INSERT INTO expunged VALUES(?, ?, ?)"),
          expunged(database, "SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY uid"),
          oldest_kept(database, "SELECT modseq FROM expunged WHERE mailbox = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?"),
          trim(database, "DELETE FROM expunged WHERE mailbox = ? AND modseq <= ?")
    {
    }
    Statement begin, commit, savepoint, release, note, save_mailbox, insert, update_flags, reflag, erase, visit, visit_rows, visit_deleted,
        visit_changed, uids, first_unseen, unseen, deleted, log_expunged, expunged, oldest_kept, trim;
};

Index::Index(Database database) : database_(std::move(database))
{
    // By now the database stands where it stays: statements refer to it.
    statements_ = std::make_unique<Statements>(database_);
    columns_ = std::make_unique<ColumnTable>(database_);
}

Index::~Index() = default;

namespace {

Index::Condition condition_of(int code)
{
    const int primary = code & 0xff;
    if (code == SQLITE_OK) return Index::Condition::good;
    // A message of a missing table or column (SQLITE_ERROR) means that somebody changed the schema under its number.
    if (primary == SQLITE_ERROR) return Index::Condition::wrong_schema;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) return Index::Condition::damaged;
    return Index::Condition::unreadable;
}

std::string read_meta(Database& database, std::string_view key)
{
    Statement read(database, "SELECT value FROM meta WHERE key = ?");
    auto rows = read.rows(key);
    return rows.next() ? std::string(rows.text(0)) : std::string();
}

}  // namespace

void Index::note_journal(std::uint32_t identity)
{
    const std::string ours = std::to_string(identity);
    const auto lsn = ascii::parse_number(read_meta(database_, "lsn"));
    if (read_meta(database_, "journal") == ours && lsn) {
        lsn_ = *lsn;
        return;
    }
    database_.execute("BEGIN IMMEDIATE; UPDATE mailboxes SET is_stale = 1; INSERT OR REPLACE INTO meta VALUES('lsn', '0');");
    {
        Statement write(database_, "INSERT OR REPLACE INTO meta VALUES('journal', ?)");
        write.run(std::string_view(ours));
    }
    database_.execute("COMMIT;");
}

namespace {

// Statements are prepared at their first use: a schema that was changed under its number is found out here.
std::int64_t count_objects(Database& database) { return database.pragma_number("SELECT count(*) FROM sqlite_schema"); }

std::int64_t objects_of_schema()
{
    Database scratch(":memory:");
    scratch.execute(kSchema);
    scratch.execute(ColumnTable::schema());
    return count_objects(scratch);
}

}  // namespace

std::unique_ptr<Index> Index::open(const std::string& path, std::uint32_t journal_identity,
                                   Condition& condition)
{
    Database database(path);
    database.execute(kSettings);
    const auto version = database.pragma_number("PRAGMA user_version");
    const auto objects = count_objects(database);
    static const std::int64_t expected_objects = objects_of_schema();
    condition = condition_of(database.take_error());
    if (condition != Condition::good) return nullptr;
    if (objects == 0 && version == 0) {
        const std::string create = "BEGIN IMMEDIATE;" + std::string(kSchema) + ColumnTable::schema() +
                                   "PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;";
        database.execute(create.c_str());
    } else if (version == 2 || version == 3) {
        // Only the wide tables have changed since; what is in them is made again.
        const std::string extend = "BEGIN IMMEDIATE; DROP TABLE IF EXISTS columns; DROP TABLE IF EXISTS column_marks;" +
                                   std::string(ColumnTable::schema()) +
                                   "PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;";
        database.execute(extend.c_str());
    } else if (version != kSchemaVersion || objects != expected_objects) {
        condition = Condition::wrong_schema;
        return nullptr;
    }
    auto index = std::unique_ptr<Index>(new Index(std::move(database)));
    index->note_journal(journal_identity);
    condition = condition_of(index->database_.take_error());
    if (condition != Condition::good) return nullptr;
    return index;
}

void Index::checkpoint()
{
    database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    (void)database_.take_error();  // the log stays as it is: nothing is lost by it
}

Result<void, StoreError> Index::take_up_files()
{
    if (database_.take_up_files()) return {};
    return judge(database_.take_error());
}

Result<void, StoreError> Index::judge(int code)
{
    const int primary = code & 0xff;
    if (code == SQLITE_OK) return {};
    if (primary == SQLITE_FULL) return StoreError::no_space;
    // Our SQL never changes: an error in it is a table that is not the one it was written for.
    if (primary != SQLITE_CORRUPT && primary != SQLITE_NOTADB && primary != SQLITE_ERROR) return StoreError::io;
    is_damaged_ = true;
    return StoreError::corrupt;
}

void Index::open_transaction()
{
    ++changes_;
    ++version_;
    if (is_open_) return;
    statements_->begin.run();
    is_open_ = !database_.has_failed();
}

void Index::begin()
{
    open_transaction();
    statements_->savepoint.run();
}

Result<void, StoreError> Index::end()
{
    ++version_;
    if (!database_.has_failed()) statements_->release.run();
    const auto done = outcome();
    if (!done && is_open_) {
        database_.execute("ROLLBACK TO change; RELEASE change");
        (void)database_.take_error();
    }
    return done;
}

Result<void, StoreError> Index::outcome()
{
    const int code = database_.take_error();
    if (is_open_ && !database_.is_in_transaction()) {
        is_open_ = false;
        is_lost_ = true;
    }
    return judge(code);
}

Result<void, StoreError> Index::commit(Lsn lsn)
{
    open_transaction();
    if (!is_open_) return outcome();
    statements_->note.run(std::string_view(std::to_string(lsn)));
    statements_->commit.run();
    changes_ = 0;
    const int code = database_.take_error();
    is_open_ = false;
    if (code == SQLITE_OK) {
        lsn_ = lsn;
        return {};
    }
    is_lost_ = true;
    // Without a transaction (SQLite took it back already) this is an error that means nothing.
    database_.execute("ROLLBACK");
    (void)database_.take_error();
    return judge(code);
}

bool Index::is_sound()
{
    std::string verdict;
    {
        Statement check(database_, "PRAGMA quick_check(1)");
        auto rows = check.rows();
        if (rows.next()) verdict = rows.text(0);
    }
    return database_.take_error() == SQLITE_OK && verdict == "ok";
}

std::vector<std::pair<MailboxId, MailboxCounters>> Index::mailboxes()
{
    std::vector<std::pair<MailboxId, MailboxCounters>> all;
    Statement read(database_, "SELECT * FROM mailboxes ORDER BY id");
    auto rows = read.rows();
    while (rows.next()) {
        MailboxCounters counters;
        counters.uidnext = static_cast<std::uint64_t>(rows.integer(1));
        counters.highest_modseq = static_cast<ModSeq>(rows.integer(2));
        counters.log_floor = static_cast<ModSeq>(rows.integer(3));
        counters.messages = static_cast<std::uint32_t>(rows.integer(4));
        counters.unseen = static_cast<std::uint32_t>(rows.integer(5));
        counters.deleted = static_cast<std::uint32_t>(rows.integer(6));
        counters.size = static_cast<std::uint64_t>(rows.integer(7));
        counters.times = {rows.integer(8), rows.integer(9)};
        counters.is_verified = rows.integer(10) != 0;
        counters.is_stale = rows.integer(11) != 0;
        all.emplace_back(MailboxId{rows.integer(0)}, counters);
    }
    return all;
}

void Index::save_mailbox(MailboxId mailbox, const MailboxCounters& counters)
{
    statements_->save_mailbox.run(mailbox.value, counters.uidnext, counters.highest_modseq, counters.log_floor,
                                  counters.messages, counters.unseen, counters.deleted, counters.size,
                                  counters.times.cur, counters.times.fresh, counters.is_verified, counters.is_stale);
}

void Index::remove_mailbox(MailboxId mailbox)
{
    remove_rows(mailbox);
    columns_->erase_mailbox(mailbox);
}

void Index::remove_rows(MailboxId mailbox)
{
    for (const char* sql : {"DELETE FROM messages WHERE mailbox = ?", "DELETE FROM expunged WHERE mailbox = ?",
                            "DELETE FROM mailboxes WHERE id = ?"}) {
        Statement statement(database_, sql);
        statement.run(mailbox.value);
    }
}

void Index::insert(MailboxId mailbox, const StoredMessage& message)
{
    const MessageRow& row = message.row;
    statements_->insert.run(mailbox.value, row.uid, row.modseq, row.flags.system, row.flags.keywords,
                            row.internal_date, row.save_date, row.size, std::string_view(message.unique));
}

void Index::update_flags(MailboxId mailbox, const MessageRow& row)
{
    statements_->update_flags.run(row.modseq, row.flags.system, row.flags.keywords, mailbox.value, row.uid);
}

void Index::update_flags(MailboxId mailbox, UidRange range, ModSeq modseq, const Reflag& change)
{
    const Flags& flags = change.flags;
    Flags kept;  // of what was there
    if (change.action == FlagAction::add) kept = {UINT8_MAX, UINT32_MAX};
    if (change.action == FlagAction::remove) kept = {static_cast<std::uint8_t>(~flags.system), ~flags.keywords};
    const Flags given = change.action == FlagAction::remove ? Flags() : flags;
    statements_->reflag.run(modseq, kept.system, given.system, kept.keywords, given.keywords, mailbox.value, range.first, range.last);
}

void Index::erase(MailboxId mailbox, Uid uid)
{
    statements_->erase.run(mailbox.value, uid);
    columns_->erase(mailbox, uid);
}

void Index::visit(MailboxId mailbox, UidRange range, const Visit& visit)
{
    auto rows = statements_->visit.rows(mailbox.value, range.first, range.last);
    while (rows.next()) visit(to_message(rows));
}

void Index::visit_rows(MailboxId mailbox, UidRange range, const std::function<void(const MessageRow&)>& visit)
{
    auto rows = statements_->visit_rows.rows(mailbox.value, range.first, range.last);
    while (rows.next()) visit(to_row(rows));
}

void Index::visit_deleted(MailboxId mailbox, UidRange range, const Visit& visit)
{
    auto rows = statements_->visit_deleted.rows(mailbox.value, range.first, range.last);
    while (rows.next()) visit(to_message(rows));
}

void Index::visit_changed(MailboxId mailbox, ModSeq since, const std::function<void(const MessageRow&)>& visit)
{
    auto rows = statements_->visit_changed.rows(mailbox.value, since);
    while (rows.next()) visit(to_row(rows));
}

std::optional<StoredMessage> Index::find(MailboxId mailbox, Uid uid)
{
    auto rows = statements_->visit.rows(mailbox.value, uid, uid);
    if (!rows.next()) return std::nullopt;
    return to_message(rows);
}

std::vector<Uid> Index::uids(MailboxId mailbox)
{
    std::vector<Uid> all;
    auto rows = statements_->uids.rows(mailbox.value);
    while (rows.next()) all.push_back(static_cast<Uid>(rows.integer(0)));
    return all;
}

std::optional<Uid> Index::first_unseen(MailboxId mailbox)
{
    auto rows = statements_->first_unseen.rows(mailbox.value);
    if (!rows.next()) return std::nullopt;
    return static_cast<Uid>(rows.integer(0));
}

void Index::visit_flagged(MailboxId mailbox, UidRange range, FlagQuery query, const std::function<void(Uid)>& visit)
{
    auto& statement = query == FlagQuery::unseen ? statements_->unseen : statements_->deleted;
    auto rows = statement.rows(mailbox.value, range.first, range.last);
    while (rows.next()) visit(static_cast<Uid>(rows.integer(0)));
}

void Index::log_expunged(MailboxId mailbox, Uid uid, ModSeq modseq)
{
    statements_->log_expunged.run(mailbox.value, modseq, uid);
}

std::vector<Uid> Index::expunged(MailboxId mailbox, ModSeq since)
{
    std::vector<Uid> all;
    auto rows = statements_->expunged.rows(mailbox.value, since);
    while (rows.next()) all.push_back(static_cast<Uid>(rows.integer(0)));
    return all;
}

std::optional<ModSeq> Index::trim_expunged(MailboxId mailbox, std::size_t keep)
{
    std::optional<ModSeq> floor;
    {
        auto rows = statements_->oldest_kept.rows(mailbox.value, keep);
        if (rows.next()) floor = static_cast<ModSeq>(rows.integer(0));
    }
    if (floor) statements_->trim.run(mailbox.value, *floor);
    return floor;
}

}  // namespace mbx::store
