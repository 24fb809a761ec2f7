// Dialogues, command by command (RFC 1939 and its extensions).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/codec.hpp"
#include "pop3/world.hpp"
#include "support/scram_client.hpp"

using namespace mbx;
using namespace mbx::pop3;

namespace {

std::string octets(const std::string& text) { return std::to_string(text.size()); }

}  // namespace

TEST_CASE("RFC 1939 4: a greeting, USER, PASS, QUIT", "[pop3][session]")
{
    World world;
    Client client(world);
    CHECK(client.greeting == "+OK pop.example.org ready\r\n");
    CHECK(client.ask("PASS secret") == "-ERR USER comes first\r\n");
    CHECK(client.ask("USER ann@example.org") == "+OK now the password\r\n");
    CHECK(client.ask("PASS wrong") == "-ERR [AUTH] wrong user name or password\r\n");
    CHECK(client.ask("user ANN@example.org") == "+OK now the password\r\n");
    CHECK(client.ask("pass secret") == "+OK 0 messages (0 octets)\r\n");
    CHECK(client.ask("USER ann@example.org").starts_with("-ERR"));
    CHECK(client.ask("QUIT") == "+OK bye\r\n");
    CHECK(client.is_over());
    Client other(world);
    CHECK(other.ask("QUIT") == "+OK bye\r\n");
    CHECK(other.is_over());
}

TEST_CASE("RFC 1939 5: STAT, LIST, RETR, DELE, RSET, NOOP", "[pop3][session]")
{
    World world;
    const auto one = message("one");
    const auto two = message("two", "..\r\n.\r\nend");
    world.deliver(one);
    world.deliver(two);
    Client client(world);
    CHECK(client.ask("STAT") == "-ERR log in first\r\n");
    client.log_in();
    CHECK(client.ask("STAT") == "+OK 2 " + std::to_string(one.size() + two.size()) + "\r\n");
    CHECK(client.ask("LIST") == "+OK 2 messages (" + std::to_string(one.size() + two.size()) + " octets)\r\n1 " + octets(one) +
                                    "\r\n2 " + octets(two) + "\r\n.\r\n");
    CHECK(client.ask("LIST 2") == "+OK 2 " + octets(two) + "\r\n");
    CHECK(client.ask("RETR 1") == "+OK " + octets(one) + " octets\r\n" + one + ".\r\n");
    CHECK(client.ask("RETR 2").ends_with("\r\n\r\n...\r\n..\r\nend\r\n.\r\n"));
    CHECK(client.ask("DELE 1") == "+OK message 1 goes at QUIT\r\n");
    CHECK(client.ask("DELE 1").starts_with("-ERR"));
    CHECK(client.ask("RETR 1").starts_with("-ERR"));
    CHECK(client.ask("LIST 1").starts_with("-ERR"));
    CHECK(client.ask("STAT") == "+OK 1 " + octets(two) + "\r\n");
    CHECK(client.ask("LIST") == "+OK 1 messages (" + octets(two) + " octets)\r\n2 " + octets(two) + "\r\n.\r\n");
    CHECK(client.ask("NOOP") == "+OK nothing done\r\n");
    CHECK(client.ask("RSET").starts_with("+OK 2 messages"));
    CHECK(client.ask("DELE 2").starts_with("+OK"));
    CHECK(client.ask("QUIT") == "+OK bye\r\n");
    const auto left = world.inbox();
    REQUIRE(left.size() == 1);
    CHECK(left[0].uid == 1);
}

