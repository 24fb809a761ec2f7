#include "auth/authenticator.hpp"

#include <algorithm>
#include <list>
#include <new>
#include <unordered_map>

#include "auth/brake.hpp"
#include "auth/login_cache.hpp"
#include "auth/password.hpp"
#include "auth/saslprep.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "co/event.hpp"

namespace mbx::auth {
namespace {

constexpr std::size_t kMostLogin = 512;  // bytes of a name; longer than any address can be

struct Attempt {
    std::string service;
    std::string login;
    std::string peer;
    BrakeSubject subject;
};

// What a worker found out about a password.
struct HashOutcome {
    bool is_right = false;
    bool is_known = true;     // false: there was not enough memory to tell
    std::string better_hash;  // of a right password whose hash is not of our kind or cost
    std::string verifier;     // for SCRAM, of a right password that has none, or one of another cost

    bool has_better() const { return !better_hash.empty() || !verifier.empty(); }
};

// One check under way; those who ask the same meanwhile wait for it, which costs nothing and tells nothing.
struct Check {
    co::Event done;
    bool is_finished = false;
    HashOutcome outcome;
};

// The account as it was when the check began.
struct Candidate {
    const directory::Account* account = nullptr;
    std::shared_ptr<const directory::Snapshot> snapshot;  // keeps `account`
    LoginDigest digest{};
};

HashCost cost_of(const AuthenticatorOptions& options) { return {options.argon2_memory, options.argon2_passes}; }

BrakeOptions brake_of(const AuthenticatorOptions& options)
{
    return {options.failures_before_delay, options.failure_window, options.max_delay};
}

// A password is hashed as SASLprep makes it (RFC 4616 section 2, RFC 4013), so that PLAIN and SCRAM take the same ones. Hashes
// from before that, and from elsewhere, are of the bytes that were typed. For most passwords the two are one.
class Spellings {
public:
    explicit Spellings(const std::string& typed) : typed_(typed), prepared_(prepared_password(typed)) {}
    const std::string& prepared() const { return prepared_.text(); }
    bool is_one() const { return prepared_.text() == typed_; }
    bool fit(const std::string& hash) const { return verify_password(hash, prepared()) || fit_as_typed(hash); }
    bool fit_as_typed(const std::string& hash) const { return !is_one() && verify_password(hash, typed_); }

private:
    const std::string& typed_;
    Secret prepared_;
};

// `wanted`: how a verifier is to be made; of 0 iterations: none.
// As many Argon2id of our cost for every wrong password, whoever it is tried for (HOSTILE row J2), one but for those that
// SASLprep changes: an imported hash is paid for on top of it.
HashOutcome check_hash(const std::string& hash, const std::string& unmatchable, const std::string& password, HashCost cost,
                       const ScramParameters& wanted, Counter& hashes)
{
    HashOutcome out;
    const Spellings spellings(password);
    out.is_right = verify_password(hash, spellings.prepared());
    const bool is_old = !out.is_right && spellings.fit_as_typed(hash);
    out.is_right = out.is_right || is_old;
    const bool was_argon2 = is_argon2(hash);
    if (was_argon2) hashes.add();
    if (!out.is_right && !was_argon2) {
        (void)spellings.fit(unmatchable);
        hashes.add();
    }
    if (out.is_right && wanted.iterations != 0) out.verifier = new_scram_verifier(password, wanted);
    if (!out.is_right || (!is_old && !needs_upgrade(hash, cost))) return out;
    auto better = make_password_hash(spellings.prepared(), cost);
    hashes.add();
    if (better) out.better_hash = std::move(*better);
    return out;
}

}  // namespace

struct Authenticator::State {
    State(directory::Directory& directory_, net::Workers& workers_, net::Loop& loop_, const Clock& clock_, Random& random_,
          Metrics& metrics, Log log_, AuthenticatorOptions options_)
        : directory(directory_), workers(workers_), loop(loop_), clock(clock_), random(random_), log(std::move(log_)),
          options(options_),
          brake(brake_of(options_)), cache(random_), unmatchable(make_unmatchable_hash(cost_of(options_))),
          accepted(count_of(metrics, "accepted")), cached(count_of(metrics, "cached")), wrong(count_of(metrics, "wrong")),
          slowed(count_of(metrics, "slowed_down")), unavailable(count_of(metrics, "unavailable")),
          hashes(metrics.counter("mailboxd_password_hashes_total", "Argon2id hashes computed"))
    {
    }

