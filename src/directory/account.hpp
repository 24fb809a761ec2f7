// Who there is: domains, accounts, aliases as values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mbx::directory {

// Never reused, also not after the account is gone.
struct AccountId {
    std::int64_t value = 0;
    auto operator<=>(const AccountId&) const = default;
};

struct Domain {
    std::string name;       // lower case; IDN as A-label (ASCII)
    std::string catch_all;  // address that takes unknown local parts, or empty
    bool enabled = true;
};

// A further password of an account, for one program or device; made by the server (auth/app_password).
struct AppPassword {
    std::int64_t id = 0;  // never reused
    std::string label;    // for people; no two of an account have the same
    std::int64_t made = 0;            // seconds since 1970
    std::string digest;               // of its letters, for who sends it as text
    std::string scram_verifier;       // of its letters with dashes, as it was shown
    std::string bare_scram_verifier;  // of its letters alone
};

struct Account {
    AccountId id;
    std::string local_part;  // lower case
    std::string domain;
    std::string full_name;
    std::string password_hash;        // "$argon2id$…", or an imported crypt(3) hash
    std::string scram_verifier;       // of the same password, for SCRAM ("SCRAM-SHA-256$…", auth/scram); empty: none yet
    // Grows with every change of password, of enabled and of is_administrator: ends sessions and cached log-ins.
    std::uint64_t credential_version = 0;
    std::uint64_t quota_bytes = 0;    // 0: what quota.default_bytes says
    std::uint64_t quota_messages = 0;
    bool enabled = true;
    bool is_administrator = false;
    std::vector<std::string> forward{};  // addresses that its mail is sent on to, local or remote
    bool keeps_copy = true;              // of what is sent on
    // SCRAM tells a client one salt and one count of iterations before it knows which password will be proved: all verifiers
    // of an account, the one above included, share them.
    std::vector<AppPassword> app_passwords{};

    std::string address() const { return local_part + "@" + domain; }
};

struct Alias {
    std::string address;                // lower case, "sales@example.org"
    std::vector<std::string> targets;   // addresses, local or remote
    bool enabled = true;
    // Makes it a list: its members' copies leave under this address of ours, and bounces reach it instead of who wrote
    // (RFC 5321 section 3.9.2). Empty: an alias, which leaves the sender as it is.
    std::string owner{};
};

}  // namespace mbx::directory

template <>
struct std::hash<mbx::directory::AccountId> {
    std::size_t operator()(mbx::directory::AccountId id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
