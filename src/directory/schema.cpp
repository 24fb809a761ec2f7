#include "directory/schema.hpp"

#include <sqlite3.h>

#include <array>

namespace mbx::directory {
namespace {

// "MBXD": says in the file's header whose it is.
constexpr std::int64_t kApplicationId = 0x4d425844;

constexpr std::array kMigrations{
    // 1: domains and accounts. AUTOINCREMENT: an id is never given out again, also not after its account is gone.
    R"sql(
CREATE TABLE domain (
    name TEXT NOT NULL PRIMARY KEY,
    catch_all TEXT NOT NULL DEFAULT '',
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    local_part TEXT NOT NULL,
    domain TEXT NOT NULL REFERENCES domain (name) ON DELETE RESTRICT ON UPDATE RESTRICT,
    full_name TEXT NOT NULL DEFAULT '',
    password_hash TEXT NOT NULL,
    credential_version INTEGER NOT NULL DEFAULT 1,
    quota_bytes INTEGER NOT NULL DEFAULT 0 CHECK (quota_bytes >= 0),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    is_administrator INTEGER NOT NULL DEFAULT 0 CHECK (is_administrator IN (0, 1)),
    UNIQUE (domain, local_part)
) STRICT;
)sql",
    // 2: aliases.
    R"sql(
CREATE TABLE alias (
    address TEXT NOT NULL PRIMARY KEY,
    domain TEXT NOT NULL REFERENCES domain (name) ON DELETE RESTRICT ON UPDATE RESTRICT,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE alias_target (
    address TEXT NOT NULL REFERENCES alias (address) ON DELETE CASCADE ON UPDATE RESTRICT,
    target TEXT NOT NULL,
    PRIMARY KEY (address, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_domain ON alias (domain);
)sql",
    // 3: what integrators may read; the columns of these views are promised, those of the tables are not.
    R"sql(
CREATE VIEW directory_domains AS SELECT name, catch_all, enabled FROM domain;
CREATE VIEW directory_accounts AS
    SELECT id, local_part || '@' || domain AS address, domain, full_name, quota_bytes, enabled, is_administrator
    FROM account;
CREATE VIEW directory_aliases AS
    SELECT alias.address, alias_target.target, alias.enabled FROM alias JOIN alias_target USING (address);
)sql",
    // 4: the quota of messages; new columns of a view stand last.
    R"sql(
ALTER TABLE account ADD COLUMN quota_messages INTEGER NOT NULL DEFAULT 0 CHECK (quota_messages >= 0);
DROP VIEW directory_accounts;
CREATE VIEW directory_accounts AS
    SELECT id, local_part || '@' || domain AS address, domain, full_name, quota_bytes, enabled, is_administrator,
           quota_messages
    FROM account;
)sql",
    // 5: SCRAM: what is stored of a password for it, and the secret behind the salts of names that nobody has.
    R"sql(
ALTER TABLE account ADD COLUMN scram_verifier TEXT NOT NULL DEFAULT '';
CREATE TABLE server_secret (value TEXT NOT NULL) STRICT;
INSERT INTO server_secret (value) SELECT hex(randomblob(32));
)sql",
    // 6: forwarding of accounts, owners of lists.
    R"sql(
ALTER TABLE account ADD COLUMN keeps_copy INTEGER NOT NULL DEFAULT 1 CHECK (keeps_copy IN (0, 1));
CREATE TABLE account_forward (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE ON UPDATE RESTRICT,
    target TEXT NOT NULL,
    PRIMARY KEY (account, target)
) STRICT, WITHOUT ROWID;
ALTER TABLE alias ADD COLUMN owner TEXT NOT NULL DEFAULT '';
DROP VIEW directory_aliases;
CREATE VIEW directory_aliases AS
    SELECT alias.address, alias_target.target, alias.enabled, alias.owner FROM alias JOIN alias_target USING (address);
CREATE VIEW directory_forwards AS
    SELECT account.local_part || '@' || account.domain AS address, account_forward.target, account.keeps_copy
    FROM account JOIN account_forward ON account_forward.account = account.id;
)sql",
    // 7: app passwords.
    R"sql(