    static Counter& count_of(Metrics& metrics, const std::string& result)
    {
        return metrics.counter("mailboxd_logins_total", "Log-ins of all protocols by result", "result=\"" + result + "\"");
    }

    std::string name_in_tables(std::string_view login) const;
    std::string name_to_find(std::string login) const;
    Attempt describe(std::string service, std::string login, const net::PeerInfo& peer) const;
    Candidate find_candidate(const Attempt& attempt, const std::string& password) const;
    bool is_full() const { return waiting >= options.max_waiting; }

    ScramParameters wanted_verifier(const Candidate& candidate) const;
    ScramParameters parameters_for(const directory::Account* account) const;
    // Whether the log-in may be judged now: behind the brake. Otherwise how it is answered.
    co::Task<std::optional<LoginFailure>> admit(const Attempt& attempt);
    co::Task<bool> hold(std::chrono::milliseconds delay);
    co::Task<HashOutcome> check(const Candidate& candidate, const std::string& password);
    co::Task<HashOutcome> share(std::shared_ptr<Check> shared);
    co::Task<void> upgrade(const Candidate& candidate, HashOutcome outcome);
    Result<Login, LoginFailure> conclude(const Attempt& attempt, const Candidate& candidate, const HashOutcome& outcome);
    Result<Login, LoginFailure> accept(const Attempt& attempt, const directory::Account& account, Counter& how);
    Result<Login, LoginFailure> accept_app_password(const Attempt& attempt, const directory::Account& account,
                                                    const directory::AppPassword& used);
    LoginFailure refuse(const Attempt& attempt, std::string_view reason);
    LoginFailure put_off(const Attempt& attempt, LoginFailure failure, std::string_view reason);

