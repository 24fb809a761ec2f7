// SCRAM-SHA-256(-PLUS), OAUTHBEARER and XOAUTH2 in a session (RFC 5802, 7677, 9266, 5929, 7628; RFC 9051 section 6.2.2).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/codec.hpp"
#include "imap/world.hpp"
#include "support/scram_client.hpp"

using namespace mbx;
using namespace mbx::imap;
using mbx::test::ScramClient;

namespace {

// The text of "+ …", decoded.
std::string challenge(const std::string& line)
{
    must(line.starts_with("+ ") && line.ends_with("\r\n"), "no challenge: " + line);
    return ScramClient::decoded(line.substr(2, line.size() - 4));
}

// A whole dialogue over `client`; what the server said last.
std::string scram(Client& client, ScramClient& scram, const std::string& mechanism = "SCRAM-SHA-256", bool has_initial = true)
{
    const std::string first = encode_base64(scram.first());
    std::string said = has_initial ? client.say("a AUTHENTICATE " + mechanism + " " + first + "\r\n")
                                   : client.say("a AUTHENTICATE " + mechanism + "\r\n");
    if (!has_initial && said == "+ \r\n") said = client.say(first + "\r\n");
    if (!said.starts_with("+ ")) return said;
    said = client.say(encode_base64(scram.final(challenge(said))) + "\r\n");
    if (!said.starts_with("+ ")) return said;
    must(challenge(said) == scram.expected_signature(), "the server does not know the password");
    return client.say("\r\n");
}

directory::Account account_of(World& world, std::string_view login)
{
    const auto snapshot = world.directory->snapshot();
    return *snapshot->find_login(login);
}

void give_verifier(World& world)
{
    auto made = test::run_on(world.loop, world.authenticator->make_credentials("secret", ""));
    must(static_cast<bool>(made), "no credentials");
    directory::AccountChange change;
    change.password_hash = made->password_hash;
    change.scram_verifier = made->scram_verifier;
    must(static_cast<bool>(test::run_on(world.loop, world.directory->set_account("ann@example.org", change))), "not set");
}

class OneToken final : public auth::TokenVerifier {
public:
    co::Task<Result<std::string, auth::TokenRefusal>> verify(std::string token, net::PeerInfo) override
    {
        if (token == "later") co_return auth::TokenRefusal::unavailable;
        if (token == "bobs") co_return std::string("bob@example.org");
        if (token != "good") co_return auth::TokenRefusal::invalid;
        co_return std::string("ann@example.org");
    }
    std::string scope() const override { return "mail"; }
    std::string configuration_url() const override { return "https://login.example.org/.well-known"; }
};

std::string bearer(std::string_view name, std::string_view token)
{
    return encode_base64("n,a=" + std::string(name) + ",\1auth=Bearer " + std::string(token) + "\1\1");
}

co::Task<void> shake(net::Workers& workers, std::unique_ptr<net::ByteStream> plain, std::unique_ptr<net::ByteStream>& into)
{
    auto secured = co_await net::connect_tls(workers, std::move(plain), net::TlsClientOptions(), net::Deadline::never());
    if (secured) into = std::move(*secured);
}

co::Task<void> hear(net::ByteStream& stream, std::string& into)
{
    std::string chunk(4096, '\0');
    while (true) {
        const auto got = co_await stream.read_some(chunk, net::Deadline::never());
        if (!got || *got == 0) co_return;
        into += chunk.substr(0, *got);
    }
}

co::Task<void> tell(net::ByteStream& stream, std::string text)
{
    (void)co_await stream.write(text, net::Deadline::never());
}

}  // namespace

TEST_CASE("RFC 7677 3: SCRAM-SHA-256 logs in with and without an initial response", "[imap][sasl]")
{
    const bool has_initial = GENERATE(true, false);
    World world;
    give_verifier(world);
    Client client(world);
    CHECK(client.greeting.find(" AUTH=SCRAM-SHA-256 ") != std::string::npos);
    CHECK(client.greeting.find("-PLUS") == std::string::npos);  // nothing to bind to
    ScramClient right("ANN@example.org", "secret");
    CHECK(scram(client, right, "SCRAM-SHA-256", has_initial).starts_with("a OK [CAPABILITY"));
    CHECK(client.ask("b SELECT INBOX").starts_with("OK"));
}

TEST_CASE("J2: SCRAM answers a wrong password, an unknown name and an account without verifier alike", "[imap][sasl][J2]")
{
    World world({test_options()}, 2);
    give_verifier(world);
    const std::string refusal = "a NO [AUTHENTICATIONFAILED] wrong user name or password\r\n";
    for (const auto* name : {"ann@example.org", "bob@example.org", "nobody@example.org", "nobody"}) {
        CAPTURE(name);
        Client client(world);
        ScramClient guess(name, "wrong");
        CHECK(scram(client, guess) == refusal);
    }
    // Asked again, a name has the same salt, however it is spelled.
    const auto salt_of = [&world](const std::string& name) {
        Client client(world);
        const ScramClient asks(name, "x");
        const auto first = challenge(client.say("a AUTHENTICATE SCRAM-SHA-256 " + encode_base64(asks.first()) + "\r\n"));
        return ScramClient::part(first, "s=") + " " + ScramClient::part(first, "i=");
    };
    CHECK(salt_of("nobody@example.org") == salt_of("NOBODY"));
    CHECK(salt_of("nobody") != salt_of("nobodz"));
    CHECK(salt_of("ann") == salt_of("Ann@Example.org"));
    CHECK(salt_of("ann").ends_with(" 4096"));
    CHECK(salt_of("nobody").ends_with(" 4096"));
}

