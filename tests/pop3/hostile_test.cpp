// Locks, limits, time-outs, and clients that mean ill.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "pop3/world.hpp"

using namespace mbx;
using namespace mbx::pop3;

TEST_CASE("E20: without QUIT nothing is removed: lost connection, time-out, stop, errors", "[pop3][session][E20]")
{
    const auto end = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(end);
    World world;
    world.deliver(message("m"));
    Client client(world);
    client.log_in();
    CHECK(client.ask("DELE 1").starts_with("+OK"));
    switch (end) {
    case 0: client.vanish(); break;
    case 1: client.expire(); break;
    case 2: world.server->stop(); break;
    case 3: CHECK(client.say(std::string(1000, 'x')) == "-ERR line too long\r\n"); break;
    default:
        for (int i = 0; i < 60 && !client.is_over(); ++i) (void)client.ask("RETR 5");
        break;
    }
    // RFC 1939 section 3: a time-out is not announced.
    const auto heard = client.heard();
    CHECK(heard.empty());
    CHECK(client.is_over());
    CHECK(world.inbox().size() == 1);
    CHECK(world.sessions.count("pop3") == 0);
}

TEST_CASE("E20: numbers out of range are refused by every command", "[pop3][session][E20]")
{
    World world;
    world.deliver(message("m"));
    Client client(world);
    client.log_in();
    for (const auto* verb : {"RETR", "DELE", "LIST", "UIDL"}) {
        for (const auto* number : {"0", "2", "-1", "4294967297", "18446744073709551617", "1 1", "x"}) {
            CAPTURE(verb, number);
            CHECK(client.ask(std::string(verb) + " " + number).starts_with("-ERR"));
            CHECK(client.ask("NOOP").starts_with("+OK"));  // errors count in a row only
        }
    }
    CHECK(client.ask("TOP 1 99999999999999999999").ends_with("Hello\r\n.\r\n"));
}

TEST_CASE("E20: RFC 1939 4: a second session is told IN-USE until the first one has ended", "[pop3][session][E20]")
{
    const auto how = GENERATE(0, 1, 2);
    CAPTURE(how);
    World world;
    world.add_account("bob@example.org");
    Client first(world);
    first.log_in();
    Client second(world);
    CHECK(second.say("USER ann@example.org\r\nPASS secret\r\n").ends_with(
        "-ERR [IN-USE] another session has the maildrop; try again later\r\n"));
    {
        Client other(world);
        CHECK(other.say("USER bob@example.org\r\nPASS secret\r\n").ends_with("+OK 0 messages (0 octets)\r\n"));
    }
    if (how == 0) (void)first.ask("QUIT");
    if (how == 1) first.vanish();
    if (how == 2) first.expire();
    (void)first.heard();
    second.log_in();
    CHECK(world.sessions.count("pop3") == 1);
}

