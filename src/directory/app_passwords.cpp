// App passwords as SQL.
#include <algorithm>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "directory/changes.hpp"
#include "directory/names.hpp"
#include "directory/refusals.hpp"
#include "directory/statements.hpp"

namespace mbx::directory {
namespace {

constexpr std::size_t kMostLabelText = 100;
constexpr std::string_view kRows = "SELECT id, label, made, digest, scram_verifier, bare_scram_verifier, account FROM app_password ";

Result<AccountId, Refusal> find_id(Database& database, const std::string& attempted, const std::string& address)
{
    if (const auto parts = parse_account_address(address)) {
        Statement rows = database.prepare("SELECT id FROM account WHERE local_part = ? AND domain = ?");
        const auto row = rows.bind(parts->local_part).bind(parts->domain).step();
        if (!row) return refuse_storage(attempted, row.error());
        if (*row) return AccountId{rows.integer(0)};
    }
    return refuse(RefusalKind::not_found, attempted, "there is no such account", "mailboxctl account list shows them");
}

AppPassword read_row(const Statement& row)
{
    return {row.integer(0), row.text(1), row.integer(2), row.text(3), row.text(4), row.text(5)};
}

Result<std::vector<AppPassword>, SqlFailure> read_of(Database& database, AccountId account)
{
    std::vector<AppPassword> all;
    Statement rows = database.prepare(std::string(kRows) + "WHERE account = ? ORDER BY id");
    rows.bind(account.value);
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return all;
        all.push_back(read_row(rows));
    }
}

// "SCRAM-SHA-256$50000:salt" of a verifier.
std::string_view parameters_of(std::string_view verifier) { return verifier.substr(0, verifier.rfind('$')); }

bool is_label(std::string_view text)
{
    return !text.empty() && text.size() <= kMostLabelText && ascii::is_utf8(text) && std::ranges::none_of(text, ascii::is_control) &&
           ascii::trim(text) == text;
}

// None: it may be added beside what is there.
std::optional<Refusal> addition_refusal(const std::string& attempted, const std::vector<AppPassword>& there, const AppPassword& made)
{
    if (!is_label(made.label))
        return refuse(RefusalKind::invalid, attempted, "the label is not 1 to 100 bytes of text on one line",
                      "say which program or device it is for, such as \"Ann's phone\"");
    if (std::ranges::find(there, made.label, &AppPassword::label) != there.end())
        return refuse(RefusalKind::exists, attempted, "the account has an app password of this label",
                      "take another label, or remove that one first");
    if (there.size() >= kMostAppPasswords)
        return refuse(RefusalKind::conflict, attempted, "the account has 25 app passwords, and that is the most",
                      "remove those that are not used any more; mailboxctl account app-password list shows when each was last used");
    return std::nullopt;
}

}  // namespace

Result<AppPassword, Refusal> add_app_password(Database& database, const std::string& address, const AppPassword& made)
{
    const std::string attempted = "making an app password for " + ascii::legible(address, 100);
    const auto account = find_id(database, attempted, address);
    if (!account) return account.error();
    const auto there = read_of(database, *account);
    if (!there) return refuse_storage(attempted, there.error());
    if (auto refusal = addition_refusal(attempted, *there, made)) return *std::move(refusal);
    Statement own = database.prepare("SELECT scram_verifier FROM account WHERE id = ?");
    const auto row = own.bind(account->value).step();
    if (!row) return refuse_storage(attempted, row.error());
    const std::string kept = there->empty() ? own.text(0) : there->front().scram_verifier;
    if (!kept.empty() && parameters_of(kept) != parameters_of(made.scram_verifier))
        return refuse(RefusalKind::conflict, attempted, "the account's passwords were changed in the meantime", "try again");
    const auto added = change(database,
                              "INSERT INTO app_password (account, label, made, digest, scram_verifier, bare_scram_verifier) "
                              "VALUES (?, ?, ?, ?, ?, ?)",
                              account->value, made.label, made.made, made.digest, made.scram_verifier,
                              made.bare_scram_verifier);
    if (!added) return refuse_storage(attempted, added.error());
    AppPassword stored = made;
    stored.id = database.last_row_id();
    return stored;
}

Result<std::vector<AppPassword>, Refusal> remove_app_passwords(Database& database, const std::string& address,
                                                               std::optional<std::int64_t> id)
{
    const std::string attempted = "removing app passwords of " + ascii::legible(address, 100);
    const auto account = find_id(database, attempted, address);
    if (!account) return account.error();
    auto removed = read_of(database, *account);
    if (!removed) return refuse_storage(attempted, removed.error());
    if (id) std::erase_if(*removed, [&id](const AppPassword& one) { return one.id != *id; });
    if (id && removed->empty())
        return refuse(RefusalKind::not_found, attempted, "the account has none with the id " + std::to_string(*id),
                      "mailboxctl account app-password list shows them");
    for (const AppPassword& one : *removed) {
        const auto done = change(database, "DELETE FROM app_password WHERE id = ?", one.id);
        if (!done) return refuse_storage(attempted, done.error());
    }
    return std::move(*removed);
}

Result<void, SqlFailure> read_app_passwords(Database& database, std::vector<Account>& accounts)
{
    constexpr int kAccount = 6;
    const auto take = [](Account& account, const Statement& row) { account.app_passwords.push_back(read_row(row)); };
    return read_for_accounts(database.prepare(std::string(kRows) + "ORDER BY id"), kAccount, accounts, take);
}

std::optional<Refusal> verifier_refusal(Database& database, const std::string& attempted, const Account& account)
{
    if (account.scram_verifier.empty()) return std::nullopt;
    const auto there = read_of(database, account.id);
    if (!there) return refuse_storage(attempted, there.error());
    if (there->empty() || parameters_of(there->front().scram_verifier) == parameters_of(account.scram_verifier))
        return std::nullopt;
    return refuse(RefusalKind::conflict, attempted, "the account's app passwords were changed in the meantime", "try again");
}

Result<Uses, SqlFailure> read_uses(Database& database)
{
    Uses uses;
    Statement rows = database.prepare("SELECT id, last_used FROM app_password WHERE last_used != 0");
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return uses;
        uses.emplace_back(rows.integer(0), rows.integer(1));
    }
}

Result<void, Refusal> write_uses(Database& database, const Uses& uses)
{
    const std::string attempted = "noting when app passwords were used";
    Transaction transaction(database);
    if (!transaction.begun()) return refuse_storage(attempted, transaction.begun().error());
    for (const auto& [id, when] : uses) {
        const auto done = change(database, "UPDATE app_password SET last_used = ? WHERE id = ?", when, id);
        if (!done) return refuse_storage(attempted, done.error());
    }
    const auto done = transaction.commit();
    if (!done) return refuse_storage(attempted, done.error());
    return {};
}

}  // namespace mbx::directory
