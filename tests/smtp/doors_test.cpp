// LMTP, XCLIENT, VRFY and early talkers, as transcripts.
#include <catch2/catch_test_macros.hpp>

#include "base/codec.hpp"
#include "smtp/appliance.hpp"

namespace mbx::test {
namespace {

using std::string_literals::operator""s;

const Caller kLmtp{smtp::Role::lmtp, false, 65536, "127.0.0.1:40000"};
const std::string kFrom = "MAIL FROM:<a@elsewhere.example>\r\n";
const std::string kSenderTaken = "250 2.1.0 sender accepted\r\n";
const std::string kRcptTaken = "250 2.1.5 recipient accepted\r\n";
const std::string kData = "354 end with <CR><LF>.<CR><LF>\r\n";
const std::string kStored = "250 2.0.0 ID accepted\r\n";

std::string behind_offer(const std::string& heard)
{
    const std::string last = "250 SMTPUTF8\r\n";
    const auto at = heard.find(last);
    return at == std::string::npos ? heard : heard.substr(at + last.size());
}

TEST_CASE("RFC 2033 4.2: LMTP answers the end of a message once for each accepted recipient", "[smtp][lmtp]")
{
    Appliance appliance;
    const std::string heard = appliance.talk("LHLO c.example\r\n" + kFrom + "RCPT TO:<ann@example.test>\r\nRCPT TO:<nobody@example.test>\r\n"
                                             "RCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\n", kLmtp);
    CHECK(heard.starts_with("220 mx.example.test LMTP mailboxd\r\n250-mx.example.test\r\n250-PIPELINING\r\n"));
    CHECK(behind_offer(heard) == kSenderTaken + kRcptTaken + "550 5.1.1 no such mailbox\r\n" + kRcptTaken + kData + kStored + kStored);
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(appliance.inbox("ann")[0].find(" with LMTP") != std::string::npos);
    CHECK(appliance.inbox("bob").size() == 1);
}

TEST_CASE("RFC 2033 4.2: a refused message, and the last chunk, are answered for each recipient too", "[smtp][lmtp]")
{
    Appliance appliance;
    const std::string front = "LHLO c.example\r\n" + kFrom + "RCPT TO:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\n";
    const std::string refused = "550 5.6.11 bare CR or LF in the message\r\n";
    CHECK(behind_offer(appliance.talk(front + "DATA\r\na\nb\r\n.\r\n", kLmtp)).ends_with(kData + refused + refused));
    CHECK(behind_offer(appliance.talk(front + "BDAT 6\r\nA: b\r\nBDAT 4 LAST\r\n\r\nx\n", kLmtp)).ends_with("250 2.0.0 6 octets received\r\n" + refused + refused));
    CHECK(behind_offer(appliance.talk(front + "BDAT 6\r\nA: b\r\nBDAT 2 LAST\r\n\r\n", kLmtp)).ends_with("250 2.0.0 6 octets received\r\n" + kStored + kStored));
}

TEST_CASE("RFC 2033 4.1: LMTP knows LHLO alone, and SMTP knows none", "[smtp][lmtp]")
{
    Appliance appliance;
    CHECK(appliance.talk("EHLO c\r\nHELO c\r\nMAIL FROM:<>\r\n", kLmtp) ==
          "220 mx.example.test LMTP mailboxd\r\n502 5.5.1 command not supported\r\n502 5.5.1 command not supported\r\n"
          "503 5.5.1 bad sequence of commands\r\n");
    CHECK(appliance.talk("LHLO c\r\n").ends_with("500 5.5.2 command not recognised\r\n"));
}

TEST_CASE("LMTP relays for nobody, and nobody logs in there", "[smtp][lmtp]")
{
    Appliance appliance;
    CHECK(behind_offer(appliance.talk("LHLO c\r\nAUTH PLAIN x\r\n" + kFrom + "RCPT TO:<v@elsewhere.example>\r\nDATA\r\n", kLmtp)) ==
          "502 5.5.1 command not supported\r\n" + kSenderTaken + "550 5.7.1 relaying denied\r\n554 5.5.1 no valid recipients\r\n");
}

TEST_CASE("C12: XCLIENT from who is not listed ends the connection", "[smtp][xclient][hostile]")
{
    Appliance appliance;
    const std::string heard = appliance.talk("EHLO c\r\nXCLIENT ADDR=192.0.2.99\r\nNOOP\r\n");
    CHECK(heard.find("XCLIENT ADDR") == std::string::npos);
    CHECK(heard.ends_with("550 5.7.0 XCLIENT is not for you\r\n"));
}

TEST_CASE("C12: a listed proxy says whom it speaks for, and the session begins anew", "[smtp][xclient][hostile]")
{
    Appliance appliance([](smtp::Options& options) { options.xclient_networks = {*net::IpNetwork::parse("192.0.2.10")}; });
    const std::string heard = appliance.talk("EHLO proxy\r\nXCLIENT ADDR=203.0.113.7 PORT=1234 HELO=client.example\r\nMAIL FROM:<>\r\n"
                                             "EHLO client.example\r\n" + kFrom + "XCLIENT ADDR=203.0.113.8\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n"
                                             "Subject: x\r\n\r\ny\r\n.\r\n");
    CHECK(heard.find("250-XCLIENT ADDR PORT HELO\r\n") != std::string::npos);
    const auto again = heard.find("220 mx.example.test ESMTP mailboxd\r\n", 10);
    REQUIRE(again != std::string::npos);
    const std::string rest = heard.substr(again);
    CHECK(rest.starts_with("220 mx.example.test ESMTP mailboxd\r\n503 5.5.1 bad sequence of commands\r\n250-mx.example.test\r\n"));
    CHECK(behind_offer(rest) == kSenderTaken + "503 5.5.1 bad sequence of commands\r\n" + kRcptTaken + kData + kStored);
    CHECK(appliance.inbox("ann")[0].find("203.0.113.7") != std::string::npos);
    CHECK(appliance.inbox("ann")[0].find("192.0.2.10") == std::string::npos);
    CHECK(appliance.talk("XCLIENT ADDR=1.2.3\r\n").ends_with("501 5.5.4 syntax error in arguments\r\n"));
}

TEST_CASE("C12: what a proxy says does not open the door for log-ins in clear", "[smtp][xclient][hostile]")
{
    Appliance appliance([](smtp::Options& options) {
        options.xclient_networks = {*net::IpNetwork::parse("127.0.0.0/8")};
        options.clear_text_login_from = {*net::IpNetwork::parse("127.0.0.0/8")};
    });
    const Caller proxy{smtp::Role::submission, false, 65536, "127.0.0.1:40000"};
    const std::string login = "AUTH PLAIN " + encode_base64("\0ann@example.test\0"s + Appliance::kPassword) + "\r\n";
    CHECK(appliance.talk("XCLIENT ADDR=203.0.113.7\r\nEHLO c\r\n" + login, proxy).ends_with("538 5.7.11 encryption required for authentication\r\n"));
    // And a log-in does not outlive the client that made it.
    CHECK(appliance.talk("EHLO c\r\n" + login + "XCLIENT ADDR=203.0.113.7\r\nEHLO c\r\nMAIL FROM:<ann@example.test>\r\n", proxy)
              .ends_with("530 5.7.0 must issue a STARTTLS command first\r\n"));
}

TEST_CASE("C7: VRFY tells users who logged in, where that is wanted, and nobody else (RFC 5321 7.3)", "[smtp][vrfy]")
{
    Appliance appliance([](smtp::Options& options) { options.vrfy = smtp::Verifying::users; });
    CHECK(appliance.talk("VRFY ann@example.test\r\n").ends_with("252 2.0.0 send some mail, we will try\r\n"));
    const Caller secure{smtp::Role::submission, true, 65536, "192.0.2.10:40000"};
    const std::string login = "EHLO c\r\nAUTH PLAIN " + encode_base64("\0ann@example.test\0"s + Appliance::kPassword) + "\r\n";
    const std::string heard = appliance.talk(login + "VRFY <Bob@example.test>\r\nVRFY nobody@example.test\r\nVRFY x@elsewhere.example\r\n"
                                                     "VRFY bob\r\nVRFY off@example.test\r\n", secure);
    CHECK(heard.ends_with("250 2.1.5 <Bob@example.test>\r\n550 5.1.1 no such mailbox\r\n252 2.0.0 send some mail, we will try\r\n"
                          "252 2.0.0 send some mail, we will try\r\n550 5.2.1 mailbox disabled\r\n"));
}

TEST_CASE("who speaks before the greeting is refused where that is wanted (RFC 5321 3.1)", "[smtp][session]")
{
    Appliance appliance([](smtp::Options& options) {
        options.greeting_wait = std::chrono::milliseconds(1);
        options.early_talkers = smtp::EarlyTalkers::refuse;
    });
    CHECK(appliance.talk("EHLO c\r\n" + kFrom) == "554 5.5.1 you spoke before the greeting\r\n");
}

} // namespace
} // namespace mbx::test
