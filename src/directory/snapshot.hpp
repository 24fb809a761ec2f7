// The whole directory in memory, immutable: lookups on the loop never touch SQLite. A change makes a new snapshot.
// Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "directory/account.hpp"

namespace mbx::directory {

enum class Resolution : std::uint8_t {
    found,
    unknown_domain,   // not ours: relaying
    unknown_mailbox,  // ours, but nobody of that name: 550 5.1.1
    disabled,         // ours, the account or alias is switched off: 550 5.2.1
    loop,             // aliases that name each other, or nested deeper than 10: 550 5.4.6
};

struct Recipients {
    Resolution resolution = Resolution::unknown_domain;
    std::vector<AccountId> accounts;   // without duplicates, in ascending order
    std::vector<std::string> remote;   // alias targets outside, without duplicates
};

// What the configuration says about addresses.
struct SnapshotOptions {
    std::string host_name;             // the server's own; mail for postmaster there is ours
    std::string sub_addressing = "+";  // one character, or empty: off
};

class Snapshot {
public:
    // What a RCPT TO:<local_part@domain> reaches (any case; the domain as A- or U-label), in this order:
    //   an account or alias of just this name; the one without its sub-address (ann+shop: ann);
    //   `postmaster` of every domain and the bare one (domain empty, RFC 5321 section 4.5.1): all enabled administrators,
    //   or where there is none the oldest enabled account of the domain (of all for the bare one);
    //   the domain's catch-all.
    // Aliases are expanded, also nested. A target that is disabled or unknown is left out as long as another is reached.
    // An address literal or the server's own host name (unless it is a domain) reaches nobody but postmaster.
    Recipients resolve(std::string_view local_part, std::string_view domain) const;
    bool is_local_domain(std::string_view domain) const;

    const Account* find(AccountId id) const;
    // A log-in name: a full address in any case; a bare local part only where exactly one domain exists.
    const Account* find_login(std::string_view login) const;
    // The address that a log-in name means, in its one spelling, whether or not there is such an account; empty when it
    // can be none.
    std::string login_address(std::string_view login) const;
    // Whether `account` may send as this address: its own, a sub-address of its own, an alias that reaches it, or a
    // postmaster whose mail it gets. What only a catch-all brings is not its own.
    bool may_send_as(const Account& account, std::string_view local_part, std::string_view domain) const;

    const std::vector<Domain>& domains() const { return domains_; }
    const std::vector<Account>& accounts() const { return accounts_; }
    const std::vector<Alias>& aliases() const { return aliases_; }

    // Built by Directory alone (and by tests).
    Snapshot(std::vector<Domain> domains, std::vector<Account> accounts, std::vector<Alias> aliases,
             SnapshotOptions options = {});

private:
    class Walk;
    std::string without_sub_address(const std::string& local_part) const;
    bool is_own_place(std::string_view domain) const;

    SnapshotOptions options_;
    std::vector<Domain> domains_;
    std::vector<Account> accounts_;
    std::vector<Alias> aliases_;
    std::unordered_map<std::string, std::size_t> domain_index_;
    std::unordered_map<std::string, std::size_t> account_index_;  // by address
    std::unordered_map<AccountId, std::size_t> id_index_;
    std::unordered_map<std::string, std::size_t> alias_index_;
};

}  // namespace mbx::directory