TEST_CASE("RFC 1939 7: TOP gives the header and so many lines, UIDL what stays the same over sessions", "[pop3][session]")
{
    World world;
    const auto one = message("one", "a\r\n.b\r\nc\r\n");
    world.deliver(one);
    world.deliver(message("two"));
    const auto header = one.substr(0, one.find("\r\n\r\n") + 4);
    std::string ids;
    {
        Client client(world);
        client.log_in();
        CHECK(client.ask("TOP 1 0") == "+OK the top follows\r\n" + header + ".\r\n");
        CHECK(client.ask("TOP 1 2") == "+OK the top follows\r\n" + header + "a\r\n..b\r\n.\r\n");
        CHECK(client.ask("TOP 1 1000000") == "+OK the top follows\r\n" + header + "a\r\n..b\r\nc\r\n.\r\n");
        CHECK(client.ask("TOP 3 1").starts_with("-ERR"));
        ids = client.ask("UIDL");
        CHECK(ids.starts_with("+OK unique ids:\r\n1 00000001"));
        CHECK(client.ask("UIDL 2").starts_with("+OK 2 00000002"));
        CHECK(client.ask("UIDL 3").starts_with("-ERR"));
        CHECK(client.ask("DELE 1").starts_with("+OK"));
        CHECK(client.ask("UIDL").find("\r\n1 ") == std::string::npos);
        CHECK(client.ask("QUIT").starts_with("+OK"));
    }
    Client client(world);
    client.log_in();
    const auto second = ids.substr(ids.find("\r\n2 ") + 4, 16);
    CHECK(client.ask("UIDL") == "+OK unique ids:\r\n1 " + second + "\r\n.\r\n");
}

TEST_CASE("RFC 2449 5: CAPA tells what is offered, before log-in and after", "[pop3][session]")
{
    World world;
    Client client(world);
    const std::string always = "+OK what this server can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
                               "EXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\nUSER\r\nSASL SCRAM-SHA-256 PLAIN LOGIN\r\nIMPLEMENTATION mailboxd\r\n.\r\n";
    CHECK(client.ask("CAPA") == always);
    client.log_in();
    CHECK(client.ask("CAPA") == always);
}