TEST_CASE("a log-in with a plain password stores what SCRAM needs, and a new password takes it away", "[imap][sasl]")
{
    World world;
    CHECK(account_of(world, "ann").scram_verifier.empty());
    const auto version = account_of(world, "ann").credential_version;
    {
        Client client(world);
        client.log_in();
    }
    CHECK(account_of(world, "ann").scram_verifier.starts_with("SCRAM-SHA-256$4096:"));
    CHECK(account_of(world, "ann").credential_version == version);
    {
        Client client(world);
        ScramClient right("ann@example.org", "secret");
        CHECK(scram(client, right).starts_with("a OK"));
    }
    directory::AccountChange change;
    change.password_hash = *test::run_on(world.loop, world.authenticator->hash_password("fresh"));
    REQUIRE(test::run_on(world.loop, world.directory->set_account("ann@example.org", change)));
    CHECK(account_of(world, "ann").scram_verifier.empty());
    Client client(world);
    ScramClient old("ann@example.org", "secret");
    CHECK(scram(client, old).starts_with("a NO [AUTHENTICATIONFAILED]"));
}

TEST_CASE("J1: the brake holds up guesses by SCRAM as it does passwords", "[imap][sasl][J1]")
{
    World world;
    give_verifier(world);
    auto options = cheap_passwords();
    options.failures_before_delay = 2;
    options.max_delay = std::chrono::milliseconds(0);
    world.authenticator->set_options(options);
    ScramClient guess("ann@example.org", "wrong");
    for (int i = 0; i < 2; ++i) {
        Client client(world);
        CHECK(scram(client, guess).starts_with("a NO [AUTHENTICATIONFAILED]"));
    }
    world.authenticator->close();
    Client client(world);
    CHECK(scram(client, guess).starts_with("a NO [UNAVAILABLE]"));
}

TEST_CASE("RFC 5802 5: a disabled account, a cancelled dialogue and a changed name do not log in", "[imap][sasl]")
{
    World world;
    give_verifier(world);
    Client client(world);
    const ScramClient right("ann@example.org", "secret");
    CHECK(client.say("a AUTHENTICATE SCRAM-SHA-256 " + encode_base64(right.first()) + "\r\n").starts_with("+ "));
    CHECK(client.say("*\r\n") == "a BAD authentication cancelled\r\n");
    CHECK(client.ask("b AUTHENTICATE SCRAM-SHA-256 !!!").starts_with("BAD"));
    CHECK(client.ask("c AUTHENTICATE SCRAM-SHA-256 " + encode_base64("n,a=bob@example.org," + right.first_bare()))
              .starts_with("NO [AUTHORIZATIONFAILED]"));
    CHECK(client.ask("d AUTHENTICATE SCRAM-SHA-256-PLUS " + encode_base64(right.first())).starts_with("NO [CANNOT]"));
    directory::AccountChange change;
    change.enabled = false;
    REQUIRE(test::run_on(world.loop, world.directory->set_account("ann@example.org", change)));
    ScramClient again("ann@example.org", "secret");
    CHECK(scram(client, again) == "a NO [AUTHENTICATIONFAILED] wrong user name or password\r\n");
}

