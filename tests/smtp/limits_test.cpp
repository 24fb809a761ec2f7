// Everything is bounded, and each bound has its answer.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <unistd.h>

#include "smtp/appliance.hpp"

namespace mbx::test {
namespace {

const std::string kEhlo = "EHLO c.example\r\n";
const std::string kToAnn = "MAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n";

std::string repeated(std::string_view text, std::size_t times)
{
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

std::size_t count(std::string_view text, std::string_view what)
{
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++found;
    return found;
}

TEST_CASE("A8: a megabyte without CRLF is answered 500 and the session ends", "[smtp][limits]")
{
    Appliance appliance;
    const std::string heard = appliance.talk(std::string(1U << 20U, 'x') + "\r\nQUIT\r\n");
    CHECK(heard == "220 mx.example.test ESMTP mailboxd\r\n500 5.5.2 line too long\r\n");
}

TEST_CASE("A8: a line over 512 octets is answered 500 and the session goes on", "[smtp][limits]")
{
    Appliance appliance;
    CHECK(appliance.talk("NOOP " + std::string(600, 'x') + "\r\nQUIT\r\n")
              .ends_with("500 5.5.2 line too long\r\n221 2.0.0 bye\r\n"));
}

TEST_CASE("A10: the log shows what was sent escaped", "[smtp][limits]")
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::string logged;
    {
        Appliance appliance({}, ends[1]);
        (void)appliance.talk("EHLO c.example\r\n\x1b[31mred\r\nMAIL FROM:<a@b.example\x07>\r\nNOOP \x9b\r\nQUIT\r\n");
    }
    ::close(ends[1]);
    char piece[4096];
    for (ssize_t got = ::read(ends[0], piece, sizeof piece); got > 0; got = ::read(ends[0], piece, sizeof piece)) {
        logged.append(piece, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    CHECK(logged.find("x1b[31mred") != std::string::npos);
    for (const char c : {'\x1b', '\x07', '\x9b', '\r'}) CHECK(logged.find(c) == std::string::npos);
}

TEST_CASE("C1: a hundred recipients are taken, those over the limit put off, and the others kept (RFC 5321 4.5.3.1.8)",
          "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_recipients = 100; });
    std::string script = kEhlo + "MAIL FROM:<>\r\n";
    for (int i = 0; i < 101; ++i) script += "RCPT TO:<ann+" + std::to_string(i) + "@example.test>\r\n";
    const std::string heard = appliance.talk(script + "DATA\r\nx\r\n.\r\nQUIT\r\n");
    CHECK(count(heard, "250 2.1.5 recipient accepted\r\n") == 100);
    CHECK(count(heard, "452 4.5.3 too many recipients\r\n") == 1);
    CHECK(heard.find("250 2.0.0 ID accepted") != std::string::npos);
    CHECK(appliance.inbox("ann").size() == 1);
}

TEST_CASE("C1: a hundred thousand RCPTs cost no more memory than the limit of them", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_recipients = 100; });
    const std::string heard =
        appliance.talk(kEhlo + "MAIL FROM:<>\r\n" + repeated("RCPT TO:<ann@example.test>\r\n", 100'000) + "QUIT\r\n");
    CHECK(count(heard, "452 4.5.3 too many recipients\r\n") == 99'900);
    CHECK(heard.ends_with("221 2.0.0 bye\r\n"));
}

TEST_CASE("C1: local parts and domains over their octets are refused", "[smtp][limits]")
{
    Appliance appliance;
    const std::string heard = appliance.talk(
        kEhlo + "MAIL FROM:<" + std::string(65, 'a') + "@b.example>\r\nMAIL FROM:<>\r\nRCPT TO:<" +
        std::string(65, 'a') + "@example.test>\r\nRCPT TO:<a@" + repeated("abcdefghi.", 26) + "test>\r\nQUIT\r\n");
    CHECK(heard.find("501 5.1.7 bad sender address\r\n250 2.1.0 sender accepted\r\n501 5.1.3 bad recipient address\r\n"
                     "501 5.1.3 bad recipient address\r\n") != std::string::npos);
}

TEST_CASE("C5: SIZE over the limit is refused at MAIL, and a lying one at the end (RFC 1870 6)", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_message_bytes = 1000; });
    const std::string over = "552 5.3.4 message size exceeds the limit\r\n";
    const std::string bad = "501 5.5.4 bad parameter value\r\n";
    std::string script = kEhlo;
    for (const char* size : {"1001", "2147483648", "4294967296", "9223372036854775808", "18446744073709551616", "-1"}) {
        script += "MAIL FROM:<> SIZE=" + std::string(size) + "\r\n";
    }
    CHECK(appliance.talk(script + "QUIT\r\n").ends_with(repeated(over, 5) + bad + "221 2.0.0 bye\r\n"));
    const std::string lie = "MAIL FROM:<> SIZE=10\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n";
    CHECK(appliance.talk(kEhlo + lie + "\r\n" + repeated("0123456789\r\n", 200'000) + ".\r\nNOOP\r\nQUIT\r\n")
              .ends_with("552 5.3.4 message too large\r\n250 2.0.0 ok\r\n221 2.0.0 bye\r\n"));
    CHECK(appliance.stored() == 0);
    CHECK(appliance.spooled() == 0);
    CHECK(appliance.talk(kEhlo + lie + std::string(998, 'x') + "\r\n.\r\nQUIT\r\n").find("ID accepted") !=
          std::string::npos);
}

TEST_CASE("C6: an address in UTF-8 is taken with SMTPUTF8 and refused without (RFC 6531 3.5)", "[smtp][limits]")
{
    Appliance appliance;
    const std::string heard = appliance.talk(
        kEhlo +
        "MAIL FROM:<\xd0\xb8@b.example>\r\nMAIL FROM:<\xff@b.example> SMTPUTF8\r\nMAIL FROM:<\xd0\xb8@b.example> "
        "SMTPUTF8\r\n"
        "RCPT TO:<\xe4\xb8\xad@example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\nx\r\n.\r\nMAIL FROM:<>\r\n"
        "RCPT TO:<\xe4\xb8\xad@example.test>\r\nQUIT\r\n");
    CHECK(heard.find("553 5.6.7 address needs SMTPUTF8\r\n501 5.1.7 bad sender address\r\n250 2.1.0 sender accepted\r\n"
                     "550 5.1.1 no such mailbox\r\n250 2.1.5 recipient accepted\r\n") != std::string::npos);
    CHECK(heard.find("250 2.1.0 sender accepted\r\n553 5.6.7 address needs SMTPUTF8\r\n") != std::string::npos);
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(appliance.inbox("ann")[0].find("with UTF8SMTP ") != std::string::npos);
}

TEST_CASE("C7: VRFY tells nobody who exists, and guessing by RCPT ends", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_refused_recipients = 5; });
    CHECK(count(appliance.talk("VRFY ann\r\nVRFY nobody\r\nVRFY <off@example.test>\r\nQUIT\r\n"), "252 2.0.0 ") == 3);
    const std::string heard =
        appliance.talk(kEhlo + "MAIL FROM:<>\r\n" + repeated("RCPT TO:<guess@example.test>\r\n", 10));
    CHECK(count(heard, "550 5.1.1") == 5);
    CHECK(heard.ends_with("421 4.7.0 too many refused recipients\r\n"));
}

TEST_CASE("C8: too many bad commands end the session", "[smtp][limits]")
{
    Appliance appliance;
    const std::string heard = appliance.talk(repeated("nonsense\r\n", 30));
    CHECK(count(heard, "500 5.5.2") == 20);
    CHECK(heard.ends_with("421 4.7.0 too many errors\r\n"));
}

TEST_CASE("C8: a flood of commands that bring no mail ends the session, mail between them does not", "[smtp][limits]")
{
    const std::string command =
        GENERATE(as<std::string>{}, "NOOP\r\n", "RSET\r\n", "VRFY x\r\n", "HELP\r\n", "EHLO x\r\n");
    Appliance appliance;
    CHECK(appliance.talk(repeated(command, 200)).ends_with("421 4.7.0 too many commands without mail\r\n"));
    const std::string heard = appliance.talk(kEhlo + repeated("NOOP\r\n", 90) + kToAnn + "x\r\n.\r\n" +
                                             repeated("NOOP\r\n", 100) + "QUIT\r\n");
    CHECK(heard.ends_with("221 2.0.0 bye\r\n"));
}

TEST_CASE("D1: a header over its budget is refused after the message's end", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_header_fields = 100; });
    CHECK(appliance.talk(kEhlo + kToAnn + repeated("To: a\r\n", 101) + "\r\nx\r\n.\r\nQUIT\r\n")
              .ends_with("552 5.3.4 message header too large\r\n221 2.0.0 bye\r\n"));
    CHECK(appliance.stored() == 0);
}

TEST_CASE("J4: a client that does not finish a command in time hears 421 and is closed", "[smtp][limits]")
{
    Appliance appliance;
    Dialogue dialogue(appliance, smtp::Role::mx);
    (void)dialogue.hear();
    for (const char c : std::string("EHLO")) CHECK(dialogue.say(std::string(1, c)).empty());
    REQUIRE(dialogue.server_end().expire_read());
    CHECK(dialogue.hear() == "421 4.4.2 timeout\r\n");
    CHECK(dialogue.is_over());
}

TEST_CASE("J4: a client that does not finish its message in time hears 421, and nothing is stored", "[smtp][limits]")
{
    Appliance appliance;
    Dialogue dialogue(appliance, smtp::Role::mx);
    (void)dialogue.hear();
    CHECK(dialogue.say(kEhlo + kToAnn).ends_with("354 end with <CR><LF>.<CR><LF>\r\n"));
    for (int i = 0; i < 20; ++i) CHECK(dialogue.say("x").empty());
    REQUIRE(dialogue.server_end().expire_read());
    CHECK(dialogue.hear() == "421 4.4.2 timeout\r\n");
    CHECK(dialogue.is_over());
    CHECK(appliance.stored() == 0);
    CHECK(appliance.spooled() == 0);
}

TEST_CASE("J4: a client that never reads its replies ends by the deadline of the write", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.max_idle_commands = 1'000'000; });
    Dialogue dialogue(appliance, smtp::Role::mx, 1024);
    for (int i = 0; i < 200 && !dialogue.server_end().is_writing(); ++i) dialogue.push("HELP\r\n");
    REQUIRE(dialogue.server_end().is_writing());
    REQUIRE(dialogue.server_end().expire_write());
    appliance.loop.run();
    CHECK(dialogue.is_over());
}

