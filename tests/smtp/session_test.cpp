// Transcripts of the MX port.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <vector>

#include "smtp/appliance.hpp"

namespace mbx::test {
namespace {

const std::string kGreeting = "220 mx.example.test ESMTP mailboxd\r\n";
const std::string kSender = "250 2.1.0 sender accepted\r\n";
const std::string kRecipient = "250 2.1.5 recipient accepted\r\n";
const std::string kStart = "354 end with <CR><LF>.<CR><LF>\r\n";
const std::string kAccepted = "250 2.0.0 ID accepted\r\n";
const std::string kBye = "221 2.0.0 bye\r\n";
const std::string kOrder = "503 5.5.1 bad sequence of commands\r\n";
const std::string kHelo = "250 mx.example.test\r\n";

const std::string kToAnn = "MAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n";

// What is said after HELO and before QUIT, and answered.
std::string after_helo(Appliance& appliance, const std::string& commands, const Caller& caller = {})
{
    const std::string heard = appliance.talk("HELO c.example\r\n" + commands + "QUIT\r\n", caller);
    const std::string front = kGreeting + kHelo;
    if (!heard.starts_with(front)) return heard;
    std::string rest = heard.substr(front.size());
    if (rest.ends_with(kBye)) rest.resize(rest.size() - kBye.size());
    return rest;
}

TEST_CASE("a message travels from a memory stream into the Maildir of its recipient", "[smtp][appliance]")
{
    Appliance appliance;
    const std::string heard = appliance.talk(
        "EHLO client.example\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n"
        "Subject: hello\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
    CHECK(heard == "220 mx.example.test ESMTP mailboxd\r\n" + ehlo_answer() +
                       "250 2.1.0 sender accepted\r\n250 2.1.5 recipient accepted\r\n354 end with <CR><LF>.<CR><LF>\r\n"
                       "250 2.0.0 ID accepted\r\n221 2.0.0 bye\r\n");
    const auto inbox = appliance.inbox("ann");
    REQUIRE(inbox.size() == 1);
    CHECK(inbox[0].starts_with("Return-Path: <a@elsewhere.example>\r\nReceived: from client.example"));
    CHECK(as_sent(inbox[0]) == "Subject: hello\r\n\r\n.dot\r\n");
    CHECK(appliance.spooled() == 0);
}

TEST_CASE("each command is refused before its time (RFC 5321 4.1.4)", "[smtp][session]")
{
    Appliance appliance;
    CHECK(appliance.talk("MAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\nSTARTTLS\r\nQUIT\r\n") ==
          kGreeting + kOrder + kOrder + kOrder + kOrder + kBye);
    CHECK(after_helo(appliance, "RCPT TO:<ann@example.test>\r\nDATA\r\n") == kOrder + kOrder);
    CHECK(after_helo(appliance, "MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n") ==
          kSender + kOrder + kOrder);
    CHECK(after_helo(appliance, "MAIL FROM:<>\r\nRSET\r\nRCPT TO:<ann@example.test>\r\n") ==
          kSender + "250 2.0.0 flushed\r\n" + kOrder);
}

TEST_CASE("EHLO within a transaction begins anew (RFC 5321 4.1.4)", "[smtp][session]")
{
    Appliance appliance;
    CHECK(after_helo(appliance, "MAIL FROM:<>\r\nEHLO c.example\r\nRCPT TO:<ann@example.test>\r\n") ==
          kSender + ehlo_answer() + kOrder);
}

TEST_CASE("NOOP, RSET, VRFY, HELP and QUIT need no greeting (RFC 5321 4.1.4); EXPN is 502", "[smtp][session]")
{
    Appliance appliance;
    const std::string heard =
        appliance.talk("NOOP\r\nNOOP x\r\nRSET\r\nVRFY ann\r\nEXPN sales\r\nHELP\r\nHELP MAIL\r\nQUIT\r\n");
    CHECK(heard == kGreeting +
                       "250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 flushed\r\n252 2.0.0 send some mail, we will try\r\n"
                       "502 5.5.1 command not supported\r\n"
                       "214 2.0.0 EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT STARTTLS AUTH; RFC 5321\r\n"
                       "214 2.0.0 EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT STARTTLS AUTH; RFC 5321\r\n" +
                       kBye);
}

TEST_CASE("RSET, DATA and QUIT take no argument (RFC 5321 4.3.2); VRFY and HELO need one", "[smtp][session]")
{
    Appliance appliance;
    const std::string bad = "501 5.5.4 syntax error in arguments\r\n";
    CHECK(appliance.talk("RSET x\r\nQUIT x\r\nVRFY\r\nHELO\r\nEHLO a b\r\nQUIT\r\n") ==
          kGreeting + bad + bad + bad + bad + "501 5.5.4 a name without spaces or special bytes is needed\r\n" + kBye);
}

TEST_CASE("A2: a bare LF ends no command, and what is behind it is not carried out", "[smtp][session]")
{
    Appliance appliance;
    CHECK(after_helo(appliance, "NOOP\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.test>\r\n") ==
          "500 5.5.2 bare CR, bare LF or control byte in a command\r\n" + kOrder);
}

TEST_CASE("A5: a session answers the same however its bytes arrive", "[smtp][session]")
{
    const auto piece =
        GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{61}, std::size_t{65536});
    CAPTURE(piece);
    Appliance appliance;
    Caller caller;
    caller.piece = piece;
    const std::string message = "Subject: x\r\n\r\n..\r\nMAIL FROM:<no@command.example>\r\n";
    const std::string heard = after_helo(
        appliance, kToAnn + message + ".\r\n" + kToAnn + "two\r\n.\r\nnonsense\r\nRCPT TO:<nobody@example.test>\r\n",
        caller);
    CHECK(heard == kSender + kRecipient + kStart + kAccepted + kSender + kRecipient + kStart + kAccepted +
                       "500 5.5.2 command not recognised\r\n" + kOrder);
    const auto inbox = appliance.inbox("ann");
    REQUIRE(inbox.size() == 2);
    CHECK((as_sent(inbox[0]).ends_with(".\r\nMAIL FROM:<no@command.example>\r\n") ||
           as_sent(inbox[1]).ends_with(".\r\nMAIL FROM:<no@command.example>\r\n")));
}

TEST_CASE("A5: replies to a pipelined group leave in one write (RFC 2920 3.2)", "[smtp][session]")
{
    Appliance appliance;
    KeptStream::forget_writes();
    (void)after_helo(appliance, kToAnn + "x\r\n.\r\n");
    // The greeting; everything up to 354; the rest with QUIT's.
    CHECK(KeptStream::writes() == 3);
}

TEST_CASE("a reply is not held back for the half of a next command", "[smtp][session]")
{
    Appliance appliance;
    Dialogue dialogue(appliance, smtp::Role::mx);
    (void)dialogue.hear();
    CHECK(dialogue.say("HELO c.example\r\nNO") == kHelo);
    CHECK(dialogue.say("OP\r\n") == "250 2.0.0 ok\r\n");
}

TEST_CASE("DATA without a valid recipient is refused, its message not awaited (RFC 2920 3.1)", "[smtp][session]")
{
    Appliance appliance;
    CHECK(after_helo(appliance, "MAIL FROM:<>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n") ==
          kSender + "550 5.1.1 no such mailbox\r\n554 5.5.1 no valid recipients\r\n");
}

TEST_CASE("one file serves several recipients, with no word of them in it (RFC 5321 7.2)", "[smtp][session]")
{
    Appliance appliance;
    CHECK(after_helo(
              appliance,
              "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nRCPT TO:<sales@example.test>\r\nDATA\r\nx\r\n.\r\n") ==
          kSender + kRecipient + kRecipient + kStart + kAccepted);
    REQUIRE(appliance.inbox("ann").size() == 1);
    REQUIRE(appliance.inbox("bob").size() == 1);
    const std::string stored = appliance.inbox("ann")[0];
    CHECK(stored == appliance.inbox("bob")[0]);
    CHECK(stored.find("example.test>") == std::string::npos);
    CHECK(stored.starts_with("Return-Path: <>\r\n"));
}

TEST_CASE("a single recipient stands in the Received field (RFC 5321 4.4)", "[smtp][session]")
{
    Appliance appliance;
    (void)after_helo(appliance, kToAnn + "x\r\n.\r\n");
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(appliance.inbox("ann")[0].find("for <ann@example.test>") != std::string::npos);
    CHECK(appliance.inbox("ann")[0].find("with SMTP") != std::string::npos);
}

TEST_CASE("C2: postmaster of the domain and the bare one reach the administrator (RFC 5321 4.5.1)", "[smtp][session]")
{
    Appliance appliance;
    CHECK(
        after_helo(appliance,
                   "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nRCPT TO:<POSTMASTER@example.test>\r\nDATA\r\nx\r\n.\r\n") ==
        kSender + kRecipient + kRecipient + kStart + kAccepted);
    CHECK(appliance.inbox("root").size() == 1);
}

TEST_CASE("C4: who is not logged in relays nothing, in whatever form", "[smtp][session]")
{
    Appliance appliance;
    const std::string us = "example.test";
    const std::string ip = "[192.0.2.1]";
    const std::vector<std::string> senders{"",           "spam@" + us,     "ann@" + us,
                                           "spam@" + ip, "spam@localhost", "a@elsewhere.example"};
    const std::vector<std::string> forms{"victim@elsewhere.example",
                                         "\"victim@elsewhere.example\"",
                                         "victim%elsewhere.example@" + us,
                                         "victim%elsewhere.example@" + ip,
                                         "\"victim@elsewhere.example\"@" + us,
                                         "\"victim%elsewhere.example\"",
                                         "victim@elsewhere.example@" + us,
                                         "victim@elsewhere.example@" + ip,
                                         "\"victim@elsewhere.example\"@" + ip,
                                         "@" + ip + ":victim@elsewhere.example",
                                         "@" + us + ":victim@elsewhere.example",
                                         "elsewhere.example!victim",
                                         "elsewhere.example!victim@" + ip,
                                         "elsewhere.example!victim@" + us,
                                         "victim@" + ip,
                                         "ann@" + ip,
                                         "ann@localhost",
                                         "ann@mx.example.test",
                                         "@us,@them:v@elsewhere.example",
                                         "victim",
                                         "victim@",
                                         "@",
                                         "ann@example.test.elsewhere.example",
                                         "|/bin/sh@" + us,
                                         "/etc/passwd@" + us,
                                         "../../x@" + us};
    const auto from = GENERATE(range(0, 6));
    const auto address = GENERATE(as<std::string>{}, "127.0.0.1:1025", "192.0.2.1:1025", "198.51.100.7:1025");
    Caller caller;
    caller.address = address;
    for (const std::string& form : forms) {
        CAPTURE(form);
        // What a program of this machine sent comes back to it: that is no relaying.
        const bool is_bounce_to_us = senders[static_cast<std::size_t>(from)].empty() && form == "ann@mx.example.test";
        if (is_bounce_to_us) continue;
        const std::string heard = after_helo(appliance,
                                             "MAIL FROM:<" + senders[static_cast<std::size_t>(from)] +
                                                 ">\r\nRCPT TO:<" + form + ">\r\nDATA\r\n",
                                             caller);
        CHECK(heard.starts_with(kSender + "5"));
        CHECK(heard.find("354") == std::string::npos);
    }
    CHECK(appliance.stored() == 0);
}

TEST_CASE("RCPT is judged by the directory: relay, unknown, disabled, target outside", "[smtp][session]")
{
    Appliance appliance;
    CHECK(after_helo(
              appliance,
              "MAIL FROM:<ann@example.test>\r\nRCPT TO:<v@elsewhere.example>\r\nRCPT TO:<nobody@example.test>\r\n"
              "RCPT TO:<off@example.test>\r\nRCPT TO:<outside@example.test>\r\nRCPT TO:<Ann+tag@EXAMPLE.test>\r\n") ==
          kSender +
              "550 5.7.1 relaying denied\r\n550 5.1.1 no such mailbox\r\n550 5.2.1 mailbox disabled\r\n" +
              kRecipient + kRecipient);
}

TEST_CASE("C3: words of a shell are words", "[smtp][session]")
{
    Appliance appliance;
    for (const std::string& local :
         {";sleep${IFS}5;", "`id`", "|id", "$(id)", "%n%n%s", "/etc/passwd", "a\\$\\{run\\}"}) {
        CAPTURE(local);
        const std::string path = "<\"" + local + "\"@elsewhere.example>";
        CHECK(after_helo(appliance, "MAIL FROM:" + path + "\r\nRCPT TO:<ann@example.test>\r\nDATA\r\nx\r\n.\r\n") ==
              kSender + kRecipient + kStart + kAccepted);
    }
    CHECK(appliance.inbox("ann").size() == 7);
}

TEST_CASE("D16: an empty message, headers only, a header of spaces and an mbox line are stored as sent",
          "[smtp][session]")
{
    Appliance appliance;
    for (const std::string& message :
         {std::string(), std::string("Subject: x\r\n"), std::string("From x Mon Jan  1 00:00:00 2024\r\n\r\ny\r\n")}) {
        CAPTURE(message);
        CHECK(after_helo(appliance, kToAnn + message + ".\r\n").ends_with(kAccepted));
        const auto inbox = appliance.inbox("ann");
        REQUIRE(inbox.size() == 1);
        CHECK(as_sent(inbox[0]) == message);
        appliance.empty_inboxes();
    }
    CHECK(after_helo(appliance, kToAnn + "   \r\nSubject: x\r\n\r\n.\r\n").ends_with(kAccepted));
    CHECK(appliance.inbox("ann")[0].find("\r\nX-Malformed-Header:\r\n   \r\nSubject: x\r\n\r\n") != std::string::npos);
}

TEST_CASE("8-bit bytes come through as they are, with and without BODY=8BITMIME (RFC 6152)", "[smtp][session]")
{
    Appliance appliance;
    std::string bytes;
    for (int c = 1; c < 256; ++c) {
        if (c != '\r' && c != '\n') bytes += static_cast<char>(c);
    }
    CHECK(after_helo(appliance,
                     "MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n\r\n" + bytes + "\r\n.\r\n")
              .ends_with(kAccepted));
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(as_sent(appliance.inbox("ann")[0]) == "\r\n" + bytes + "\r\n");
}

TEST_CASE("an account that is named twice gets one copy", "[smtp][session]")
{
    Appliance appliance;
    (void)after_helo(
        appliance,
        "MAIL FROM:<>\r\nRCPT TO:<ann@example.test>\r\nRCPT TO:<ann+x@example.test>\r\nRCPT TO:<sales@example.test>\r\n"
        "DATA\r\nx\r\n.\r\n");
    CHECK(appliance.inbox("ann").size() == 1);
}

TEST_CASE("I1: a mail loop ends by the count of Received fields (RFC 5321 6.3)", "[smtp][session]")
{
    Appliance appliance([](smtp::Options& options) { options.max_hops = 3; });
    std::string hops;
    for (int i = 0; i < 3; ++i) hops += "Received: by x; Mon, 1 Jan 2024 00:00:00 +0000\r\n";
    CHECK(after_helo(appliance, kToAnn + hops + "\r\n.\r\n").ends_with(kAccepted));
    CHECK(after_helo(appliance, kToAnn + hops + "received: one more\r\n\r\n.\r\n")
              .ends_with("554 5.4.6 too many hops, a mail loop\r\n"));
    CHECK(appliance.stored() == 1);
}

TEST_CASE("a message that breaks off is not stored", "[smtp][session]")
{
    Appliance appliance;
    (void)appliance.talk("HELO c.example\r\n" + kToAnn + "Subject: x\r\n\r\nhalf\r\n");
    CHECK(appliance.stored() == 0);
    CHECK(appliance.spooled() == 0);
}

} // namespace
} // namespace mbx::test
