// The changes of the directory as SQL, each within a transaction that the caller holds. Private to directory/.
// Worker thread; blocking.
#pragma once

#include <utility>

#include "directory/directory.hpp"
#include "directory/sqlite.hpp"

namespace mbx::directory {

// What the tables hold, without options: the caller makes the Snapshot.
struct Contents {
    std::vector<Domain> domains;
    std::vector<Account> accounts;
    std::vector<Alias> aliases;
};
Result<Contents, SqlFailure> read_contents(Database& database);
Result<std::string, SqlFailure> read_secret(Database& database);

Result<Domain, Refusal> add_domain(Database& database, const std::string& name);
Result<Domain, Refusal> set_domain(Database& database, const std::string& name, const DomainChange& change);
Result<Domain, Refusal> remove_domain(Database& database, const std::string& name);
Result<Account, Refusal> add_account(Database& database, const NewAccount& account);
Result<Account, Refusal> set_account(Database& database, const std::string& address, const AccountChange& change);
Result<Account, Refusal> remove_account(Database& database, const std::string& address);
Result<AppPassword, Refusal> add_app_password(Database& database, const std::string& address, const AppPassword& made);
Result<std::vector<AppPassword>, Refusal> remove_app_passwords(Database& database, const std::string& address,
                                                               std::optional<std::int64_t> id);
Result<void, SqlFailure> read_app_passwords(Database& database, std::vector<Account>& accounts);
// Whether a new SCRAM verifier of the account would have another salt or count than its app passwords have.
std::optional<Refusal> verifier_refusal(Database& database, const std::string& attempted, const Account& account);
// Ids of app passwords and when each was used, in seconds since 1970.
using Uses = std::vector<std::pair<std::int64_t, std::int64_t>>;
Result<Uses, SqlFailure> read_uses(Database& database);
Result<void, Refusal> write_uses(Database& database, const Uses& uses);
Result<Alias, Refusal> add_alias(Database& database, const Alias& alias);
Result<Alias, Refusal> set_alias(Database& database, const Alias& alias);
Result<Alias, Refusal> remove_alias(Database& database, const std::string& address);

}  // namespace mbx::directory
