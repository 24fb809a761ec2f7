#include "auth/authenticator.hpp"

#include <list>
#include <new>
#include <unordered_map>

#include "auth/brake.hpp"
#include "auth/login_cache.hpp"
#include "auth/password.hpp"
#include "base/ascii.hpp"
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

// Exactly one Argon2id of our cost for every wrong password, whoever it is tried for (HOSTILE row J2): an imported
// hash is paid for on top of it.
HashOutcome check_hash(const std::string& hash, const std::string& unmatchable, const std::string& password, HashCost cost,
                       Counter& hashes)
{
    HashOutcome out;
    out.is_right = verify_password(hash, password);
    const bool was_argon2 = is_argon2(hash);
    if (was_argon2) hashes.add();
    if (!out.is_right && !was_argon2) {
        (void)verify_password(unmatchable, password);
        hashes.add();
    }
    if (!out.is_right || !needs_upgrade(hash, cost)) return out;
    auto better = make_password_hash(password, cost);
    hashes.add();
    if (better) out.better_hash = std::move(*better);
    return out;
}

}  // namespace

struct Authenticator::State {
    State(directory::Directory& directory_, net::Workers& workers_, net::Loop& loop_, const Clock& clock_, Random& random,
          Metrics& metrics, Log log_, AuthenticatorOptions options_)
        : directory(directory_), workers(workers_), loop(loop_), clock(clock_), log(std::move(log_)), options(options_),
          brake(brake_of(options_)), cache(random), unmatchable(make_unmatchable_hash(cost_of(options_))),
          accepted(count_of(metrics, "accepted")), cached(count_of(metrics, "cached")), wrong(count_of(metrics, "wrong")),
          slowed(count_of(metrics, "slowed_down")), unavailable(count_of(metrics, "unavailable")),
          hashes(metrics.counter("mailboxd_password_hashes_total", "Argon2id hashes computed"))
    {
    }

    static Counter& count_of(Metrics& metrics, const std::string& result)
    {
        return metrics.counter("mailboxd_logins_total", "Log-ins of all protocols by result", "result=\"" + result + "\"");
    }

    Attempt describe(std::string service, std::string login, const net::PeerInfo& peer) const;
    Candidate find_candidate(const Attempt& attempt, const std::string& password) const;
    bool is_full() const { return waiting >= options.max_waiting; }

    co::Task<bool> hold(std::chrono::milliseconds delay);
    co::Task<HashOutcome> check(const Candidate& candidate, const std::string& password);
    co::Task<HashOutcome> share(std::shared_ptr<Check> shared);
    co::Task<void> upgrade(const Candidate& candidate, std::string better_hash);
    Result<Login, LoginFailure> conclude(const Attempt& attempt, const Candidate& candidate, const HashOutcome& outcome);
    Result<Login, LoginFailure> accept(const Attempt& attempt, const directory::Account& account, bool was_cached);
    LoginFailure refuse(const Attempt& attempt, std::string_view reason);
    LoginFailure put_off(const Attempt& attempt, LoginFailure failure, std::string_view reason);

    directory::Directory& directory;
    net::Workers& workers;
    net::Loop& loop;
    const Clock& clock;
    Log log;
    AuthenticatorOptions options;
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

Attempt Authenticator::State::describe(std::string service, std::string login, const net::PeerInfo& peer) const
{
    Attempt attempt;
    const directory::Account* account = directory.snapshot()->find_login(login);
    attempt.subject.account = account ? account->address() : ascii::to_lower(std::string_view(login).substr(0, kMostLogin));
    attempt.subject.network = peer.is_unix ? "unix" : peer.remote.address.network().text();
    attempt.service = std::move(service);
    attempt.login = std::move(login);
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
    auto job = [&]() -> HashOutcome {
        try {
            return check_hash(hash, otherwise, password, cost, hashes);
        } catch (const std::bad_alloc&) {
            return HashOutcome{false, false, {}};
        }
    };
    own->outcome = co_await workers.run(net::WorkClass::hashing, std::move(job));
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
co::Task<void> Authenticator::State::upgrade(const Candidate& candidate, std::string better_hash)
{
    directory::AccountChange change;
    change.password_hash = std::move(better_hash);
    change.rehash_of = candidate.account->password_hash;
    const std::string address = candidate.account->address();
    const auto changed = co_await directory.set_account(address, std::move(change));
    // The log-in is right all the same, and the next one will try again.
    if (changed) log.info("password hash upgraded", {{"account", address}});
    else log.warning("password hash not upgraded", {{"account", address}, {"why", changed.error().error.text()}});
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
                                                         bool was_cached)
{
    brake.succeeded(attempt.subject);
    (was_cached ? cached : accepted).add();
    log.info("login", {{"service", attempt.service}, {"account", account.address()}, {"peer", attempt.peer}});
    return Login{account.id, account.address(), account.credential_version, account.is_administrator};
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
    return accept(attempt, *account, false);
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
    if (state.is_closed) co_return state.put_off(attempt, LoginFailure::unavailable, "the server stops");
    // The password is behind the brake even where it is cached: else a guess that is slowed down would tell.
    const auto delay = state.brake.admit(attempt.subject, state.clock.steady());
    if (!delay) co_return state.put_off(attempt, LoginFailure::slowed_down, "too many failures");
    const bool is_sound = attempt.login.size() <= kMostLogin && is_acceptable_password(secret.text());
    if (!is_sound) co_return state.refuse(attempt, "name or password too long, empty or with NUL");
    if (delay->count() > 0) {
        if (state.is_full()) co_return state.put_off(attempt, LoginFailure::unavailable, "too many log-ins wait");
        const bool is_on = co_await state.hold(*delay);
        if (!is_on) co_return state.put_off(attempt, LoginFailure::unavailable, "the server stops");
    }

    const Candidate candidate = state.find_candidate(attempt, secret.text());
    const bool is_usable = candidate.account && candidate.account->enabled;
    if (is_usable && state.cache.holds(candidate.digest, state.clock.steady()))
        co_return state.accept(attempt, *candidate.account, true);
    if (state.is_full()) co_return state.put_off(attempt, LoginFailure::unavailable, "too many log-ins wait");

    HashOutcome outcome;
    const auto same = state.under_way.find(candidate.digest);
    if (same != state.under_way.end()) {
        std::shared_ptr<Check> shared = same->second;
        outcome = co_await state.share(std::move(shared));
    } else {
        outcome = co_await state.check(candidate, secret.text());
    }
    if (outcome.is_right && is_usable && !outcome.better_hash.empty())
        co_await state.upgrade(candidate, std::move(outcome.better_hash));
    co_return state.conclude(attempt, candidate, outcome);
}

co::Task<Result<std::string, Error>> Authenticator::hash_password(std::string password)
{
    const Secret secret(std::move(password));
    if (!is_acceptable_password(secret.text()))
        co_return Error{"setting a password", "it is empty, longer than 1024 bytes, or holds a NUL byte", "choose another"};
    const HashCost cost = cost_of(state_->options);
    auto job = [&secret, cost] { return make_password_hash(secret.text(), cost); };
    auto made = co_await state_->workers.run(net::WorkClass::hashing, std::move(job));
    state_->hashes.add();
    co_return made;
}

}  // namespace mbx::auth