    directory::Directory& directory;
    net::Workers& workers;
    net::Loop& loop;
    const Clock& clock;
    Random& random;
    Log log;
    AuthenticatorOptions options;
    TokenVerifier* tokens = nullptr;
    bool is_deriving = false;  // a SCRAM verifier
    Brake brake;
    LoginCache cache;
    std::string unmatchable;
    std::unordered_map<LoginDigest, std::shared_ptr<Check>, LoginDigestHash> under_way;
    std::list<net::Timer*> held;
    std::size_t waiting = 0;
    bool is_closed = false;
    Counter& accepted;
    Counter& cached;
    Counter& wrong;
    Counter& slowed;
    Counter& unavailable;
    Counter& hashes;
};

// The one spelling of a log-in name, whether or not somebody has it.
std::string Authenticator::State::name_in_tables(std::string_view login) const
{
    std::string address = directory.snapshot()->login_address(login);
    return address.empty() ? ascii::to_lower(login.substr(0, kMostLogin)) : address;
}

// As it was given where somebody has it, else as SASLprep makes it: what SCRAM always says.
std::string Authenticator::State::name_to_find(std::string login) const
{
    const bool is_plain = std::ranges::none_of(login, ascii::is_eight_bit);
    if (is_plain || login.size() > kMostLogin || directory.snapshot()->find_login(login) != nullptr) return login;
    auto prepared = saslprep(login);
    return prepared ? *std::move(prepared) : login;
}

Attempt Authenticator::State::describe(std::string service, std::string login, const net::PeerInfo& peer) const
{
    Attempt attempt;
    attempt.login = name_to_find(std::move(login));
    attempt.subject.account = name_in_tables(attempt.login);
    attempt.subject.network = peer.is_unix ? "unix" : peer.remote.address.network().text();
    attempt.service = std::move(service);
    attempt.peer = peer.text();
    return attempt;
}

Candidate Authenticator::State::find_candidate(const Attempt& attempt, const std::string& password) const
{
    Candidate candidate;
    candidate.snapshot = directory.snapshot();
    candidate.account = candidate.snapshot->find_login(attempt.login);
    LoginIdentity identity;
    if (candidate.account) {
        identity.account = candidate.account->id.value;
        identity.credential_version = candidate.account->credential_version;
    } else {
        identity.name = attempt.subject.account;
    }
    candidate.digest = cache.digest(identity, password);
    return candidate;
}

// How a verifier of the account's password is made. All of an account share salt and iterations, and those of app passwords
// stay as they were made.
ScramParameters Authenticator::State::parameters_for(const directory::Account* account) const
{
    if (account && !account->app_passwords.empty()) return scram_parameters_of(*account);
    return {{}, options.scram_iterations};
}

// The SCRAM verifier that the account should get with this log-in; of 0 iterations: none. One at a time, so that a morning's
// log-ins after an update do not wait for each other.
ScramParameters Authenticator::State::wanted_verifier(const Candidate& candidate) const
{
    if (!options.scram || is_deriving || !candidate.account) return {};
    const auto stored = parse_scram_verifier(candidate.account->scram_verifier);
    ScramParameters wanted = parameters_for(candidate.account);
    if (stored && stored->iterations == wanted.iterations) return {};
    return wanted;
}

co::Task<std::optional<LoginFailure>> Authenticator::State::admit(const Attempt& attempt)
{
    if (is_closed) co_return put_off(attempt, LoginFailure::unavailable, "the server stops");
    const auto delay = brake.admit(attempt.subject, clock.steady());
    if (!delay) co_return put_off(attempt, LoginFailure::slowed_down, "too many failures");
    if (attempt.login.size() > kMostLogin) co_return refuse(attempt, "name too long");
    if (delay->count() == 0) co_return std::nullopt;
    if (is_full()) co_return put_off(attempt, LoginFailure::unavailable, "too many log-ins wait");
    const bool is_on = co_await hold(*delay);
    if (!is_on) co_return put_off(attempt, LoginFailure::unavailable, "the server stops");
    co_return std::nullopt;
}

co::Task<bool> Authenticator::State::hold(std::chrono::milliseconds delay)
{
    net::Timer timer(loop);
    const auto place = held.insert(held.end(), &timer);
    ++waiting;
    const bool passed = co_await timer.wait(delay);
    --waiting;
    held.erase(place);
    co_return passed && !is_closed;
}

co::Task<HashOutcome> Authenticator::State::check(const Candidate& candidate, const std::string& password)
{
    auto own = std::make_shared<Check>();
    under_way.emplace(candidate.digest, own);
    ++waiting;
    const std::string hash = candidate.account ? candidate.account->password_hash : unmatchable;
    const std::string otherwise = unmatchable;
    const HashCost cost = cost_of(options);
    const ScramParameters wanted = wanted_verifier(candidate);
    const bool derives = wanted.iterations != 0;
    is_deriving = is_deriving || derives;
    auto job = [&]() -> HashOutcome {
        try {
            return check_hash(hash, otherwise, password, cost, wanted, hashes);
        } catch (const std::bad_alloc&) {
            return HashOutcome{false, false, {}, {}};
        }
    };
    own->outcome = co_await workers.run(net::WorkClass::hashing, std::move(job));
    if (derives) is_deriving = false;
    --waiting;
    under_way.erase(candidate.digest);
    own->is_finished = true;
    own->done.notify_all();
    co_return std::move(own->outcome);
}

co::Task<HashOutcome> Authenticator::State::share(std::shared_ptr<Check> shared)
{
    HashOutcome outcome;
    ++waiting;
    while (!shared->is_finished) co_await shared->done.wait();
    --waiting;
    outcome.is_right = shared->outcome.is_right;
    outcome.is_known = shared->outcome.is_known;
    co_return outcome;
}

// Neither the sessions of the account nor its cached log-ins end by this: the password stays what it is.
co::Task<void> Authenticator::State::upgrade(const Candidate& candidate, HashOutcome outcome)
{
    directory::AccountChange change;
    if (!outcome.better_hash.empty()) change.password_hash = std::move(outcome.better_hash);
    if (!outcome.verifier.empty()) change.scram_verifier = std::move(outcome.verifier);
    change.rehash_of = candidate.account->password_hash;
    const std::string address = candidate.account->address();
    const auto changed = co_await directory.set_account(address, std::move(change));
    // The log-in is right all the same, and the next one will try again.
    if (changed) log.info("stored credentials upgraded", {{"account", address}});
    else log.warning("stored credentials not upgraded", {{"account", address}, {"why", changed.error().error.text()}});
}

LoginFailure Authenticator::State::refuse(const Attempt& attempt, std::string_view reason)
{
    brake.failed(attempt.subject, clock.steady());
    wrong.add();
    log.notice("login failed", {{"service", attempt.service}, {"login", ascii::printable(attempt.login)},
                                {"peer", attempt.peer}, {"reason", reason}});
    return LoginFailure::wrong;
}

LoginFailure Authenticator::State::put_off(const Attempt& attempt, LoginFailure failure, std::string_view reason)
{
    (failure == LoginFailure::slowed_down ? slowed : unavailable).add();
    log.notice("login put off", {{"service", attempt.service}, {"login", ascii::printable(attempt.login)},
                                 {"peer", attempt.peer}, {"reason", reason}});
    return failure;
}

Result<Login, LoginFailure> Authenticator::State::accept(const Attempt& attempt, const directory::Account& account,
                                                         Counter& how)
{
    brake.succeeded(attempt.subject);
    how.add();
    log.info("login", {{"service", attempt.service}, {"account", account.address()}, {"peer", attempt.peer}});
    return Login{account.id, account.address(), account.credential_version, account.is_administrator};
}

// A program's password carries the mailbox, not its owner's rights over the server.
Result<Login, LoginFailure> Authenticator::State::accept_app_password(const Attempt& attempt, const directory::Account& account,
                                                                      const directory::AppPassword& used)
{
    brake.succeeded(attempt.subject);
    accepted.add();
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch());
    directory.note_use(used.id, now.count());
    log.info("login", {{"service", attempt.service}, {"account", account.address()}, {"peer", attempt.peer},
                       {"app_password", used.id}});
    return Login{account.id, account.address(), account.credential_version, false, used.id};
}