TEST_CASE("B3: in clear SCRAM is offered where the administrator said so, and nowhere else", "[imap][sasl][B3]")
{
    auto settings = test_options();
    settings.plaintext_login_networks.clear();
    World world(settings);
    give_verifier(world);
    {
        Client client(world);
        CHECK(client.greeting.find("AUTH=") == std::string::npos);
        ScramClient right("ann@example.org", "secret");
        CHECK(scram(client, right).starts_with("a NO [PRIVACYREQUIRED]"));
    }
    auto options = cheap_passwords();
    options.scram_in_clear = true;
    world.authenticator->set_options(options);
    Client client(world);
    CHECK(client.greeting.find(" AUTH=SCRAM-SHA-256 LOGINDISABLED") != std::string::npos);
    CHECK(client.ask("b AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("NO [PRIVACYREQUIRED]"));
    ScramClient right("ann@example.org", "secret");
    CHECK(scram(client, right).starts_with("a OK"));
}

TEST_CASE("RFC 9266, RFC 5929 4: within TLS SCRAM-SHA-256-PLUS binds to the exporter or the certificate", "[imap][sasl][tls]")
{
    const bool by_exporter = GENERATE(true, false);
    const bool is_right = GENERATE(true, false);
    World world;
    give_verifier(world);
    const auto made = net::make_self_signed({"imap.example.org"}, 30, world.random);
    REQUIRE(made);
    net::CertificateFiles files;
    files.certificate_path = world.folder.write("tls.crt", made->certificate_pem);
    files.key_path = world.folder.write("tls.key", made->key_pem, 0600);
    REQUIRE(world.tls.load({files}));
    test::MemoryPipe pipe;
    co::Scope scope;
    scope.spawn(world.server->serve(std::move(pipe.near), true));
    std::unique_ptr<net::ByteStream> stream;
    scope.spawn(shake(world.workers, std::move(pipe.far), stream));
    world.loop.run();
    REQUIRE(stream);
    std::string heard;
    scope.spawn(hear(*stream, heard));
    world.loop.run();
    CHECK(heard.find(" AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 ") != std::string::npos);
    const auto say = [&](const std::string& text) {
        heard.clear();
        scope.spawn(tell(*stream, text + "\r\n"));
        world.loop.run();
        return heard;
    };
    // A man in the middle who hides -PLUS is found out.
    CHECK(say("x AUTHENTICATE SCRAM-SHA-256 " + encode_base64("y,,n=ann@example.org,r=abc"))
              .starts_with("x NO [AUTHENTICATIONFAILED] channel binding"));
    ScramClient client("ann@example.org", "secret");
    client.gs2_header = by_exporter ? "p=tls-exporter,," : "p=tls-server-end-point,,";
    client.binding = stream->channel_binding(by_exporter ? net::ChannelBinding::tls_exporter
                                                         : net::ChannelBinding::tls_server_end_point);
    CHECK(client.binding.size() == 32);
    if (!is_right) client.binding.front() = static_cast<char>(client.binding.front() ^ 1);
    const auto first = challenge(say("a AUTHENTICATE SCRAM-SHA-256-PLUS " + encode_base64(client.first())));
    const auto last = say(encode_base64(client.final(first)));
    if (is_right) {
        CHECK(challenge(last) == client.expected_signature());
        CHECK(say("").starts_with("a OK [CAPABILITY"));
    } else {
        CHECK(last.starts_with("a NO [AUTHENTICATIONFAILED] channel binding"));
    }
    stream->close();
    world.loop.run();
}

TEST_CASE("RFC 7628 3.2: AUTH=OAUTHBEARER and AUTH=XOAUTH2 are there when somebody verifies tokens", "[imap][sasl][oauth]")
{
    World world({test_options()}, 2);
    {
        Client client(world);
        CHECK(client.greeting.find("OAUTH") == std::string::npos);
        CHECK(client.ask("a AUTHENTICATE OAUTHBEARER " + bearer("ann@example.org", "good")).starts_with("NO [CANNOT]"));
    }
    OneToken verifier;
    world.authenticator->set_token_verifier(&verifier);
    {
        Client client(world);
        CHECK(client.greeting.find(" AUTH=OAUTHBEARER AUTH=XOAUTH2") != std::string::npos);
        CHECK(client.ask("a AUTHENTICATE OAUTHBEARER " + bearer("ann@example.org", "good")).starts_with("OK [CAPABILITY"));
    }
    {
        Client client(world);
        CHECK(client.say("a AUTHENTICATE XOAUTH2\r\n") == "+ \r\n");
        CHECK(client.ask(encode_base64("user=ann@example.org\1auth=Bearer good\1\1")).starts_with("a OK [CAPABILITY"));
    }
    Client client(world);
    const auto refused = challenge(client.say("a AUTHENTICATE OAUTHBEARER " + bearer("ann@example.org", "stale") + "\r\n"));
    CHECK(refused == R"({"status":"invalid_token","scope":"mail","openid-configuration":"https://login.example.org/.well-known"})");
    CHECK(client.say("AQ==\r\n").starts_with("a NO [AUTHENTICATIONFAILED]"));
    CHECK(challenge(client.say("b AUTHENTICATE XOAUTH2 " + encode_base64("user=ann@example.org\1auth=Bearer stale\1\1") +
                               "\r\n")) == R"({"status":"401","schemes":"bearer","scope":"mail"})");
    CHECK(client.say("\r\n").starts_with("b NO [AUTHENTICATIONFAILED]"));
    CHECK(challenge(client.say("c AUTHENTICATE OAUTHBEARER " + bearer("ann@example.org", "bobs") + "\r\n")).starts_with("{"));
    CHECK(client.say("*\r\n").starts_with("c NO [AUTHENTICATIONFAILED]"));
    CHECK(client.ask("d AUTHENTICATE OAUTHBEARER " + bearer("ann@example.org", "later")).starts_with("NO [UNAVAILABLE]"));
    CHECK(client.ask("e AUTHENTICATE OAUTHBEARER " + encode_base64("n,,\1auth=Basic x\1\1")).starts_with("BAD"));
    world.authenticator->set_token_verifier(nullptr);
}
