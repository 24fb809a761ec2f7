#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

TEST_CASE("RFC 9051 7.1: the greeting and CAPABILITY name what is offered before log-in", "[imap][session]")
{
    World world;
    Client client(world);
    CHECK(client.greeting.starts_with("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ "));
    CHECK(client.greeting.find("AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN] imap.example.org ready\r\n") != std::string::npos);
    const auto answer = client.say("a CAPABILITY\r\n");
    CHECK(answer.starts_with("* CAPABILITY IMAP4rev1"));
    CHECK(answer.ends_with("a OK CAPABILITY completed\r\n"));
    CHECK(client.say("b logout\r\n") == "* BYE logging out\r\nb OK LOGOUT completed\r\n");
    CHECK(client.is_over());
}

TEST_CASE("B3: in clear LOGIN and AUTHENTICATE are refused and LOGINDISABLED stands", "[imap][session][B3]")
{
    auto options = test_options();
    options.plaintext_login_networks.clear();
    World world(options);
    Client client(world);
    CHECK(client.greeting.find(" LOGINDISABLED]") != std::string::npos);
    CHECK(client.greeting.find("AUTH=") == std::string::npos);
    CHECK(client.ask("a LOGIN ann@example.org secret").starts_with("NO [PRIVACYREQUIRED]"));
    CHECK(client.ask("b AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("NO [PRIVACYREQUIRED]"));
    CHECK(client.ask("c SELECT INBOX").starts_with("BAD"));
}

TEST_CASE("RFC 9051 6.2.2: AUTHENTICATE takes PLAIN and LOGIN, with and without initial response", "[imap][session]")
{
    World world;
    Client first(world);
    CHECK(first.ask("a AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("OK [CAPABILITY"));
    Client second(world);
    CHECK(second.say("a authenticate plain\r\n") == "+ \r\n");
    CHECK(second.say("*\r\n").starts_with("a BAD"));
    CHECK(second.say("b AUTHENTICATE PLAIN\r\n") == "+ \r\n");
    CHECK(second.say("AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n").starts_with("b OK [CAPABILITY"));
    Client third(world);
    // CLIENTS: the challenges of LOGIN are not empty (Outlook).
    CHECK(third.say("a AUTHENTICATE LOGIN\r\n") == "+ VXNlcm5hbWU6\r\n");
    CHECK(third.say("YW5uQGV4YW1wbGUub3Jn\r\n") == "+ UGFzc3dvcmQ6\r\n");
    CHECK(third.say("c2VjcmV0\r\n").starts_with("a OK [CAPABILITY"));
    Client fourth(world);
    CHECK(fourth.ask("a AUTHENTICATE PLAIN !!!").starts_with("BAD"));
    CHECK(fourth.ask("a AUTHENTICATE GSSAPI").starts_with("NO [CANNOT]"));
    CHECK(fourth.ask("a LOGIN ann@example.org wrong").starts_with("NO [AUTHENTICATIONFAILED]"));
    CHECK(fourth.ask("a LOGIN nobody@example.org secret").starts_with("NO [AUTHENTICATIONFAILED]"));
    CHECK(fourth.ask("a LOGIN {15}\r\nann@example.org {6}\r\nsecret").find("OK [CAPABILITY") != std::string::npos);
    CHECK(fourth.ask("b LOGIN ann@example.org secret").starts_with("BAD"));
}

TEST_CASE("B9: an HTTP request as the first line closes at once, without a word", "[imap][session][B9]")
{
    World world;
    Client client(world);
    CHECK(client.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n").empty());
    CHECK(client.is_over());
    Client other(world);
    CHECK(other.say("POST /autodiscover HTTP/1.0\r\n").empty());
    CHECK(other.is_over());
}

TEST_CASE("E1: literals before log-in are judged before they are read or asked for", "[imap][session][E1]")
{
    World world;
    struct Row {
        std::string text;
        bool ends;
    };
    const auto row = GENERATE(values<Row>({
        {"a LOGIN {4294967295}\r\n", false},
        {"a LOGIN {2000000000+}\r\n", true},
        {"a LOGIN {4097}\r\n", false},
        {"a LOGIN {4097+}\r\n", true},
        {"a LOGIN {18446744073709551616+}\r\n", true},
        {"a APPEND INBOX {5000+}\r\n", true},
    }));
    CAPTURE(row.text);
    Client client(world);
    CHECK(client.say(row.text).starts_with("a BAD [TOOBIG]"));
    CHECK(client.is_over() == row.ends);
    if (!row.ends) CHECK(client.ask("b NOOP") == "OK NOOP completed\r\n");
}

TEST_CASE("E1: all literals of one command before log-in together have a bound", "[imap][session][E1]")
{
    World world;
    Client client(world);
    std::string text = "a LOGIN";
    for (int i = 0; i < 17; ++i) text += " {4000+}\r\n" + std::string(4000, 'x');
    const auto answer = client.say(text + "\r\n");
    CHECK(answer.find("a BAD [TOOBIG]") != std::string::npos);
    CHECK(client.is_over());
}

TEST_CASE("E16: floods of empty lines, long lines and half commands end the session", "[imap][session][E16]")
{
    World world;
    {
        Client client(world);
        std::string lines;
        for (int i = 0; i < 20; ++i) lines += "\r\n";
        CHECK(client.say(lines).ends_with("* BYE too many bad commands\r\n"));
        CHECK(client.is_over());
    }
    {
        Client client(world);
        const auto answer = client.say(std::string(1'000'000, 'a'));
        CHECK(answer == "* BAD [TOOBIG] line too long\r\n* BYE line too long\r\n");
        CHECK(client.is_over());
    }
    {
        Client client(world);
        CHECK(client.say("a LOG").empty());
        client.expire();
        CHECK(client.heard() == "* BYE log-in took too long\r\n");
        CHECK(client.is_over());
    }
    {
        Client client(world);
        CHECK(client.ask("+ NOOP").starts_with("* BAD"));
        CHECK(client.ask("* NOOP").starts_with("BAD"));
        CHECK(client.ask("a STARTTLS").starts_with("BAD"));
    }
}

TEST_CASE("RFC 9051 5.4: a session that is idle for too long is told so and ended", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.expire();
    CHECK(client.heard() == "* BYE autologout; idle for too long\r\n");
    CHECK(client.is_over());
}

TEST_CASE("a changed password ends live sessions", "[imap][session]")
{
    World world;
    world.directory->on_change([&world] { world.sessions.end_outdated(*world.directory->snapshot()); });
    Client client(world);
    client.log_in();
    CHECK(world.sessions.count("imap") == 1);
    auto hash = test::run_on(world.loop, world.authenticator->hash_password("other"));
    directory::AccountChange change;
    change.password_hash = *hash;
    (void)test::run_on(world.loop, world.directory->set_account("ann@example.org", std::move(change)));
    (void)client.heard();
    CHECK(client.is_over());
    CHECK(world.sessions.count("imap") == 0);
}

TEST_CASE("too many connections of one account are refused at log-in", "[imap][session]")
{
    auto options = test_options();
    options.max_sessions_per_account = 1;
    World world(options);
    Client first(world);
    first.log_in();
    Client second(world);
    CHECK(second.ask("a LOGIN ann@example.org secret").starts_with("NO [LIMIT]"));
}

namespace {

co::Task<void> read_on(net::ByteStream& stream, std::string& into)
{
    std::string chunk(4096, '\0');
    while (true) {
        const auto got = co_await stream.read_some(chunk, net::Deadline::never());
        if (!got || *got == 0) co_return;
        into += chunk.substr(0, *got);
    }
}
co::Task<void> say_on(net::ByteStream& stream, std::string text)
{
    (void)co_await stream.write(text, net::Deadline::never());
}
co::Task<void> shake_hands(net::Workers& workers, std::unique_ptr<net::ByteStream> plain,
                           std::unique_ptr<net::ByteStream>& into)
{
    net::TlsClientOptions options;
    options.server_name = "imap.example.org";
    options.alpn.emplace_back("imap");
    auto made = co_await net::connect_tls(workers, std::move(plain), std::move(options), net::Deadline::never());
    REQUIRE(made);
    into = std::move(*made);
}

void load_certificate(World& world)
{
    const auto made = net::make_self_signed({"imap.example.org"}, 30, world.random);
    REQUIRE(made);
    net::CertificateFiles files;
    files.certificate_path = world.folder.write("tls.crt", made->certificate_pem);
    files.key_path = world.folder.write("tls.key", made->key_pem, 0600);
    REQUIRE(world.tls.load({files}));
}

}  // namespace

TEST_CASE("B1: what comes in clear behind STARTTLS is dropped, never executed inside TLS", "[imap][session][B1][B3]")
{
    auto options = test_options();
    options.plaintext_login_networks.clear();
    World world(options);
    load_certificate(world);
    test::MemoryPipe pipe;
    co::Scope scope;
    scope.spawn(world.server->serve(std::move(pipe.near), false));
    auto* plain = pipe.far.get();
    std::string clear(4096, '\0');
    const auto greeting = test::run_ready(plain->read_some(clear, net::Deadline::never()));
    REQUIRE(greeting);
    CHECK(clear.substr(0, *greeting).find(" STARTTLS LOGINDISABLED]") != std::string::npos);
    scope.spawn(say_on(*plain, "a STARTTLS\r\nb LOGIN ann@example.org secret\r\nc CAPABILITY\r\n"));
    const auto begin = test::run_ready(plain->read_some(clear, net::Deadline::never()));
    REQUIRE(begin);
    CHECK(clear.substr(0, *begin) == "a OK begin TLS negotiation now\r\n");

    std::unique_ptr<net::ByteStream> secure;
    scope.spawn(shake_hands(world.workers, std::move(pipe.far), secure));
    world.loop.run();
    REQUIRE(secure);
    std::string heard;
    scope.spawn(read_on(*secure, heard));
    world.loop.run();
    CHECK(heard.empty());
    scope.spawn(say_on(*secure, "d CAPABILITY\r\n"));
    world.loop.run();
    CHECK(heard.find("STARTTLS") == std::string::npos);
    CHECK(heard.find("AUTH=PLAIN") != std::string::npos);
    CHECK(heard.find("b OK") == std::string::npos);
    scope.spawn(say_on(*secure, "e SELECT INBOX\r\nf STARTTLS\r\ng LOGIN ann@example.org secret\r\nh LOGOUT\r\n"));
    world.loop.run();
    CHECK(heard.find("e BAD") != std::string::npos);
    CHECK(heard.find("f BAD") != std::string::npos);
    CHECK(heard.find("g OK [CAPABILITY") != std::string::npos);
    CHECK(heard.ends_with("h OK LOGOUT completed\r\n"));
    secure->close();
    world.loop.run();
}
