// The changes of the directory as SQL, each within a transaction that the caller holds. Private to directory/.
// Worker thread; blocking.
#pragma once

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
Result<Alias, Refusal> add_alias(Database& database, const Alias& alias);
Result<Alias, Refusal> set_alias(Database& database, const Alias& alias);
Result<Alias, Refusal> remove_alias(Database& database, const std::string& address);

}  // namespace mbx::directory
