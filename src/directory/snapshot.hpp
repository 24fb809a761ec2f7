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
    too_many,         // more than kMostReached behind one address: 550 5.2.4
};

inline constexpr std::size_t kMostReached = 10'000;

// An address elsewhere that one of ours leads to.
struct Outside {
    std::string address;
    std::string owner;                  // of the list it is on (Alias::owner); empty: on none, or an account is nearer
    std::vector<AccountId> forwarders;  // accounts whose forwarding leads there, the nearest first
};

// One address of ours that stood for others.
struct Expansion {
    enum class Kind : std::uint8_t {
        alias,
        list,
        forward,          // of an account
        forward_and_copy,
        catch_all,
        administrators,   // postmaster
        kept,             // an account's forwarding reached nobody: it gets the mail itself
    };
    static constexpr std::size_t kMostNamed = 10;
    std::string address;
    Kind kind = Kind::alias;
    std::size_t count = 0;           // of those it led to
    std::vector<std::string> first;  // some of them
};

struct Recipients {
    Resolution resolution = Resolution::unknown_domain;
    std::vector<AccountId> accounts;     // without duplicates, in ascending order
    std::vector<Outside> remote{};       // without duplicates, by address
    std::vector<Expansion> expansions{}; // in the order of their steps; none: the address is an account's own
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
    // Aliases, lists and forwarding are followed, also nested. A target that is disabled or unknown is left out as long as
    // another is reached; but an account whose forwarding reaches nobody gets its mail itself.
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
    // postmaster whose mail it gets. What only a catch-all or another's forwarding brings is not its own.
    bool may_send_as(const Account& account, std::string_view local_part, std::string_view domain) const;
    // The way by which an address of ours leads back to itself, "a@example.org -> b@example.org -> a@example.org"; by
    // aliases that are enabled, and forwarding. Empty: it does not.
    std::string way_back(const std::string& address) const;

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
