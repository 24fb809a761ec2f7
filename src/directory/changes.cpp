#include "directory/changes.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "directory/names.hpp"
#include "directory/refusals.hpp"
#include "directory/statements.hpp"

namespace mbx::directory {
namespace {

constexpr std::size_t kMostFullName = 200;
constexpr std::size_t kMostHash = 1000;

std::string shown(std::string_view text) { return text.empty() ? "\"\"" : ascii::legible(text, 100); }

constexpr std::string_view kDomainOf = "SELECT 1 FROM domain WHERE name = ?";
constexpr std::string_view kAliasOf = "SELECT 1 FROM alias WHERE address = ?";
constexpr std::string_view kAccountOf = "SELECT 1 FROM account WHERE local_part = ? AND domain = ?";

// Nothing, or why a new account or alias may not have this address.
std::optional<Refusal> address_refusal(Database& database, const std::string& attempted, const AddressParts& parts)
{
    const auto domain = exists(database, kDomainOf, parts.domain);
    if (!domain) return refuse_storage(attempted, domain.error());
    if (!*domain)
        return refuse(RefusalKind::not_found, attempted, "there is no domain " + parts.domain,
                      "add it first: mailboxctl domain add " + parts.domain);
    const auto account = exists(database, kAccountOf, parts.local_part, parts.domain);
    if (!account) return refuse_storage(attempted, account.error());
    if (*account) return refuse(RefusalKind::exists, attempted, "there is an account of this address");
    const auto alias = exists(database, kAliasOf, parts.text());
    if (!alias) return refuse_storage(attempted, alias.error());
    if (*alias) return refuse(RefusalKind::exists, attempted, "there is an alias of this address");
    return std::nullopt;
}

Result<Domain, Refusal> find_domain(Database& database, const std::string& attempted, std::string_view given)
{
    const auto name = normalize_domain(given);
    if (name) {
        Statement rows = database.prepare("SELECT name, catch_all, enabled FROM domain WHERE name = ?");
        const auto row = rows.bind(std::string_view(*name)).step();
        if (!row) return refuse_storage(attempted, row.error());
        if (*row) return Domain{rows.text(0), rows.text(1), rows.integer(2) != 0};
    }
    return refuse(RefusalKind::not_found, attempted, "there is no such domain", "mailboxctl domain list shows them");
}

Result<std::vector<std::string>, SqlFailure> read_forward(Database& database, AccountId id)
{
    std::vector<std::string> targets;
    Statement rows = database.prepare("SELECT target FROM account_forward WHERE account = ? ORDER BY target");
    rows.bind(id.value);
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return targets;
        targets.push_back(rows.text(0));
    }
}

Result<Account, Refusal> find_account(Database& database, const std::string& attempted, std::string_view given)
{
    const auto parts = parse_account_address(given);
    if (parts) {
        Statement rows = database.prepare(
            "SELECT id, full_name, password_hash, credential_version, quota_bytes, enabled, is_administrator, "
            "quota_messages, scram_verifier, keeps_copy FROM account WHERE local_part = ? AND domain = ?");
        const auto row = rows.bind(parts->local_part).bind(parts->domain).step();
        if (!row) return refuse_storage(attempted, row.error());
        if (*row) {
            Account account;
            account.id.value = rows.integer(0);
            account.local_part = parts->local_part;
            account.domain = parts->domain;
            account.full_name = rows.text(1);
            account.password_hash = rows.text(2);
            account.credential_version = static_cast<std::uint64_t>(rows.integer(3));
            account.quota_bytes = static_cast<std::uint64_t>(rows.integer(4));
            account.enabled = rows.integer(5) != 0;
            account.is_administrator = rows.integer(6) != 0;
            account.quota_messages = static_cast<std::uint64_t>(rows.integer(7));
            account.scram_verifier = rows.text(8);
            account.keeps_copy = rows.integer(9) != 0;
            auto forward = read_forward(database, account.id);
            if (!forward) return refuse_storage(attempted, forward.error());
            account.forward = std::move(*forward);
            return account;
        }
    }
    return refuse(RefusalKind::not_found, attempted, "there is no such account", "mailboxctl account list shows them");
}

// What is wrong with the free fields of an account, or nothing.
std::string_view field_complaint(const Account& account)
{
    if (account.full_name.size() > kMostFullName || !ascii::is_utf8(account.full_name) ||
        std::ranges::any_of(account.full_name, ascii::is_control))
        return "the full name must be UTF-8 without control characters, of at most 200 bytes";
    if (account.password_hash.empty() || account.password_hash.size() > kMostHash ||
        std::ranges::any_of(account.password_hash, ascii::is_control))
        return "the password hash is empty, too long, or holds control characters";
    if (account.scram_verifier.size() > kMostHash || std::ranges::any_of(account.scram_verifier, ascii::is_control))
        return "the SCRAM verifier is too long, or holds control characters";
    constexpr auto kMostQuota = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (account.quota_bytes > kMostQuota) return "the quota is larger than 8 EiB";
    if (account.quota_messages > kMostQuota) return "the quota of messages is larger than 2^63-1";
    return {};
}

// The targets in their one spelling, without duplicates, or why not.
Result<std::vector<std::string>, Refusal> normalize_targets(const std::string& attempted, const std::string& address,
                                                            const std::vector<std::string>& given)
{
    std::vector<std::string> targets;
    for (const std::string& target : given) {
        const auto parts = parse_alias_address(target);
        if (!parts)
            return refuse(RefusalKind::invalid, attempted, "the target " + shown(target) + " " + parts.error().why);
        if (parts->text() == address)
            return refuse(RefusalKind::invalid, attempted, "an alias may not be its own target",
                          "an account gets its own mail without an alias");
        targets.push_back(parts->text());
    }
    std::ranges::sort(targets);
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    if (targets.empty()) return refuse(RefusalKind::invalid, attempted, "it has no target", "name one address at least");
    if (targets.size() > kMostTargets)
        return refuse(RefusalKind::invalid, attempted, "it has more than 10000 targets");
    return targets;
}

// Whether the directory as it is now, with the change in it, leads from the address back to itself.
std::optional<Refusal> loop_refusal(Database& database, const std::string& attempted, const std::string& address)
{
    auto all = read_contents(database);
    if (!all) return refuse_storage(attempted, all.error());
    const Snapshot as_it_would_be(std::move(all->domains), std::move(all->accounts), std::move(all->aliases));
    const std::string way = as_it_would_be.way_back(address);
    if (way.empty()) return std::nullopt;
    return refuse(RefusalKind::conflict, attempted, "mail would go in a circle: " + ascii::legible(way, 500),
                  "leave one of these out");
}

// The owner in its one spelling; empty: none.
Result<std::string, Refusal> normalize_owner(Database& database, const std::string& attempted, const Alias& alias,
                                             const std::string& address)
{
    if (alias.owner.empty()) return std::string();
    const auto parts = parse_alias_address(alias.owner);
    if (!parts) return refuse(RefusalKind::invalid, attempted, "the owner " + shown(alias.owner) + " " + parts.error().why);
    if (parts->text() == address)
        return refuse(RefusalKind::invalid, attempted, "a list may not be its own owner", "its bounces would go to its members");
    const auto domain = exists(database, kDomainOf, parts->domain);
    if (!domain) return refuse_storage(attempted, domain.error());
    if (!*domain)
        return refuse(RefusalKind::invalid, attempted, "the owner's domain " + parts->domain + " is not here",
                      "what a list sends leaves under its owner's address: take one of a domain of this server");
    return parts->text();
}

// The change's targets into the account; its own address among them means a copy.
std::optional<Refusal> take_forward(const std::string& attempted, const AccountChange& wanted, Account& account)
{
    if (wanted.keeps_copy) account.keeps_copy = *wanted.keeps_copy;
    if (!wanted.forward) return std::nullopt;
    account.forward.clear();
    for (const std::string& target : *wanted.forward) {
        const auto parts = parse_alias_address(target);
        if (!parts) return refuse(RefusalKind::invalid, attempted, "the address " + shown(target) + " " + parts.error().why);
        if (parts->text() == account.address()) account.keeps_copy = true;
        else account.forward.push_back(parts->text());
    }
    std::ranges::sort(account.forward);
    account.forward.erase(std::unique(account.forward.begin(), account.forward.end()), account.forward.end());
    if (account.forward.size() > kMostForwards)
        return refuse(RefusalKind::invalid, attempted, "it forwards to more than 20 addresses", "make a list, and forward to that");
    if (account.forward.empty()) account.keeps_copy = true;
    return std::nullopt;
}

std::optional<Refusal> write_forward(Database& database, const std::string& attempted, const Account& account)
{
    const auto cleared = change(database, "DELETE FROM account_forward WHERE account = ?", account.id.value);
    if (!cleared) return refuse_storage(attempted, cleared.error());
    for (const std::string& target : account.forward) {
        const auto added = change(database, "INSERT INTO account_forward (account, target) VALUES (?, ?)", account.id.value, target);
        if (!added) return refuse_storage(attempted, added.error());
    }
    return loop_refusal(database, attempted, account.address());
}

std::optional<Refusal> write_targets(Database& database, const std::string& attempted, const Alias& alias)
{
    const auto cleared = change(database, "DELETE FROM alias_target WHERE address = ?", alias.address);
    if (!cleared) return refuse_storage(attempted, cleared.error());
    for (const std::string& target : alias.targets) {
        const auto added = change(database, "INSERT INTO alias_target (address, target) VALUES (?, ?)", alias.address, target);
        if (!added) return refuse_storage(attempted, added.error());
    }
    return std::nullopt;
}

std::optional<Refusal> rehash_refusal(const std::string& attempted, const Account& before, const AccountChange& change)
{
    if (!change.rehash_of) return std::nullopt;
    const bool is_only_hash = (change.password_hash || change.scram_verifier) && !change.enabled && !change.is_administrator;
    if (!is_only_hash) return refuse(RefusalKind::invalid, attempted, "a new hash of the same password comes alone");
    if (*change.rehash_of == before.password_hash) return std::nullopt;
    return refuse(RefusalKind::conflict, attempted, "the password was changed in the meantime");
}

Account apply(Account account, const AccountChange& change)
{
    const bool was_enabled = account.enabled;
    const bool was_administrator = account.is_administrator;
    if (change.full_name) account.full_name = *change.full_name;
    if (change.password_hash) account.password_hash = *change.password_hash;
    // A verifier of the password before would let it in for ever.
    if (change.password_hash && !change.rehash_of) account.scram_verifier.clear();
    if (change.scram_verifier) account.scram_verifier = *change.scram_verifier;
    if (change.quota_bytes) account.quota_bytes = *change.quota_bytes;
    if (change.quota_messages) account.quota_messages = *change.quota_messages;
    if (change.enabled) account.enabled = *change.enabled;
    if (change.is_administrator) account.is_administrator = *change.is_administrator;
    const bool is_new_password = change.password_hash && !change.rehash_of;
    if (is_new_password || was_enabled != account.enabled || was_administrator != account.is_administrator)
        ++account.credential_version;
    return account;
}

}  // namespace

