#include "auth/app_password.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "auth/authenticator.hpp"
#include "auth/ground.hpp"
#include "auth/live_sessions.hpp"
#include "auth/sasl_exchange.hpp"
#include "base/codec.hpp"
#include "support/run.hpp"
#include "support/scram_client.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::auth;
using namespace std::chrono_literals;
using mbx::test::run_on;

namespace {

constexpr const char* kAnn = "ann@example.org";

class World {
public:
    World() : authenticator(*directory, workers, loop, clock, random_, metrics, Log(), cheap())
    {
        REQUIRE(run_on(loop, directory->add_domain("example.org")));
        for (const auto* address : {kAnn, "bob@example.org"}) {
            directory::NewAccount account;
            account.address = address;
            account.password_hash = *run_on(loop, authenticator.hash_password("secret"));
            account.is_administrator = true;
            REQUIRE(run_on(loop, directory->add_account(std::move(account))));
        }
    }

    NewAppPassword add(const std::string& label, const std::string& address = kAnn)
    {
        auto made = run_on(loop, authenticator.make_app_password(address, label));
        auto stored = run_on(loop, directory->add_app_password(address, made.stored));
        REQUIRE(stored);
        made.stored = *stored;
        return made;
    }
    void remove(std::int64_t id) { REQUIRE(run_on(loop, directory->remove_app_passwords(kAnn, id))); }
    void set_password(const std::string& password)
    {
        const auto made = run_on(loop, authenticator.make_credentials(password, kAnn));
        REQUIRE(made);
        directory::AccountChange change;
        change.password_hash = made->password_hash;
        change.scram_verifier = made->scram_verifier;
        REQUIRE(run_on(loop, directory->set_account(kAnn, change)));
    }
    void enable(bool enabled)
    {
        directory::AccountChange change;
        change.enabled = enabled;
        REQUIRE(run_on(loop, directory->set_account(kAnn, change)));
    }
    Result<Login, LoginFailure> log_in(std::string password, std::string login = kAnn)
    {
        return run_on(loop, authenticator.log_in("imap", std::move(login), std::move(password), peer()));
    }
    Result<Login, LoginFailure> log_in_by_scram(const std::string& password, bool meanwhile_removed = false)
    {
        test::ScramClient client(kAnn, password);
        SaslExchange exchange(SaslMechanism::scram_sha_256, {}, authenticator.make_nonce());
        (void)exchange.begin(encode_base64(client.first()));
        auto account = authenticator.find_scram(kAnn);
        const auto challenge = std::get<SaslChallenge>(exchange.supply(account.passwords.verifiers)).text;
        const auto proof = std::get<SaslProof>(exchange.respond(encode_base64(client.final(challenge))));
        std::optional<std::size_t> proved;
        if (proof.is_right) proved = proof.which;
        if (meanwhile_removed) REQUIRE(run_on(loop, directory->remove_app_passwords(kAnn, std::nullopt)));
        auto login = run_on(loop, authenticator.log_in_by_proof("imap", std::move(account), proved, peer()));
        // The client must be shown that the server knows the password that it used, and not another of the account.
        if (login) CHECK(std::get<SaslChallenge>(exchange.conclude(true)).text == client.expected_signature());
        return login;
    }
    int hashes() const
    {
        const std::string name = "\nmailboxd_password_hashes_total ";
        const std::string all = metrics.exposition();
        return std::stoi(all.substr(all.find(name) + name.size()));
    }
    bool is_current(const Login& login) { return find_current(*directory->snapshot(), login) != nullptr; }

    test::TemporaryFolder folder;
    net::Loop loop;
    net::Workers workers{loop, 4, 2};
    ManualClock clock;
    Metrics metrics;
    std::unique_ptr<directory::Directory> directory = std::move(*directory::Directory::open(folder.path() + "/directory.db", workers));

private:
    SeededRandom random_{7};

public:
    Authenticator authenticator;
};

std::string without(std::string text, char gone)
{
    std::erase(text, gone);
    return text;
}

}  // namespace