// The last word is the snapshot's of now: while the password was checked the account may have changed.
Result<Login, LoginFailure> Authenticator::State::conclude(const Attempt& attempt, const Candidate& candidate,
                                                           const HashOutcome& outcome)
{
    if (!outcome.is_known) return put_off(attempt, LoginFailure::unavailable, "not enough memory");
    if (!candidate.account) return refuse(attempt, "no such account");
    if (!outcome.is_right) return refuse(attempt, "wrong password");
    const auto now = directory.snapshot();
    const directory::Account* account = now->find(candidate.account->id);
    if (!account || account->credential_version != candidate.account->credential_version)
        return refuse(attempt, "the account was changed meanwhile");
    if (!account->enabled) return refuse(attempt, "the account is disabled");
    if (options.cache_time.count() > 0) cache.remember(candidate.digest, clock.steady() + options.cache_time);
    return accept(attempt, *account, accepted);
}

Authenticator::Authenticator(directory::Directory& directory, net::Workers& workers, net::Loop& loop, const Clock& clock,
                             Random& random, Metrics& metrics, Log log, AuthenticatorOptions options)
    : state_(std::make_unique<State>(directory, workers, loop, clock, random, metrics, std::move(log), options))
{
}

Authenticator::~Authenticator() = default;

void Authenticator::set_options(AuthenticatorOptions options)
{
    state_->options = options;
    state_->brake.set_options(brake_of(options));
    state_->unmatchable = make_unmatchable_hash(cost_of(options));
    if (options.cache_time.count() == 0) state_->cache.clear();
}

void Authenticator::close()
{
    state_->is_closed = true;
    for (net::Timer* timer : state_->held) timer->cancel();
}

