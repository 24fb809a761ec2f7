// The directory: SQLite behind (directory.db, STRICT tables, forward migrations), a Snapshot in front.
// Loop thread. Every change is durable (synchronous=FULL) before its task is done, then the new snapshot is in place
// and the listeners were told. Errors say what was attempted, what happened, what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "co/task.hpp"
#include "directory/snapshot.hpp"
#include "net/workers.hpp"

namespace mbx::directory {

// What kind of refusal, for exit codes and HTTP status; the Error says it in words.
enum class RefusalKind : std::uint8_t { not_found, exists, invalid, conflict, storage };
struct Refusal {
    RefusalKind kind = RefusalKind::invalid;
    Error error;
};

struct NewAccount {
    std::string address;
    std::string password_hash;  // made by auth; the directory never sees a password
    std::string scram_verifier;
    std::string full_name;
    std::uint64_t quota_bytes = 0;  // 0: the default of the configuration
    std::uint64_t quota_messages = 0;
    bool is_administrator = false;
};

// What stays as it is, is not named.
struct AccountChange {
    std::optional<std::string> full_name;
    std::optional<std::string> password_hash;
    std::optional<std::string> scram_verifier;  // of the same password; none beside a new password_hash: the old one goes
    std::optional<std::uint64_t> quota_bytes;
    std::optional<std::uint64_t> quota_messages;
    std::optional<bool> enabled;
    std::optional<bool> is_administrator;
    // Addresses its mail is sent on to, kMostForwards at most; none: an end of it. Its own address among them means: keep a
    // copy. Whoever keeps none gets a mail all the same that came back from there, or that nobody there is left for.
    std::optional<std::vector<std::string>> forward{};
    std::optional<bool> keeps_copy{};
    // Set when password_hash or scram_verifier are better ones of the same password (an imported one at the next log-in):
    // the hash that is stored. credential_version stays, so sessions and cached log-ins go on; conflict when another hash is stored
    // by now.
    std::optional<std::string> rehash_of;
};

inline constexpr std::size_t kMostForwards = 20;
inline constexpr std::size_t kMostAppPasswords = 25;  // of an account: each log-in by SCRAM is compared with all of them
inline constexpr std::size_t kMostTargets = 10'000;  // of an alias or a list

struct DomainChange {
    std::optional<std::string> catch_all;  // empty text: none
    std::optional<bool> enabled;
};

class Directory {
public:
    // Opens or creates `path`, migrates it forward; refuses a newer schema (HOSTILE row G12). Blocking: at start only.
    static Result<std::unique_ptr<Directory>, Error> open(std::string path, net::Workers& workers,
                                                          SnapshotOptions options = {});
    ~Directory();  // every task must have ended

    // Keep it for one decision, not across a wait: it never changes, the directory does.
    std::shared_ptr<const Snapshot> snapshot() const;
    // Random bytes made with the file, for answers that must stay the same over restarts and be guessed by nobody.
    const std::string& secret() const;
    // After a reload: a new snapshot with the other options, and the listeners are told.
    void set_options(SnapshotOptions options);

    co::Task<Result<Domain, Refusal>> add_domain(std::string name);
    co::Task<Result<Domain, Refusal>> set_domain(std::string name, DomainChange change);
    co::Task<Result<void, Refusal>> remove_domain(std::string name);  // conflict while accounts or aliases are in it
    co::Task<Result<Account, Refusal>> add_account(NewAccount account);
    co::Task<Result<Account, Refusal>> set_account(std::string address, AccountChange change);
    // The account's row goes; its mail is set aside by the caller (admin) with the id that this returns.
    co::Task<Result<Account, Refusal>> remove_account(std::string address);
    // Label and keys; the answer has the id. Conflict where its verifiers have another salt than the account's.
    co::Task<Result<AppPassword, Refusal>> add_app_password(std::string address, AppPassword made);
    // The one, or all of the account (no `id`). What was removed; credential_version stays, and so do other sessions.
    co::Task<Result<std::vector<AppPassword>, Refusal>> remove_app_passwords(std::string address, std::optional<std::int64_t> id);
    // When an app password was last used, in seconds since 1970; 0: never. Noted in memory, within kUseInterval once, and
    // written by save_uses: a log-in waits for no disk, and a crash forgets an hour at most.
    static constexpr std::int64_t kUseInterval = 3600;
    void note_use(std::int64_t app_password, std::int64_t now);
    std::int64_t last_use(std::int64_t app_password) const;
    // To be called about once in kUseInterval, and at the end.
    co::Task<Result<void, Refusal>> save_uses();

    // Conflict where it would lead back to itself. An owner (a list) is an address of a domain that is here.
    co::Task<Result<Alias, Refusal>> add_alias(Alias alias);
    co::Task<Result<Alias, Refusal>> set_alias(Alias alias);
    co::Task<Result<void, Refusal>> remove_alias(std::string address);

    // Called on the loop after each change with the new snapshot in place: live sessions and cached log-ins of changed
    // accounts end here. A listener may not add listeners.
    void on_change(std::function<void()> listener);

private:
    struct State;
    explicit Directory(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace mbx::directory
