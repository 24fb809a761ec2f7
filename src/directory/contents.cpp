// Reads the whole directory, for a new snapshot.
#include "directory/changes.hpp"
#include "directory/statements.hpp"

namespace mbx::directory {
namespace {

Result<std::vector<Domain>, SqlFailure> read_domains(Database& database)
{
    std::vector<Domain> all;
    Statement rows = database.prepare("SELECT name, catch_all, enabled FROM domain ORDER BY name");
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return all;
        all.push_back({rows.text(0), rows.text(1), rows.integer(2) != 0});
    }
}

Result<std::vector<Account>, SqlFailure> read_accounts(Database& database)
{
    std::vector<Account> all;
    Statement rows = database.prepare(
        "SELECT id, local_part, domain, full_name, password_hash, credential_version, quota_bytes, enabled, "
        "is_administrator, quota_messages, scram_verifier, keeps_copy FROM account ORDER BY domain, local_part");
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return all;
        Account account;
        account.id.value = rows.integer(0);
        account.local_part = rows.text(1);
        account.domain = rows.text(2);
        account.full_name = rows.text(3);
        account.password_hash = rows.text(4);
        account.credential_version = static_cast<std::uint64_t>(rows.integer(5));
        account.quota_bytes = static_cast<std::uint64_t>(rows.integer(6));
        account.enabled = rows.integer(7) != 0;
        account.is_administrator = rows.integer(8) != 0;
        account.quota_messages = static_cast<std::uint64_t>(rows.integer(9));
        account.scram_verifier = rows.text(10);
        account.keeps_copy = rows.integer(11) != 0;
        all.push_back(std::move(account));
    }
}

Result<void, SqlFailure> read_forwards(Database& database, std::vector<Account>& accounts)
{
    const auto take = [](Account& account, const Statement& row) { account.forward.push_back(row.text(1)); };
    return read_for_accounts(database.prepare("SELECT account, target FROM account_forward ORDER BY account, target"), 0, accounts, take);
}

Result<std::vector<Alias>, SqlFailure> read_aliases(Database& database)
{
    std::vector<Alias> all;
    Statement rows = database.prepare("SELECT address, enabled, target, owner FROM alias JOIN alias_target USING (address) "
                                      "ORDER BY address, target");
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return all;
        if (all.empty() || all.back().address != rows.text(0)) all.push_back({rows.text(0), {}, rows.integer(1) != 0, rows.text(3)});
        all.back().targets.push_back(rows.text(2));
    }
}

}  // namespace

Result<std::string, SqlFailure> read_secret(Database& database)
{
    Statement rows = database.prepare("SELECT value FROM server_secret");
    const auto row = rows.step();
    if (!row) return row.error();
    if (!*row) return SqlFailure{0, "the table server_secret is empty"};
    return rows.text(0);
}

Result<Contents, SqlFailure> read_contents(Database& database)
{
    auto domains = read_domains(database);
    if (!domains) return domains.error();
    auto accounts = read_accounts(database);
    if (!accounts) return accounts.error();
    if (auto forwards = read_forwards(database, *accounts); !forwards) return forwards.error();
    if (auto passwords = read_app_passwords(database, *accounts); !passwords) return passwords.error();
    auto aliases = read_aliases(database);
    if (!aliases) return aliases.error();
    return Contents{std::move(*domains), std::move(*accounts), std::move(*aliases)};
}

}  // namespace mbx::directory