co::Task<Result<Login, LoginFailure>> Authenticator::log_in(std::string service, std::string login, std::string password,
                                                            net::PeerInfo peer)
{
    State& state = *state_;
    const Secret secret(std::move(password));
    const Attempt attempt = state.describe(std::move(service), std::move(login), peer);
    // The password is behind the brake even where it is cached: else a guess that is slowed down would tell.
    const auto held_up = co_await state.admit(attempt);
    if (held_up) co_return *held_up;
    if (!is_acceptable_password(secret.text())) co_return state.refuse(attempt, "password too long, empty or with NUL");

    const Candidate candidate = state.find_candidate(attempt, secret.text());
    const bool is_usable = candidate.account && candidate.account->enabled;
    const directory::AppPassword* used = is_usable ? find_app_password(*candidate.account, secret.text()) : nullptr;
    if (used) co_return state.accept_app_password(attempt, *candidate.account, *used);
    if (is_usable && state.cache.holds(candidate.digest, state.clock.steady()))
        co_return state.accept(attempt, *candidate.account, state.cached);
    if (state.is_full()) co_return state.put_off(attempt, LoginFailure::unavailable, "too many log-ins wait");

    HashOutcome outcome;
    const auto same = state.under_way.find(candidate.digest);
    if (same != state.under_way.end()) {
        std::shared_ptr<Check> shared = same->second;
        outcome = co_await state.share(std::move(shared));
    } else {
        outcome = co_await state.check(candidate, secret.text());
    }
    HashOutcome verdict;
    verdict.is_right = outcome.is_right;
    verdict.is_known = outcome.is_known;
    if (outcome.is_right && is_usable && outcome.has_better()) co_await state.upgrade(candidate, std::move(outcome));
    co_return state.conclude(attempt, candidate, verdict);
}

ScramAccount Authenticator::find_scram(std::string login) const
{
    const State& state = *state_;
    ScramAccount found;
    const std::string name = state.name_in_tables(login);
    // Made in any case, so that both take as long.
    found.passwords.verifiers.push_back(
        make_fake_scram_verifier(state.directory.secret(), "scram " + name, state.options.scram_iterations));
    const auto snapshot = state.directory.snapshot();
    const directory::Account* account = snapshot->find_login(login);
    ProvablePasswords stored;
    if (account) stored = provable_passwords(*account);
    if (!stored.verifiers.empty()) {
        found.passwords = std::move(stored);
        found.account = account->id;
        found.credential_version = account->credential_version;
    }
    found.login = std::move(login);
    return found;
}

co::Task<Result<Login, LoginFailure>> Authenticator::log_in_by_proof(std::string service, ScramAccount account,
                                                                     std::optional<std::size_t> proved, net::PeerInfo peer)
{
    State& state = *state_;
    const Attempt attempt = state.describe(std::move(service), std::move(account.login), peer);
    const auto held_up = co_await state.admit(attempt);
    if (held_up) co_return *held_up;
    const auto now = state.directory.snapshot();
    const directory::Account* found = account.account.value == 0 ? nullptr : now->find(account.account);
    if (!found) {
        const bool is_there = now->find_login(attempt.login) != nullptr;
        co_return state.refuse(attempt, is_there ? "nothing stored for SCRAM yet: one log-in with PLAIN, or a new password, makes it"
                                                 : "no such account");
    }
    if (!proved) co_return state.refuse(attempt, "wrong password");
    if (found->credential_version != account.credential_version)
        co_return state.refuse(attempt, "the account was changed meanwhile");
    if (!found->enabled) co_return state.refuse(attempt, "the account is disabled");
    const std::int64_t app_password = account.passwords.app_passwords.at(*proved);
    if (app_password == 0) co_return state.accept(attempt, *found, state.accepted);
    const auto used = std::ranges::find(found->app_passwords, app_password, &directory::AppPassword::id);
    if (used == found->app_passwords.end()) co_return state.refuse(attempt, "the app password was removed meanwhile");
    co_return state.accept_app_password(attempt, *found, *used);
}

