#include "ctl/first_account.hpp"

#include <unistd.h>

#include <optional>
#include <utility>

#include "auth/authenticator.hpp"
#include "auth/password.hpp"
#include "auth/saslprep.hpp"
#include "auth/scram.hpp"
#include "base/ascii.hpp"
#include "co/scope.hpp"
#include "directory/directory.hpp"
#include "net/loop.hpp"
#include "net/workers.hpp"

namespace mbx::ctl {
namespace {

std::string path_of(const std::string& data_directory) { return data_directory + "/directory.db"; }

// What the directory stands on.
struct Ground {
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
};

using Outcome = std::optional<Result<void, Error>>;

co::Task<Result<void, Error>> add(directory::Directory& directory, FirstAccount wanted, auth::NewCredentials made,
                                  bool may_change)
{
    const auto domain = co_await directory.add_domain(wanted.domain);
    if (!domain && domain.error().kind != directory::RefusalKind::exists) co_return domain.error().error;
    directory::NewAccount account;
    account.address = wanted.address;
    account.password_hash = made.password_hash;
    account.scram_verifier = made.scram_verifier;
    account.is_administrator = true;
    const auto added = co_await directory.add_account(account);
    if (added) co_return Result<void, Error>();
    if (added.error().kind != directory::RefusalKind::exists || !may_change) co_return added.error().error;
    directory::AccountChange change;
    change.password_hash = std::move(made.password_hash);
    change.scram_verifier = std::move(made.scram_verifier);
    change.is_administrator = true;
    const auto changed = co_await directory.set_account(wanted.address, change);
    if (!changed) co_return changed.error().error;
    co_return Result<void, Error>();
}

co::Task<void> add_into(directory::Directory& directory, FirstAccount wanted, auth::NewCredentials made, bool may_change,
                        Outcome& into)
{
    auto done = co_await add(directory, std::move(wanted), std::move(made), may_change);
    into.emplace(std::move(done));
}

}  // namespace

Result<void, Error> make_first_account(const FirstAccount& wanted, bool may_change)
{
    const auth::AuthenticatorOptions options;
    auto hash = auth::make_password_hash(auth::prepared_password(wanted.password), auth::HashCost{options.argon2_memory, options.argon2_passes});
    if (!hash) return hash.error();
    auth::NewCredentials made{std::move(*hash), auth::new_scram_verifier(wanted.password, options.scram_iterations)};
    Ground ground;
    auto directory = directory::Directory::open(path_of(wanted.data_directory), ground.workers);
    if (!directory) return directory.error();
    Outcome outcome;
    co::Scope scope;
    scope.spawn(add_into(**directory, wanted, std::move(made), may_change, outcome));
    ground.loop.run();
    if (!outcome) return Error{"making the first account", "it did not come to an end", "this is a bug; please report it"};
    return *outcome;
}

bool has_account(const std::string& data_directory, const std::string& address)
{
    const std::string path = path_of(data_directory);
    if (::access(path.c_str(), R_OK | W_OK) != 0) return false;
    Ground ground;
    const auto directory = directory::Directory::open(path, ground.workers);
    if (!directory) return false;
    for (const directory::Account& account : (*directory)->snapshot()->accounts()) {
        if (ascii::same(account.address(), address)) return true;
    }
    return false;
}

}  // namespace mbx::ctl