Result<Domain, Refusal> add_domain(Database& database, const std::string& name)
{
    const std::string attempted = "adding the domain " + shown(name);
    const auto normal = normalize_domain(name);
    if (!normal) return refuse(RefusalKind::invalid, attempted, "the name " + normal.error().why);
    const auto there = exists(database, kDomainOf, *normal);
    if (!there) return refuse_storage(attempted, there.error());
    if (*there) return refuse(RefusalKind::exists, attempted, "it is there already");
    const auto added = change(database, "INSERT INTO domain (name) VALUES (?)", *normal);
    if (!added) return refuse_storage(attempted, added.error());
    return Domain{*normal, "", true};
}

Result<Domain, Refusal> set_domain(Database& database, const std::string& name, const DomainChange& wanted)
{
    const std::string attempted = "changing the domain " + shown(name);
    auto domain = find_domain(database, attempted, name);
    if (!domain) return domain;
    if (wanted.enabled) domain->enabled = *wanted.enabled;
    if (wanted.catch_all) {
        domain->catch_all.clear();
        if (!wanted.catch_all->empty()) {
            const auto parts = parse_alias_address(*wanted.catch_all);
            if (!parts)
                return refuse(RefusalKind::invalid, attempted,
                              "the catch-all " + shown(*wanted.catch_all) + " " + parts.error().why);
            domain->catch_all = parts->text();
        }
    }
    const auto changed = change(database, "UPDATE domain SET catch_all = ?, enabled = ? WHERE name = ?", domain->catch_all,
                                std::int64_t{domain->enabled}, domain->name);
    if (!changed) return refuse_storage(attempted, changed.error());
    return domain;
}

