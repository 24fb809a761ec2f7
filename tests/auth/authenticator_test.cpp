#include "auth/authenticator.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <crypt.h>
#include <fcntl.h>
#include <fstream>
#include <semaphore>
#include <sstream>
#include <unistd.h>

#include "auth/ground.hpp"
#include "auth/live_sessions.hpp"
#include "auth/login_cache.hpp"
#include "auth/password.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::auth;
using namespace std::chrono_literals;
using mbx::test::run_on;
using mbx::test::TemporaryFolder;

namespace {

// "ok ann@example.org", "wrong", "slowed down", "unavailable"
std::string text_of(const Result<Login, LoginFailure>& result)
{
    if (result) return "ok " + result->address;
    switch (result.error()) {
    case LoginFailure::wrong: return "wrong";
    case LoginFailure::slowed_down: return "slowed down";
    case LoginFailure::unavailable: return "unavailable";
    }
    return "";
}

co::Task<void> note(co::Task<Result<Login, LoginFailure>> task, std::vector<std::string>& results)
{
    const auto result = co_await std::move(task);
    results.push_back(text_of(result));
}

class World {
public:
    explicit World(AuthenticatorOptions options = cheap()) : log_path_(folder_.path() + "/log")
    {
        auto opened = directory::Directory::open(folder_.path() + "/directory.db", workers);
        REQUIRE(opened);
        directory = std::move(*opened);
        log_descriptor_ = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        REQUIRE(log_descriptor_ >= 0);
        writer_ = std::make_shared<LogWriter>(log_descriptor_, LogFormat::key_value, LogLevel::debug);
        authenticator = std::make_unique<Authenticator>(*directory, workers, loop, clock, random_, metrics,
                                                        Log(writer_, "auth"), options);
        REQUIRE(run_on(loop, directory->add_domain("example.org")));
        add("ann@example.org", hash("secret"));
        add("bob@example.org", hash("other"));
    }
    ~World()
    {
        authenticator.reset();
        writer_.reset();
        ::close(log_descriptor_);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void add(const std::string& address, const std::string& password_hash)
    {
        directory::NewAccount account;
        account.address = address;
        account.password_hash = password_hash;
        REQUIRE(run_on(loop, directory->add_account(std::move(account))));
    }
    std::string hash(const std::string& password)
    {
        const auto made = run_on(loop, authenticator->hash_password(password));
        REQUIRE(made);
        return *made;
    }
    void change(const directory::AccountChange& what)
    {
        REQUIRE(run_on(loop, directory->set_account("ann@example.org", what)));
    }
    Result<Login, LoginFailure> log_in(std::string login, std::string password, std::string_view address = "192.0.2.1")
    {
        return run_on(loop, authenticator->log_in("imap", std::move(login), std::move(password), peer(address)));
    }
    std::string try_login(std::string login, std::string password, std::string_view address = "192.0.2.1")
    {
        return text_of(log_in(std::move(login), std::move(password), address));
    }
    // How many Argon2id were computed so far.
    int hashes() const { return sample("mailboxd_password_hashes_total "); }
    int logins(const std::string& result) const { return sample("mailboxd_logins_total{result=\"" + result + "\"} "); }

    // Everything that was logged; nothing is logged any more afterwards.
    std::string log_text()
    {
        authenticator.reset();
        writer_.reset();
        std::ostringstream out;
        out << std::ifstream(log_path_).rdbuf();
        return out.str();
    }

    net::Loop loop;
    net::Workers workers{loop, 4, 2};
    ManualClock clock;
    Metrics metrics;
    std::unique_ptr<directory::Directory> directory;
    std::unique_ptr<Authenticator> authenticator;

private:
    int sample(const std::string& name) const
    {
        const std::string all = metrics.exposition();
        const auto at = all.find("\n" + name);
        REQUIRE(at != std::string::npos);
        return std::stoi(all.substr(at + 1 + name.size()));
    }
    TemporaryFolder folder_;
    std::string log_path_;
    int log_descriptor_ = -1;
    std::shared_ptr<LogWriter> writer_;
    SeededRandom random_{7};
};

directory::AccountChange with_password(std::string hash)
{
    directory::AccountChange change;
    change.password_hash = std::move(hash);
    return change;
}
directory::AccountChange with_enabled(bool enabled)
{
    directory::AccountChange change;
    change.enabled = enabled;
    return change;
}

using Gate = std::counting_semaphore<2>;

co::Task<void> disable_then_open(directory::Directory& directory, std::string address, Gate& gate)
{
    directory::AccountChange change;
    change.enabled = false;
    (void)co_await directory.set_account(std::move(address), std::move(change));
    gate.release(2);
}

std::string sha512_of(const std::string& password)
{
    const auto data = std::make_unique<crypt_data>();
    return crypt_r(password.c_str(), "$6$rounds=1000$abcdefgh$", data.get());
}

}  // namespace

TEST_CASE("the right password logs in, by the full address in any case or bare in a single domain", "[auth]")
{
    World w;
    CHECK(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    CHECK(w.try_login("ANN@Example.ORG", "secret") == "ok ann@example.org");
    CHECK(w.try_login("Ann", "secret") == "ok ann@example.org");
    CHECK(w.try_login("ann@example.org", "Secret") == "wrong");
    CHECK(w.try_login("bob@example.org", "secret") == "wrong");
    CHECK(w.try_login("ann+x@example.org", "secret") == "wrong");
}

TEST_CASE("J2: unknown, wrong and disabled cost the same and read the same", "[auth][hostile]")
{
    World w;
    w.add("cyd@example.org", sha512_of("secret"));
    w.add("off@example.org", w.hash("secret"));
    REQUIRE(run_on(w.loop, w.directory->set_account("off@example.org", with_enabled(false))));
    for (const auto* login : {"nobody@example.org", "nobody", "x@example.com", "ann@example.org", "cyd@example.org",
                              "off@example.org", "@", "ann@example.org@"}) {
        CAPTURE(login);
        const int before = w.hashes();
        CHECK(w.try_login(login, "wrong", "2001:db8:" + std::to_string(before) + "::1") == "wrong");
        CHECK(w.hashes() == before + 1);
    }
    const int before = w.hashes();
    CHECK(w.try_login("off@example.org", "secret", "2001:db8:ffff::1") == "wrong");
    CHECK(w.hashes() == before + 1);
}

TEST_CASE("J2: the same wrong log-in many times at once costs one check, be there an account or not", "[auth][hostile]")
{
    const std::string login = GENERATE(as<std::string>{}, "ann@example.org", "nobody@example.org");
    World w;
    const int before = w.hashes();
    std::vector<std::string> results;
    {
        co::Scope scope;
        for (int i = 0; i < 50; ++i) scope.spawn(note(w.authenticator->log_in("imap", login, "wrong", peer()), results));
        w.loop.run();
    }
    CHECK(results == std::vector<std::string>(50, "wrong"));
    CHECK(w.hashes() == before + 1);
}

TEST_CASE("a right password costs one hash, and none while it is cached", "[auth]")
{
    World w;
    const int before = w.hashes();
    CHECK(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    CHECK(w.hashes() == before + 1);
    for (const auto* address : {"192.0.2.1", "198.51.100.7", "2001:db8::1"})
        CHECK(w.try_login("ann@example.org", "secret", address) == "ok ann@example.org");
    CHECK(w.hashes() == before + 1);
    CHECK(w.logins("cached") == 3);
    w.clock.advance(300s);
    CHECK(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    CHECK(w.hashes() == before + 2);
}

TEST_CASE("J5: a cached log-in ends with a new password, a disabled and a removed account", "[auth][hostile]")
{
    World w;
    REQUIRE(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    SECTION("new password")
    {
        w.change(with_password(w.hash("fresh")));
        CHECK(w.try_login("ann@example.org", "secret") == "wrong");
        CHECK(w.try_login("ann@example.org", "fresh") == "ok ann@example.org");
    }
    SECTION("disabled")
    {
        w.change(with_enabled(false));
        CHECK(w.try_login("ann@example.org", "secret") == "wrong");
        w.change(with_enabled(true));
        const int before = w.hashes();
        CHECK(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
        CHECK(w.hashes() == before + 1);
    }
    SECTION("removed, and made anew with another password")
    {
        REQUIRE(run_on(w.loop, w.directory->remove_account("ann@example.org")));
        CHECK(w.try_login("ann@example.org", "secret") == "wrong");
        w.add("ann@example.org", w.hash("fresh"));
        CHECK(w.try_login("ann@example.org", "secret") == "wrong");
    }
}

TEST_CASE("J5: a cached password of one account never opens another", "[auth][hostile]")
{
    World w;
    REQUIRE(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    CHECK(w.try_login("bob@example.org", "secret") == "wrong");

    SeededRandom random(1);
    const LoginCache cache(random);
    CHECK(cache.digest({1, 1, ""}, "x") != cache.digest({2, 1, ""}, "x"));
    CHECK(cache.digest({1, 1, ""}, "x") != cache.digest({1, 2, ""}, "x"));
    CHECK(cache.digest({0, 0, "ab"}, "c") != cache.digest({0, 0, "a"}, "bc"));
    const LoginCache other(random);
    CHECK(cache.digest({1, 1, ""}, "x") != other.digest({1, 1, ""}, "x"));
}

TEST_CASE("J5: an account that is changed while its password is checked does not log in", "[auth][hostile]")
{
    World w;
    // Both slots for hashing are taken until the change is made, so the check ends behind it.
    Gate gate(0);
    for (int slot = 0; slot < 2; ++slot) w.workers.submit(net::WorkClass::hashing, [&gate] { gate.acquire(); }, [] {});
    std::vector<std::string> results;
    co::Scope scope;
    scope.spawn(note(w.authenticator->log_in("imap", "ann@example.org", "secret", peer()), results));
    CHECK(results.empty());
    scope.spawn(disable_then_open(*w.directory, "ann@example.org", gate));
    w.loop.run();
    CHECK(results == std::vector<std::string>{"wrong"});
    CHECK(w.try_login("ann@example.org", "secret") == "wrong");
}

TEST_CASE("an imported hash is upgraded at the next log-in, without ending sessions or cached log-ins", "[auth]")
{
    World w;
    w.add("cyd@example.org", "{SHA512-CRYPT}" + sha512_of("geheim"));
    int changes = 0;
    w.directory->on_change([&changes] { ++changes; });
    const auto version = [&w] { return w.directory->snapshot()->find_login("cyd@example.org")->credential_version; };
    const auto before = version();
    CHECK(w.try_login("cyd@example.org", "nonsense") == "wrong");
    CHECK(changes == 0);
    const auto login = w.log_in("cyd@example.org", "geheim");
    REQUIRE(login);
    CHECK(changes == 1);
    CHECK(version() == before);
    CHECK(login->credential_version == before);
    CHECK(w.directory->snapshot()->find_login("cyd@example.org")->password_hash.starts_with("$argon2id$v=19$m=64,t=1"));
    const int hashes = w.hashes();
    CHECK(w.try_login("cyd@example.org", "geheim") == "ok cyd@example.org");
    CHECK(w.hashes() == hashes);
    w.clock.advance(1h);
    CHECK(w.try_login("cyd@example.org", "geheim") == "ok cyd@example.org");
    CHECK(changes == 1);
}

TEST_CASE("RFC 4616 2: a password logs in however its letters are composed, and one whose hash is of other bytes still does",
          "[auth]")
{
    World world;
    const std::string composed = "caf\u00e9";
    const std::string decomposed = "cafe\u0301";
    world.add("new@example.org", world.hash(decomposed));
    CHECK(world.try_login("new@example.org", composed) == "ok new@example.org");
    CHECK(world.try_login("new@example.org", decomposed) == "ok new@example.org");
    CHECK(world.try_login("new@example.org", "\uff43af\u00e9") == "ok new@example.org");
    CHECK(world.try_login("new@example.org", "cafe") == "wrong");
    // From before passwords were prepared: the very bytes, until they have logged in once.
    const auto old = make_password_hash(decomposed, {64UL * 1024, 1});
    REQUIRE(old);
    world.add("old@example.org", *old);
    CHECK(world.try_login("old@example.org", composed) == "wrong");
    CHECK(world.try_login("old@example.org", decomposed) == "ok old@example.org");
    CHECK(world.try_login("old@example.org", composed) == "ok old@example.org");
    // What SASLprep refuses is hashed as it is.
    world.add("odd@example.org", world.hash("tab\tbed"));
    CHECK(world.try_login("odd@example.org", "tab\tbed") == "ok odd@example.org");
    // SCRAM takes the same: its verifier is of the prepared password, whichever was given.
    const auto made = run_on(world.loop, world.authenticator->make_credentials(decomposed, "ann@example.org"));
    REQUIRE(made);
    const auto verifier = parse_scram_verifier(made->scram_verifier);
    REQUIRE(verifier);
    CHECK(make_scram_verifier(composed, verifier->salt, verifier->iterations).stored_key == verifier->stored_key);
    CHECK(verify_password(made->password_hash, composed));
}

TEST_CASE("a hash of an older cost is upgraded to the one that is configured", "[auth]")
{
    World w;
    AuthenticatorOptions options = cheap();
    options.argon2_passes = 2;
    w.authenticator->set_options(options);
    CHECK(w.try_login("ann@example.org", "secret") == "ok ann@example.org");
    CHECK(w.directory->snapshot()->find_login("ann@example.org")->password_hash.starts_with("$argon2id$v=19$m=64,t=2"));
}

TEST_CASE("J1: a network that fails often is slowed down over all services, and the owner's own network is not",
          "[auth][hostile]")
{
    World w;
    REQUIRE(w.try_login("ann@example.org", "secret", "198.51.100.1") == "ok ann@example.org");
    for (int i = 0; i < 9; ++i) {
        const std::string address = "2001:db8::" + std::to_string(i + 1);  // one /64
        w.clock.advance(100ms);
        CHECK(w.try_login("ann@example.org", "guess" + std::to_string(i), address) == "wrong");
    }
    // The clock stands still now, so turns are taken and none comes: the second one is too far off.
    const int before = w.hashes();
    CHECK(w.try_login("bob@example.org", "other", "2001:db8::ffff") == "ok bob@example.org");
    CHECK(w.try_login("ann@example.org", "guess", "2001:db8::aaaa") == "slowed down");
    CHECK(w.try_login("ann@example.org", "secret", "2001:db8::aaaa") == "slowed down");
    CHECK(w.hashes() == before + 1);
    CHECK(w.try_login("ann@example.org", "secret", "198.51.100.1") == "ok ann@example.org");
    CHECK(w.try_login("bob@example.org", "other", "203.0.113.1") == "ok bob@example.org");
}

TEST_CASE("J3: more log-ins at once than may wait are answered unavailable, and the others are checked", "[auth][hostile]")
{
    AuthenticatorOptions options = cheap();
    options.max_waiting = 20;
    World w(options);
    const int before = w.hashes();
    std::vector<std::string> results;
    {
        co::Scope scope;
        for (int i = 0; i < 500; ++i) {
            std::string password = "guess" + std::to_string(i);
            scope.spawn(note(w.authenticator->log_in("imap", "ann@example.org", std::move(password), peer()), results));
        }
        w.loop.run();
    }
    CHECK(results.size() == 500);
    CHECK(std::ranges::count(results, "wrong") == 20);
    CHECK(std::ranges::count(results, "unavailable") == 480);
    CHECK(w.hashes() == before + 20);
}

TEST_CASE("J7: passwords beyond the rule are wrong without a hash, and count as failures", "[auth][hostile]")
{
    World w;
    const int before = w.hashes();
    const std::string with_nul("secret\0", 7);
    for (const std::string& password : {std::string(), std::string(1025, 'a'), std::string(1'000'000, 'a'), with_nul})
        CHECK(w.try_login("ann@example.org", password) == "wrong");
    CHECK(w.try_login(std::string(1'000'000, 'a'), "secret") == "wrong");
    CHECK(w.hashes() == before);
    CHECK(w.logins("wrong") == 5);
    const auto made = run_on(w.loop, w.authenticator->hash_password(with_nul));
    REQUIRE_FALSE(made);
    CHECK_FALSE(run_on(w.loop, w.authenticator->hash_password("")));
    for (const std::string& password : {std::string("trailing "), std::string(1024, 'x'), std::string("\xff\xfe"), std::string("пароль")}) {
        w.change(with_password(w.hash(password)));
        CHECK(w.try_login("ann@example.org", password, "198.51.100.9") == "ok ann@example.org");
        CHECK(w.try_login("ann@example.org", password.substr(0, password.size() - 1), "198.51.100.9") == "wrong");
    }
}

TEST_CASE("J6: the log tells each failure once, printable, and never a password", "[auth][hostile]")
{
    World w;
    const std::string marker = "Marker-Password-4711";
    w.change(with_password(w.hash(marker)));
    CHECK(w.try_login("ann@example.org", marker) == "ok ann@example.org");
    CHECK(w.try_login("ann@example.org", marker + "x") == "wrong");
    CHECK(w.try_login("evil\r\n\x1b[31mlevel=error", marker) == "wrong");
    CHECK(w.try_login("ann@example.org", marker + std::string(2000, 'x')) == "wrong");
    const std::string log = w.log_text();
    CAPTURE(log);
    CHECK(log.find(marker) == std::string::npos);
    CHECK(log.find('\x1b') == std::string::npos);
    CHECK(log.find('\r') == std::string::npos);
    std::size_t failures = 0;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) failures += line.find("login failed") != std::string::npos;
    CHECK(failures == 3);
    CHECK(log.find("192.0.2.1") != std::string::npos);
    CHECK(log.find("$argon2id") == std::string::npos);
}

TEST_CASE("closing ends the log-ins that the brake holds, and refuses new ones", "[auth]")
{
    AuthenticatorOptions options = cheap();
    options.max_delay = 1h;
    options.failures_before_delay = 1;
    World w(options);
    CHECK(w.try_login("ann@example.org", "wrong") == "wrong");
    std::vector<std::string> results;
    co::Scope scope;
    scope.spawn(note(w.authenticator->log_in("imap", "ann@example.org", "secret", peer()), results));
    CHECK(results.empty());
    w.authenticator->close();
    w.loop.run();
    CHECK(results == std::vector<std::string>{"unavailable"});
    CHECK(w.try_login("bob@example.org", "other", "198.51.100.1") == "unavailable");
}