CREATE TABLE app_password (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE ON UPDATE RESTRICT,
    label TEXT NOT NULL,
    made INTEGER NOT NULL,
    last_used INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL,
    scram_verifier TEXT NOT NULL,
    bare_scram_verifier TEXT NOT NULL,
    UNIQUE (account, label)
) STRICT;
CREATE VIEW directory_app_passwords AS
    SELECT app_password.id, account.local_part || '@' || account.domain AS address, label, made, last_used
    FROM app_password JOIN account ON account.id = app_password.account;
)sql",
};

Result<std::int64_t, SqlFailure> ask_number(Database& database, std::string_view sql)
{
    Statement statement = database.prepare(sql);
    const auto row = statement.step();
    if (!row) return row.error();
    return statement.integer(0);
}

Result<void, SqlFailure> migrate_one(Database& database, std::size_t step)
{
    Transaction transaction(database);
    if (!transaction.begun()) return transaction.begun().error();
    // Another process may have been faster while we waited for the lock.
    const auto version = ask_number(database, "PRAGMA user_version");
    if (!version) return version.error();
    if (*version > static_cast<std::int64_t>(step)) return {};
    const auto changed = database.execute(kMigrations.at(step));
    if (!changed) return changed.error();
    const std::string marks = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                              "; PRAGMA user_version = " + std::to_string(step + 1);
    const auto marked = database.execute(marks.c_str());
    if (!marked) return marked.error();
    return transaction.commit();
}

// Whether the file is ours, whole, and not newer than this program.
Result<std::size_t, Error> check(Database& database, const std::string& attempted, const std::string& path)
{
    const auto owner = ask_number(database, "PRAGMA application_id");
    if (!owner) return explain(attempted, owner.error());
    const auto version = ask_number(database, "PRAGMA user_version");
    if (!version) return explain(attempted, version.error());
    const auto tables = ask_number(database, "SELECT count(*) FROM sqlite_schema");
    if (!tables) return explain(attempted, tables.error());
    if (*owner != kApplicationId && (*owner != 0 || *version != 0 || *tables != 0))
        return Error{attempted, "it is a database of another program", "move it away, or correct server.data_directory"};
    if (*version < 0 || *version > static_cast<std::int64_t>(kMigrations.size()))
        return Error{attempted,
                     "its schema is " + std::to_string(*version) + ", and this version of mailboxd knows them up to " +
                         std::to_string(kMigrations.size()),
                     "install the version that wrote it or a newer one, or restore the directory.db of before the upgrade"};
    Statement statement = database.prepare("PRAGMA quick_check(1)");
    const auto row = statement.step();
    if (!row) return explain(attempted, row.error());
    if (statement.text(0) != "ok")
        return Error{attempted, "it is damaged: " + statement.text(0),
                     "restore it from a backup, or rescue what is readable: sqlite3 " + path + " .recover"};
    return static_cast<std::size_t>(*version);
}

}  // namespace

std::span<const char* const> migrations() { return kMigrations; }

Error explain(std::string attempted, const SqlFailure& failure)
{
    const auto advice = [&]() -> std::string {
        switch (failure.code & 0xff) {
        case SQLITE_FULL: return "free some space on the disk of the data directory";
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
        case SQLITE_AUTH: return "let the daemon's user read and write it and its directory";
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return "another program holds it: close it and try again";
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return "restore it from a backup";
        case SQLITE_IOERR: return "look at the kernel's log for the disk, and at the free space";
        default: return "";
        }
    }();
    return {std::move(attempted), failure.message, advice};
}

Result<Database, Error> open_database(const std::string& path)
{
    const std::string attempted = "opening the directory " + path;
    auto opened = Database::open(path);
    if (!opened) return explain(attempted, opened.error());
    Database& database = *opened;

    const auto version = check(database, attempted, path);
    if (!version) return version.error();
    // Only now that the file is known to be ours is anything written to it.
    const auto tuned = database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    if (!tuned) return explain(attempted, tuned.error());
    for (std::size_t step = *version; step < kMigrations.size(); ++step) {
        const auto done = migrate_one(database, step);
        if (!done) return explain("migrating " + path + " to schema " + std::to_string(step + 1), done.error());
    }
    return Result<Database, Error>(std::move(database));
}

}  // namespace mbx::directory