Result<Domain, Refusal> remove_domain(Database& database, const std::string& name)
{
    const std::string attempted = "removing the domain " + shown(name);
    auto domain = find_domain(database, attempted, name);
    if (!domain) return domain;
    const auto used = exists(database, "SELECT 1 FROM account WHERE domain = ?1 UNION SELECT 1 FROM alias WHERE domain = ?1",
                             domain->name);
    if (!used) return refuse_storage(attempted, used.error());
    if (*used)
        return refuse(RefusalKind::conflict, attempted, "accounts or aliases are in it", "remove these first");
    const auto removed = change(database, "DELETE FROM domain WHERE name = ?", domain->name);
    if (!removed) return refuse_storage(attempted, removed.error());
    return domain;
}

Result<Account, Refusal> add_account(Database& database, const NewAccount& wanted)
{
    const std::string attempted = "adding the account " + shown(wanted.address);
    const auto parts = parse_account_address(wanted.address);
    if (!parts) return refuse(RefusalKind::invalid, attempted, "the address " + parts.error().why);
    if (auto refusal = address_refusal(database, attempted, *parts)) return *std::move(refusal);
    Account account;
    account.local_part = parts->local_part;
    account.domain = parts->domain;
    account.full_name = wanted.full_name;
    account.password_hash = wanted.password_hash;
    account.scram_verifier = wanted.scram_verifier;
    account.credential_version = 1;
    account.quota_bytes = wanted.quota_bytes;
    account.quota_messages = wanted.quota_messages;
    account.is_administrator = wanted.is_administrator;
    const auto complaint = field_complaint(account);
    if (!complaint.empty()) return refuse(RefusalKind::invalid, attempted, std::string(complaint));
    const auto added = change(database,
                              "INSERT INTO account (local_part, domain, full_name, password_hash, quota_bytes, "
                              "quota_messages, is_administrator, scram_verifier) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                              account.local_part, account.domain, account.full_name, account.password_hash,
                              static_cast<std::int64_t>(account.quota_bytes),
                              static_cast<std::int64_t>(account.quota_messages), std::int64_t{account.is_administrator},
                              account.scram_verifier);
    if (!added) return refuse_storage(attempted, added.error());
    account.id.value = database.last_row_id();
    return account;
}