TEST_CASE("an app password is five groups of four letters, and no two are the same", "[auth][app-password]")
{
    SystemRandom random;
    std::set<std::string> all;
    for (int n = 0; n < 100; ++n) {
        const std::string made = generate_app_password(random);
        CHECK(made.size() == 24);
        CHECK(bare_app_password(made) == without(made, '-'));
        CHECK(bare_app_password(made).size() == 20);
        all.insert(made);
    }
    CHECK(all.size() == 100);
}

TEST_CASE("spaces, dashes and case do not count in an app password that is typed; all else does", "[auth][app-password]")
{
    CHECK(bare_app_password("ABCD efgh-ijkm npqr  stuv") == "abcdefghijkmnpqrstuv");
    for (const auto* typed : {"", "abcd", "abcd-efgh-ijkm-npqr-stu", "abcd-efgh-ijkm-npqr-stuvw", "abcd-efgh-ijkm-npqr-stu0",
                              "abcd.efgh.ijkm.npqr.stuv", "abcd\tefghijkmnpqrstuv"}) {
        CAPTURE(typed);
        CHECK(bare_app_password(typed).empty());
    }
}

TEST_CASE("each app password logs in beside the account's own, without an Argon2id, however it is spaced", "[auth][app-password]")
{
    World w;
    const auto phone = w.add("phone");
    const auto laptop = w.add("laptop");
    const int before = w.hashes();
    for (const NewAppPassword* one : {&phone, &laptop}) {
        for (const std::string& typed : {one->password, without(one->password, '-'), ascii::to_lower(one->password) + " "}) {
            CAPTURE(typed);
            const auto login = w.log_in(typed);
            REQUIRE(login);
            CHECK(login->app_password == one->stored.id);
            CHECK(login->address == kAnn);
        }
    }
    CHECK(w.hashes() == before);
    const auto own = w.log_in("secret");
    REQUIRE(own);
    CHECK(own->app_password == 0);
    CHECK_FALSE(w.log_in(phone.password, "bob@example.org"));
}

TEST_CASE("K9: an app password of an administrator carries no right over the server", "[auth][app-password][hostile]")
{
    World w;
    const auto phone = w.add("phone");
    CHECK(w.log_in("secret")->is_administrator);
    CHECK_FALSE(w.log_in(phone.password)->is_administrator);
    CHECK_FALSE(w.log_in_by_scram(phone.password)->is_administrator);
}

TEST_CASE("J5: a removed app password logs in no more and ends its sessions, and no others", "[auth][app-password][hostile]")
{
    World w;
    const auto phone = w.add("phone");
    const auto laptop = w.add("laptop");
    const auto by_phone = w.log_in(phone.password);
    const auto by_laptop = w.log_in(laptop.password);
    const auto own = w.log_in("secret");
    REQUIRE((by_phone && by_laptop && own));
    w.remove(phone.stored.id);
    CHECK_FALSE(w.is_current(*by_phone));
    CHECK(w.is_current(*by_laptop));
    CHECK(w.is_current(*own));
    CHECK_FALSE(w.log_in(phone.password));
    CHECK_FALSE(w.log_in_by_scram(phone.password));
    CHECK(w.log_in(laptop.password));
    CHECK(w.log_in("secret"));
}

TEST_CASE("J5: a disabled account takes no app password, and its sessions end; once enabled it does again", "[auth][app-password][hostile]")
{
    World w;
    const auto phone = w.add("phone");
    const auto login = w.log_in(phone.password);
    REQUIRE(login);
    w.enable(false);
    CHECK_FALSE(w.is_current(*login));
    CHECK_FALSE(w.log_in(phone.password));
    CHECK_FALSE(w.log_in_by_scram(phone.password));
    w.enable(true);
    CHECK(w.log_in(phone.password));
}

TEST_CASE("a new password leaves the app passwords, by PLAIN and by SCRAM", "[auth][app-password]")
{
    World w;
    const auto phone = w.add("phone");
    w.set_password("another");
    CHECK_FALSE(w.log_in_by_scram("secret"));
    for (const auto& password : {phone.password, std::string("another")}) {
        CHECK(w.log_in(password));
        CHECK(w.log_in_by_scram(password));
    }
}