co::Task<Result<Login, LoginFailure>> Authenticator::log_in_by_token(std::string service, std::string login,
                                                                     std::string token, net::PeerInfo peer)
{
    State& state = *state_;
    Secret secret(std::move(token));
    Attempt attempt = state.describe(std::move(service), login, peer);
    const auto held_up = co_await state.admit(attempt);
    if (held_up) co_return *held_up;
    if (!state.tokens) co_return state.refuse(attempt, "no tokens are taken");
    const auto named = co_await state.tokens->verify(secret.text(), peer);
    if (!named && named.error() == TokenRefusal::unavailable)
        co_return state.put_off(attempt, LoginFailure::unavailable, "the token could not be checked");
    if (!named) co_return state.refuse(attempt, "the token is not good");
    const auto now = state.directory.snapshot();
    const directory::Account* account = now->find_login(*named);
    if (!account) co_return state.refuse(attempt, "no such account");
    if (!login.empty() && now->find_login(login) != account) co_return state.refuse(attempt, "a token of somebody else");
    if (!account->enabled) co_return state.refuse(attempt, "the account is disabled");
    co_return state.accept(attempt, *account, state.accepted);
}

void Authenticator::report_other_channel(std::string_view service, const net::PeerInfo& peer) const
{
    state_->log.warning("a client was bound to another channel than ours, or saw other mechanisms: is somebody in between?",
                        {{"service", service}, {"peer", peer.text()}});
}

std::string Authenticator::make_nonce()
{
    std::string bytes(18, '\0');
    state_->random.fill({static_cast<unsigned char*>(static_cast<void*>(bytes.data())), bytes.size()});
    return encode_base64(bytes);
}

const AuthenticatorOptions& Authenticator::options() const { return state_->options; }
void Authenticator::set_token_verifier(TokenVerifier* verifier) { state_->tokens = verifier; }
const TokenVerifier* Authenticator::token_verifier() const { return state_->tokens; }

co::Task<Result<std::string, Error>> Authenticator::hash_password(std::string password)
{
    const Secret secret(std::move(password));
    if (!is_acceptable_password(secret.text()))
        co_return Error{"setting a password", "it is empty, longer than 1024 bytes, or holds a NUL byte", "choose another"};
    const HashCost cost = cost_of(state_->options);
    auto job = [&secret, cost] {
        const Secret prepared(prepared_password(secret.text()));
        return make_password_hash(prepared.text(), cost);
    };
    auto made = co_await state_->workers.run(net::WorkClass::hashing, std::move(job));
    state_->hashes.add();
    co_return made;
}

co::Task<Result<NewCredentials, Error>> Authenticator::make_credentials(std::string password, std::string address)
{
    Secret secret(std::move(password));
    auto hash = co_await hash_password(secret.text());
    if (!hash) co_return hash.error();
    NewCredentials made;
    made.password_hash = std::move(*hash);
    if (!state_->options.scram) co_return made;
    const auto snapshot = state_->directory.snapshot();
    const ScramParameters parameters = state_->parameters_for(snapshot->find_login(address));
    auto job = [&secret, parameters] { return new_scram_verifier(secret.text(), parameters); };
    made.scram_verifier = co_await state_->workers.run(net::WorkClass::hashing, std::move(job));
    co_return made;
}

co::Task<NewAppPassword> Authenticator::make_app_password(std::string address, std::string label)
{
    NewAppPassword made;
    made.password = generate_app_password(state_->random);
    const auto snapshot = state_->directory.snapshot();
    const directory::Account* account = snapshot->find_login(address);
    ScramParameters parameters;
    if (account) parameters = scram_parameters_of(*account);
    // Not one for each password: the client is told one before it is known which will be proved.
    if (parameters.salt.empty()) parameters = ScramParameters{new_scram_salt(), state_->options.scram_iterations};
    auto job = [&made, &parameters] { return auth::make_app_password(made.password, parameters); };
    made.stored = co_await state_->workers.run(net::WorkClass::hashing, std::move(job));
    made.stored.label = std::move(label);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(state_->clock.wall().time_since_epoch());
    made.stored.made = now.count();
    co_return made;
}

}  // namespace mbx::auth