Result<Account, Refusal> set_account(Database& database, const std::string& address, const AccountChange& wanted)
{
    const std::string attempted = "changing the account " + shown(address);
    const auto before = find_account(database, attempted, address);
    if (!before) return before;
    if (auto refusal = rehash_refusal(attempted, *before, wanted)) return *std::move(refusal);
    Account account = apply(*before, wanted);
    if (auto refusal = take_forward(attempted, wanted, account)) return *std::move(refusal);
    const auto complaint = field_complaint(account);
    if (!complaint.empty()) return refuse(RefusalKind::invalid, attempted, std::string(complaint));
    if (wanted.scram_verifier) {
        if (auto refusal = verifier_refusal(database, attempted, account)) return *std::move(refusal);
    }
    const auto changed = change(database,
                                "UPDATE account SET full_name = ?, password_hash = ?, credential_version = ?, "
                                "quota_bytes = ?, quota_messages = ?, enabled = ?, is_administrator = ?, "
                                "scram_verifier = ?, keeps_copy = ? WHERE id = ?",
                                account.full_name, account.password_hash,
                                static_cast<std::int64_t>(account.credential_version),
                                static_cast<std::int64_t>(account.quota_bytes),
                                static_cast<std::int64_t>(account.quota_messages), std::int64_t{account.enabled},
                                std::int64_t{account.is_administrator}, account.scram_verifier,
                                std::int64_t{account.keeps_copy}, account.id.value);
    if (!changed) return refuse_storage(attempted, changed.error());
    if (wanted.forward) {
        if (auto refusal = write_forward(database, attempted, account)) return *std::move(refusal);
    }
    return account;
}