TEST_CASE("RFC 5034 4: AUTH takes PLAIN and LOGIN, with and without initial response", "[pop3][session]")
{
    World world;
    {
        Client client(world);
        CHECK(client.ask("AUTH") == "+OK mechanisms:\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\n.\r\n");
        CHECK(client.ask("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("+OK 0 messages"));
        CHECK(client.ask("AUTH PLAIN").starts_with("-ERR"));
    }
    {
        Client client(world);
        CHECK(client.ask("AUTH plain") == "+ \r\n");
        CHECK(client.ask("*") == "-ERR authentication cancelled\r\n");
        CHECK(client.ask("AUTH PLAIN") == "+ \r\n");
        CHECK(client.ask("AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("+OK 0 messages"));
    }
    {
        Client client(world);
        CHECK(client.ask("AUTH LOGIN") == "+ VXNlcm5hbWU6\r\n");
        CHECK(client.ask("YW5uQGV4YW1wbGUub3Jn") == "+ UGFzc3dvcmQ6\r\n");
        CHECK(client.ask("c2VjcmV0").starts_with("+OK 0 messages"));
    }
    Client client(world);
    CHECK(client.ask("AUTH GSSAPI").starts_with("-ERR"));
    CHECK(client.ask("AUTH PLAIN !!!").starts_with("-ERR"));
    CHECK(client.ask("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==").starts_with("-ERR [AUTH]"));
    CHECK(client.ask("AUTH PLAIN Ym9iAGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("-ERR [AUTH]"));
}

TEST_CASE("C10: a SASL response longer than any can be ends the session", "[pop3][session][C10]")
{
    World world;
    Client client(world);
    CHECK(client.ask("AUTH PLAIN") == "+ \r\n");
    CHECK(client.say(std::string(20'000, 'A')) == "-ERR line too long\r\n");
    CHECK(client.is_over());
}

TEST_CASE("RFC 6856 2: without UTF8 a message in UTF-8 has a header in ASCII, with it the stored bytes", "[pop3][session]")
{
    World world;
    const auto sent = message("Привет");
    world.deliver(sent);
    {
        Client client(world);
        client.log_in();
        const auto got = client.ask("RETR 1");
        CHECK(got.find("Subject: =?") != std::string::npos);
        CHECK(got.ends_with("\r\n\r\nHello\r\n.\r\n"));
        CHECK(client.ask("TOP 1 0").find("Subject: =?") != std::string::npos);
        CHECK(client.ask("UTF8").starts_with("-ERR"));
        CHECK(client.ask("QUIT").starts_with("+OK"));
    }
    Client client(world);
    CHECK(client.ask("UTF8").starts_with("+OK"));
    client.log_in();
    CHECK(client.ask("RETR 1") == "+OK " + octets(sent) + " octets\r\n" + sent + ".\r\n");
    CHECK(client.ask("TOP 1 0").find("Subject: Привет\r\n") != std::string::npos);
}

TEST_CASE("RFC 6856 3: LANG lists and takes English, and nothing else", "[pop3][session]")
{
    World world;
    Client client(world);
    CHECK(client.ask("LANG") == "+OK languages:\r\nen English\r\n.\r\n");
    CHECK(client.ask("LANG en").starts_with("+OK en "));
    CHECK(client.ask("LANG *").starts_with("+OK en "));
    client.log_in();
    CHECK(client.ask("LANG en-GB").starts_with("+OK en "));
    CHECK(client.ask("LANG MUL").starts_with("-ERR"));
}

TEST_CASE("A5: RFC 2449 6.6: a session answers the same however the bytes arrive", "[pop3][session][A5]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{65536});
    CAPTURE(piece);
    World world;
    const auto one = message("one", ".\r\n");
    world.deliver(one);
    Client client(world, piece);
    const auto got = client.say("CAPA\r\nUSER ann@example.org\r\nPASS secret\r\nSTAT\r\nUIDL\r\nRETR 1\r\nDELE 1\r\nQUIT\r\nSTAT\r\n");
    CHECK(got.find("\r\n+OK 1 " + octets(one) + "\r\n+OK unique ids:\r\n1 0") != std::string::npos);
    CHECK(got.ends_with("\r\n\r\n..\r\n.\r\n+OK message 1 goes at QUIT\r\n+OK bye\r\n"));
    CHECK(client.is_over());
    CHECK(world.inbox().empty());
}

TEST_CASE("what RETR gave is seen in IMAP afterwards, what TOP gave is not, with and without QUIT", "[pop3][session]")
{
    World world;
    for (int i = 0; i < 3; ++i) world.deliver(message("m"));
    {
        Client client(world);
        client.log_in();
        CHECK(client.ask("RETR 1").starts_with("+OK"));
        CHECK(client.ask("TOP 2 1000").starts_with("+OK"));
        CHECK(client.ask("QUIT").starts_with("+OK"));
    }
    auto rows = world.inbox();
    CHECK(rows[0].flags.system == store::kSeen);
    CHECK(rows[1].flags.system == 0);
    {
        Client client(world);
        client.log_in();
        CHECK(client.ask("RETR 3").starts_with("+OK"));
        CHECK(client.ask("DELE 3").starts_with("+OK"));
        client.vanish();
    }
    rows = world.inbox();
    REQUIRE(rows.size() == 3);
    CHECK(rows[2].flags.system == store::kSeen);
}

TEST_CASE("pop3.mark_seen = never leaves the flags alone", "[pop3][session]")
{
    auto options = test_options();
    options.marks_seen = false;
    World world(options);
    world.deliver(message("m"));
    Client client(world);
    client.log_in();
    CHECK(client.ask("RETR 1").starts_with("+OK"));
    CHECK(client.ask("QUIT").starts_with("+OK"));
    CHECK(world.inbox()[0].flags.system == 0);
}

TEST_CASE("RFC 1939 4: what arrives or goes meanwhile does not change the numbers", "[pop3][session]")
{
    World world;
    for (int i = 0; i < 3; ++i) world.deliver(message("m"));
    Client client(world);
    client.log_in();
    world.expunge(2);
    world.deliver(message("late"));
    CHECK(client.ask("STAT").starts_with("+OK 3 "));
    CHECK(client.ask("RETR 2") == "-ERR another session has removed this message\r\n");
    CHECK(client.ask("RETR 3").starts_with("+OK"));
    CHECK(client.ask("RETR 4").starts_with("-ERR"));
    CHECK(client.say("DELE 1\r\nDELE 2\r\nQUIT\r\n").ends_with("+OK bye\r\n"));
    const auto rows = world.inbox();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].uid == 3);
    CHECK(rows[1].uid == 4);
}

TEST_CASE("a message of many megabytes comes back as it was stored", "[pop3][session]")
{
    World world;
    std::string body;
    while (body.size() < 3'000'000) body += ".line " + std::to_string(body.size()) + "\r\n" + std::string(3000, 'x') + "\r\n";
    const auto sent = message("big", body);
    world.deliver(sent);
    Client client(world);
    client.log_in();
    auto got = client.ask("RETR 1");
    std::string back;
    back.reserve(got.size());
    std::string_view rest(got);
    rest.remove_prefix(rest.find("\r\n") + 2);
    for (auto end = rest.find("\r\n"); rest.substr(0, end) != "."; end = rest.find("\r\n")) {
        auto line = rest.substr(0, end + 2);
        rest.remove_prefix(end + 2);
        if (line.starts_with('.')) line.remove_prefix(1);
        back += line;
    }
    CHECK(back == sent);
    CHECK(rest == ".\r\n");
}

TEST_CASE("a maildrop of many slices is listed whole and removed whole", "[pop3][session]")
{
    World world;
    const auto one = message("m");
    store::Body body;
    body.bytes = std::make_shared<const std::string>(one);
    body.size = one.size();
    body.crc = store::crc32c(one);
    const auto fill = [&](store::AccountStore& mail) -> Result<std::vector<store::Uid>, store::StoreError> {
        store::Incoming incoming;
        incoming.internal_date = world.clock.wall();
        for (int i = 0; i < 1200; ++i) must(static_cast<bool>(mail.append(body, incoming)), "not appended");
        return std::vector<store::Uid>{};
    };
    must(static_cast<bool>(world.with_store(fill)), "not filled");
    Client client(world);
    client.log_in();
    CHECK(client.ask("STAT") == "+OK 1200 " + std::to_string(1200 * one.size()) + "\r\n");
    const auto list = client.ask("UIDL");
    CHECK(list.find("\r\n1200 000004B0") != std::string::npos);
    CHECK(list.ends_with("\r\n.\r\n"));
    std::string script;
    for (int i = 1; i <= 1200; ++i) {
        if (i != 700) script += "DELE " + std::to_string(i) + "\r\n";
    }
    CHECK(client.say(script + "QUIT\r\n").ends_with("+OK bye\r\n"));
    const auto left = world.inbox();
    REQUIRE(left.size() == 1);
    CHECK(left[0].uid == 700);
}

TEST_CASE("RFC 5034 4, RFC 7677 3: AUTH SCRAM-SHA-256 opens the maildrop", "[pop3][session][sasl]")
{
    World world;
    {
        // What SCRAM needs is stored by the first log-in with a password.
        Client client(world);
        client.log_in();
        CHECK(client.ask("QUIT") == "+OK bye\r\n");
    }
    Client client(world);
    test::ScramClient wrong("ann@example.org", "wrong");
    const auto said = client.ask("AUTH SCRAM-SHA-256 " + encode_base64(wrong.first()));
    const auto guess = wrong.final(test::ScramClient::decoded(said.substr(2, said.size() - 4)));
    CHECK(client.ask(encode_base64(guess)) == "-ERR [AUTH] wrong user name or password\r\n");
    test::ScramClient right("ann@example.org", "secret");
    CHECK(client.ask("AUTH SCRAM-SHA-256") == "+ \r\n");
    const auto first = client.ask(encode_base64(right.first()));
    const auto last = right.final(test::ScramClient::decoded(first.substr(2, first.size() - 4)));
    CHECK(client.ask(encode_base64(last)) == "+ " + encode_base64(right.expected_signature()) + "\r\n");
    CHECK(client.ask("") == "+OK 0 messages (0 octets)\r\n");
    CHECK(client.ask("QUIT") == "+OK bye\r\n");
}