TEST_CASE("RFC 5802 3: SCRAM takes the own password and each app password, with its dashes or without", "[auth][app-password][scram]")
{
    World w;
    const bool own_first = GENERATE(true, false);
    // The own password's verifier is made at its first log-in with PLAIN: with the salt that is there, or the other way round.
    if (own_first) REQUIRE(w.log_in("secret"));
    const auto phone = w.add("phone");
    const auto laptop = w.add("laptop");
    if (!own_first) CHECK_FALSE(w.log_in_by_scram("secret"));
    if (!own_first) REQUIRE(w.log_in("secret"));
    for (const NewAppPassword* one : {&phone, &laptop}) {
        for (const std::string& typed : {one->password, without(one->password, '-')}) {
            const auto login = w.log_in_by_scram(typed);
            REQUIRE(login);
            CHECK(login->app_password == one->stored.id);
        }
    }
    const auto own = w.log_in_by_scram("secret");
    REQUIRE(own);
    CHECK(own->app_password == 0);
    CHECK_FALSE(w.log_in_by_scram("wrong"));
}

TEST_CASE("other iterations in the configuration leave an account with app passwords as it is", "[auth][app-password][scram]")
{
    World w;
    REQUIRE(w.log_in("secret"));
    const auto phone = w.add("phone");
    auto options = cheap();
    options.scram_iterations = kLeastScramIterations + 1;
    options.cache_time = 0ms;
    w.authenticator.set_options(options);
    REQUIRE(w.log_in("secret"));
    CHECK(w.log_in_by_scram(phone.password));
    CHECK(w.log_in_by_scram("secret"));
    w.remove(phone.stored.id);
    REQUIRE(w.log_in("secret"));
    CHECK(w.authenticator.find_scram(kAnn).passwords.verifiers.front().iterations == kLeastScramIterations + 1);
}

TEST_CASE("J5: an app password that is removed while its proof is judged does not log in", "[auth][app-password][hostile]")
{
    World w;
    const auto phone = w.add("phone");
    CHECK(w.log_in_by_scram(phone.password));
    CHECK_FALSE(w.log_in_by_scram(phone.password, true));
}

TEST_CASE("J2: a wrong password costs one Argon2id and is one failure, however many app passwords there are", "[auth][app-password][hostile]")
{
    World w;
    for (std::size_t n = 0; n < directory::kMostAppPasswords; ++n) (void)w.add("device " + std::to_string(n));
    SystemRandom random;
    int before = w.hashes();
    // cheap() slows down behind five failures: the first five are held up by nothing.
    for (unsigned failure = 0; failure < cheap().failures_before_delay; ++failure) {
        const auto refused = w.log_in(generate_app_password(random));
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == LoginFailure::wrong);
        CHECK(w.hashes() == ++before);
    }
    const std::string all = w.metrics.exposition();
    CHECK(all.find("mailboxd_logins_total{result=\"wrong\"} 5\n") != std::string::npos);
    CHECK(all.find("mailboxd_logins_total{result=\"slowed_down\"} 0\n") != std::string::npos);
}

TEST_CASE("a log-in notes when its app password was used", "[auth][app-password]")
{
    World w;
    const auto phone = w.add("phone");
    const auto laptop = w.add("laptop");
    CHECK(w.directory->last_use(phone.stored.id) == 0);
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(w.clock.wall().time_since_epoch()).count();
    REQUIRE(w.log_in(phone.password));
    CHECK(w.directory->last_use(phone.stored.id) == now);
    w.clock.advance(2h);
    REQUIRE(w.log_in_by_scram(phone.password));
    CHECK(w.directory->last_use(phone.stored.id) == now + 7200);
    CHECK(w.directory->last_use(laptop.stored.id) == 0);
}

TEST_CASE("J6: what is stored of an app password does not hold it", "[auth][app-password][hostile]")
{
    SystemRandom random;
    const std::string password = generate_app_password(random);
    const auto made = auth::make_app_password(password, ScramParameters{new_scram_salt(), kLeastScramIterations});
    for (const std::string& text : {made.digest, made.scram_verifier, made.bare_scram_verifier}) {
        CHECK(text.find(password) == std::string::npos);
        CHECK(text.find(bare_app_password(password)) == std::string::npos);
    }
    const auto other = auth::make_app_password(password, ScramParameters{new_scram_salt(), kLeastScramIterations});
    CHECK(made.digest != other.digest);
}