Result<Account, Refusal> remove_account(Database& database, const std::string& address)
{
    const std::string attempted = "removing the account " + shown(address);
    auto account = find_account(database, attempted, address);
    if (!account) return account;
    const auto removed = change(database, "DELETE FROM account WHERE id = ?", account->id.value);
    if (!removed) return refuse_storage(attempted, removed.error());
    return account;
}

Result<Alias, Refusal> add_alias(Database& database, const Alias& wanted)
{
    const std::string attempted = "adding the alias " + shown(wanted.address);
    const auto parts = parse_alias_address(wanted.address);
    if (!parts) return refuse(RefusalKind::invalid, attempted, "the address " + parts.error().why);
    if (auto refusal = address_refusal(database, attempted, *parts)) return *std::move(refusal);
    auto targets = normalize_targets(attempted, parts->text(), wanted.targets);
    if (!targets) return targets.error();
    auto owner = normalize_owner(database, attempted, wanted, parts->text());
    if (!owner) return owner.error();
    Alias alias{parts->text(), std::move(*targets), wanted.enabled, std::move(*owner)};
    const auto added = change(database, "INSERT INTO alias (address, domain, enabled, owner) VALUES (?, ?, ?, ?)", alias.address,
                              parts->domain, std::int64_t{alias.enabled}, alias.owner);
    if (!added) return refuse_storage(attempted, added.error());
    if (auto refusal = write_targets(database, attempted, alias)) return *std::move(refusal);
    if (auto refusal = loop_refusal(database, attempted, alias.address)) return *std::move(refusal);
    return alias;
}

Result<Alias, Refusal> set_alias(Database& database, const Alias& wanted)
{
    const std::string attempted = "changing the alias " + shown(wanted.address);
    const auto parts = parse_alias_address(wanted.address);
    const auto there = exists(database, kAliasOf, parts ? parts->text() : std::string());
    if (!there) return refuse_storage(attempted, there.error());
    if (!*there)
        return refuse(RefusalKind::not_found, attempted, "there is no such alias", "mailboxctl alias list shows them");
    auto targets = normalize_targets(attempted, parts->text(), wanted.targets);
    if (!targets) return targets.error();
    auto owner = normalize_owner(database, attempted, wanted, parts->text());
    if (!owner) return owner.error();
    Alias alias{parts->text(), std::move(*targets), wanted.enabled, std::move(*owner)};
    const auto changed = change(database, "UPDATE alias SET enabled = ?, owner = ? WHERE address = ?",
                                std::int64_t{alias.enabled}, alias.owner, alias.address);
    if (!changed) return refuse_storage(attempted, changed.error());
    if (auto refusal = write_targets(database, attempted, alias)) return *std::move(refusal);
    if (auto refusal = loop_refusal(database, attempted, alias.address)) return *std::move(refusal);
    return alias;
}

Result<Alias, Refusal> remove_alias(Database& database, const std::string& address)
{
    const std::string attempted = "removing the alias " + shown(address);
    const auto parts = parse_alias_address(address);
    Alias alias{parts ? parts->text() : std::string(), {}, true};
    const auto removed = change(database, "DELETE FROM alias WHERE address = ?", alias.address);
    if (!removed) return refuse_storage(attempted, removed.error());
    if (database.changed_rows() == 0)
        return refuse(RefusalKind::not_found, attempted, "there is no such alias", "mailboxctl alias list shows them");
    return alias;
}

}  // namespace mbx::directory