TEST_CASE("a server that stops says so to a client that waits, and takes a message under way", "[smtp][limits]")
{
    Appliance appliance;
    Dialogue idle(appliance, smtp::Role::mx);
    Dialogue busy(appliance, smtp::Role::mx);
    (void)idle.hear();
    (void)busy.hear();
    (void)busy.say(kEhlo + kToAnn + "first half\r\n");
    CHECK(appliance.server.sessions() == 2);
    appliance.server.stop();
    CHECK(idle.hear() == "421 4.3.2 service shutting down\r\n");
    CHECK(idle.is_over());
    CHECK_FALSE(busy.is_over());
    CHECK(busy.say("second half\r\n.\r\n") == "250 2.0.0 ID accepted\r\n421 4.3.2 service shutting down\r\n");
    CHECK(busy.is_over());
    CHECK(appliance.talk("EHLO c.example\r\n") == "421 4.3.2 service shutting down\r\n");
}

TEST_CASE("who talks before the greeting is counted, when there is a time to keep silent", "[smtp][limits]")
{
    Appliance appliance([](smtp::Options& options) { options.greeting_wait = std::chrono::seconds(5); });
    CHECK(appliance.talk("EHLO c.example\r\nQUIT\r\n").ends_with("221 2.0.0 bye\r\n"));
    CHECK(appliance.metrics.exposition().find("mailboxd_smtp_early_talkers_total{service=\"smtp\"} 1") !=
          std::string::npos);
    Dialogue polite(appliance, smtp::Role::mx);
    CHECK(polite.hear().empty());
    REQUIRE(polite.server_end().expire_read());
    CHECK(polite.hear().starts_with("220 "));
}

} // namespace
} // namespace mbx::test