TEST_CASE("RFC 1939 6: what could not be removed is told, and is there afterwards", "[pop3][session]")
{
    World world;
    world.deliver(message("a"));
    world.deliver(message("b"));
    {
        Client client(world);
        client.log_in();
        CHECK(client.ask("DELE 1").starts_with("+OK"));
        world.files.only_renames_of("/new/");
        world.files.fail_at(1, EIO);
        CHECK(client.ask("QUIT") == "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
        CHECK(client.is_over());
        world.files.heal();
    }
    CHECK(world.inbox().size() == 2);
    Client again(world);
    again.log_in();
    CHECK(again.ask("STAT").starts_with("+OK 2 "));
}

TEST_CASE("RFC 2449 4: a line of 255 octets is taken, a longer one ends the session", "[pop3][session][A8]")
{
    World world;
    {
        Client client(world);
        CHECK(client.say("USER " + std::string(248, 'a') + "\r\n").starts_with("+OK"));  // 255 with CRLF
        CHECK(client.say("USER " + std::string(250, 'a') + "\r\n").starts_with("+OK"));
        CHECK(client.say("USER " + std::string(251, 'a') + "\r\n") == "-ERR line too long\r\n");
        CHECK(client.is_over());
    }
    Client client(world);
    CHECK(client.say(std::string(1'000'000, 'a')) == "-ERR line too long\r\n");
    CHECK(client.is_over());
}

TEST_CASE("E16: floods of empty lines and half commands end the session before log-in", "[pop3][session][E16]")
{
    World world;
    {
        Client client(world);
        std::string lines;
        for (int i = 0; i < 20; ++i) lines += "\r\n";
        CHECK(client.say(lines).ends_with("-ERR too many bad commands\r\n"));
        CHECK(client.is_over());
    }
    {
        Client client(world);
        CHECK(client.say("USER an").empty());
        client.expire();
        CHECK(client.heard().empty());
        CHECK(client.is_over());
    }
    Client client(world);
    for (int i = 0; i < 9; ++i) CHECK(client.say("USER ann@example.org\r\nPASS wrong\r\n").ends_with("password\r\n"));
    CHECK(client.say("USER ann@example.org\r\nPASS wrong\r\n").ends_with("-ERR too many bad commands\r\n"));
    CHECK(client.is_over());
}

TEST_CASE("B3: RFC 8314 4: in clear USER and AUTH are refused and CAPA does not offer them", "[pop3][session][B3]")
{
    auto options = test_options();
    options.plaintext_login_networks.clear();
    World world(options);
    Client client(world);
    CHECK(client.ask("CAPA").find("USER\r\nSASL") == std::string::npos);
    CHECK(client.ask("USER ann@example.org").starts_with("-ERR [AUTH]"));
    CHECK(client.ask("PASS secret").starts_with("-ERR"));
    CHECK(client.ask("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("-ERR [AUTH]"));
    CHECK(client.ask("AUTH") == "+OK mechanisms:\r\n.\r\n");
    CHECK(client.ask("STLS") == "-ERR TLS is not available\r\n");
}

TEST_CASE("B9: an HTTP request as the first line closes at once, without a word", "[pop3][session][B9]")
{
    World world;
    Client client(world);
    CHECK(client.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n").empty());
    CHECK(client.is_over());
}

TEST_CASE("J2: an unknown name is answered like a wrong password", "[pop3][session][J2]")
{
    World world;
    Client client(world);
    const auto known = client.say("USER ann@example.org\r\nPASS wrong\r\n");
    CHECK(client.say("USER nobody@example.org\r\nPASS wrong\r\n") == known);
}

TEST_CASE("a changed password ends live sessions", "[pop3][session]")
{
    World world;
    world.directory->on_change([&world] { world.sessions.end_outdated(*world.directory->snapshot()); });
    Client client(world);
    client.log_in();
    CHECK(world.sessions.count("pop3") == 1);
    auto hash = test::run_on(world.loop, world.authenticator->hash_password("other"));
    directory::AccountChange change;
    change.password_hash = *hash;
    (void)test::run_on(world.loop, world.directory->set_account("ann@example.org", std::move(change)));
    (void)client.heard();
    CHECK(client.is_over());
    CHECK(world.sessions.count("pop3") == 0);
}

TEST_CASE("B7: a session whose client vanishes ends, in every state", "[pop3][session][B7]")
{
    World world;
    world.deliver(message("m"));
    for (const auto* script : {"", "USER a", "AUTH LOGIN\r\n", "USER ann@example.org\r\nPASS secret\r\nRETR",
                               "USER ann@example.org\r\nPASS secret\r\nRETR 1\r\n"}) {
        CAPTURE(script);
        Client client(world);
        (void)client.say(script);
        client.vanish();
        CHECK(client.is_over());
    }
    CHECK(world.sessions.count("pop3") == 0);
}

TEST_CASE("E5: a client that does not read holds its own session only, until the deadline", "[pop3][session][E5]")
{
    World world;
    world.add_account("bob@example.org");
    world.deliver(message("big", std::string(3'000'000, 'x') + "\r\n"));
    test::MemoryPipe pipe(4096, 4096);
    auto* near = pipe.near.get();
    co::Scope scope;
    scope.spawn(world.server->serve(std::move(pipe.near), false));
    world.loop.run();
    (void)test::run_ready(pipe.far->write("USER ann@example.org\r\nPASS secret\r\nRETR 1\r\n", net::Deadline::never()));
    world.loop.run();
    CHECK(near->is_writing());
    {
        Client other(world);
        CHECK(other.say("USER bob@example.org\r\nPASS secret\r\n").ends_with("octets)\r\n"));
    }
    CHECK(scope.running() == 1);
    CHECK(near->expire_write());
    world.loop.run();
    CHECK(scope.running() == 0);
    // It was not given whole.
    CHECK(world.inbox()[0].flags.system == 0);
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
    options.server_name = "pop.example.org";
    options.alpn.emplace_back("pop3");
    auto made = co_await net::connect_tls(workers, std::move(plain), std::move(options), net::Deadline::never());
    REQUIRE(made);
    into = std::move(*made);
}

}  // namespace

TEST_CASE("B1: what comes in clear behind STLS is dropped, never executed inside TLS", "[pop3][session][B1][B3]")
{
    auto options = test_options();
    options.plaintext_login_networks.clear();
    World world(options);
    const auto made = net::make_self_signed({"pop.example.org"}, 30, world.random);
    REQUIRE(made);
    net::CertificateFiles files;
    files.certificate_path = world.folder.write("tls.crt", made->certificate_pem);
    files.key_path = world.folder.write("tls.key", made->key_pem, 0600);
    REQUIRE(world.tls.load({files}));
    test::MemoryPipe pipe;
    co::Scope scope;
    scope.spawn(world.server->serve(std::move(pipe.near), false));
    auto* plain = pipe.far.get();
    scope.spawn(say_on(*plain, "UTF8\r\nCAPA\r\n"));
    world.loop.run();
    std::string clear(4096, '\0');
    const auto first = test::run_ready(plain->read_some(clear, net::Deadline::never()));
    REQUIRE(first);
    CHECK(clear.substr(0, *first).find("\r\nSTLS\r\n") != std::string::npos);
    CHECK(clear.substr(0, *first).find("\r\nUSER\r\n") == std::string::npos);
    scope.spawn(say_on(*plain, "STLS\r\nUSER ann@example.org\r\nPASS secret\r\nCAPA\r\n"));
    const auto begin = test::run_ready(plain->read_some(clear, net::Deadline::never()));
    REQUIRE(begin);
    CHECK(clear.substr(0, *begin) == "+OK begin TLS negotiation\r\n");

    std::unique_ptr<net::ByteStream> secure;
    scope.spawn(shake_hands(world.workers, std::move(pipe.far), secure));
    world.loop.run();
    REQUIRE(secure);
    std::string heard;
    scope.spawn(read_on(*secure, heard));
    world.loop.run();
    CHECK(heard.empty());
    scope.spawn(say_on(*secure, "STAT\r\nPASS secret\r\nCAPA\r\nSTLS\r\n"));
    world.loop.run();
    CHECK(heard.starts_with("-ERR log in first\r\n-ERR USER comes first\r\n+OK what"));
    CHECK(heard.find("\r\nUSER\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n") != std::string::npos);
    CHECK(heard.find("\r\nSTLS\r\n") == std::string::npos);
    CHECK(heard.ends_with("-ERR TLS is active already\r\n"));
    heard.clear();
    scope.spawn(say_on(*secure, "USER ann@example.org\r\nPASS secret\r\nQUIT\r\n"));
    world.loop.run();
    CHECK(heard == "+OK now the password\r\n+OK 0 messages (0 octets)\r\n+OK bye\r\n");
    secure->close();
    world.loop.run();
    CHECK(scope.running() == 0);
}

TEST_CASE("when the server stops, a session that waits ends without a word and commands that have come are answered",
          "[pop3][session]")
{
    World world;
    Client waiting(world);
    waiting.log_in();
    world.server->stop();
    CHECK(waiting.heard().empty());
    CHECK(waiting.is_over());
    Client late(world);
    CHECK(late.is_over());
}
