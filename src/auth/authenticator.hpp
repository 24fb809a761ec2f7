// Checks log-ins for every protocol: one brake, one cache, one answer whatever was wrong. Loop thread; Argon2id runs on
// the workers (WorkClass::hashing).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "auth/app_password.hpp"
#include "auth/scram.hpp"
#include "auth/token_verifier.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "co/task.hpp"
#include "directory/directory.hpp"
#include "net/address.hpp"
#include "net/loop.hpp"
#include "net/workers.hpp"

namespace mbx::auth {

enum class LoginFailure : std::uint8_t {
    wrong,        // unknown account, wrong password, disabled: never told apart, same cost (HOSTILE row J2)
    slowed_down,  // too many failures from this network or for this account: try later
    unavailable,  // the password could not be checked now (queue full, storage)
};

struct Login {
    directory::AccountId account;
    std::string address;
    std::uint64_t credential_version = 0;  // of the moment; a later one in the snapshot ends the session
    bool is_administrator = false;
    std::int64_t app_password = 0;  // its id; 0: the account's own password. Gone from the snapshot, it ends the session
};

struct AuthenticatorOptions {
    std::chrono::milliseconds cache_time{300'000};  // of a successful check, as a keyed hash in memory; 0: none
    unsigned failures_before_delay = 5;             // per network and per account, in `failure_window`
    std::chrono::milliseconds failure_window{900'000};
    std::chrono::milliseconds max_delay{8000};
    std::size_t argon2_memory = 19U * 1024 * 1024;  // RFC 9106 section 4 and OWASP's second choice
    unsigned argon2_passes = 2;
    bool scram = true;  // SCRAM-SHA-256 is offered, and a verifier for it stored with each password
    bool scram_in_clear = false;  // also where PLAIN is not, for want of TLS
    unsigned scram_iterations = kScramIterations;
    std::size_t max_waiting = 200;  // log-ins that wait for the brake or for a check; above: unavailable
};

// What is stored of a new password.
struct NewCredentials {
    std::string password_hash;
    std::string scram_verifier;  // empty: SCRAM is off, or the password is not one for it (saslprep)
};

// An app password to show once, and what is stored of it.
struct NewAppPassword {
    std::string password;
    directory::AppPassword stored;
};

// What a SCRAM dialogue works with: of an account, or made up where there is none (row J2).
struct ScramAccount {
    std::string login;  // as given
    ProvablePasswords passwords;   // never empty
    directory::AccountId account;  // 0: nobody, or nothing stored
    std::uint64_t credential_version = 0;
};

class Authenticator {
public:
    Authenticator(directory::Directory& directory, net::Workers& workers, net::Loop& loop, const Clock& clock,
                  Random& random, Metrics& metrics, Log log, AuthenticatorOptions options);
    ~Authenticator();

    // `service` is "imap", "submission", … for the log. The password is limited to 1,024 bytes without NUL (row J7), is
    // compared as bytes, and is wiped from memory at the end. An app password is as good as the account's own. Whatever is wrong costs one Argon2id of the options' cost
    // and reads the same; a log-in that is held up by the brake waits in here.
    co::Task<Result<Login, LoginFailure>> log_in(std::string service, std::string login, std::string password,
                                                 net::PeerInfo peer);

    // SCRAM: what is stored for that name, then the verdict over the client's proof. Costs microseconds. The brake holds
    // it up as it does a password: a proof is only judged when its turn has come. `proved`: which of the passwords; none:
    // none of them.
    ScramAccount find_scram(std::string login) const;
    co::Task<Result<Login, LoginFailure>> log_in_by_proof(std::string service, ScramAccount account,
                                                          std::optional<std::size_t> proved, net::PeerInfo peer);
    // OAUTHBEARER and XOAUTH2: asks the token verifier. An empty `login` is whoever the token stands for.
    co::Task<Result<Login, LoginFailure>> log_in_by_token(std::string service, std::string login, std::string token,
                                                          net::PeerInfo peer);
    // A client that bound itself to another channel than ours, or saw another list of mechanisms: told to the log.
    void report_other_channel(std::string_view service, const net::PeerInfo& peer) const;
    std::string make_nonce();

    const AuthenticatorOptions& options() const;
    // Outlives every log-in; none: no tokens.
    void set_token_verifier(TokenVerifier* verifier);
    const TokenVerifier* token_verifier() const;

    // After a reload. Log-ins under way end by the old ones.
    void set_options(AuthenticatorOptions options);
    // At shutdown: log-ins that wait for the brake end as unavailable now, later ones at once.
    void close();

    // A hash to store: Argon2id with the options above. Refuses an empty password and what log_in would refuse.
    co::Task<Result<std::string, Error>> hash_password(std::string password);
    // The same with SCRAM's verifier beside it, which fits the app passwords of the account where it has some.
    co::Task<Result<NewCredentials, Error>> make_credentials(std::string password, std::string address);
    // For the account of that address; made, not stored.
    co::Task<NewAppPassword> make_app_password(std::string address, std::string label);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::auth
