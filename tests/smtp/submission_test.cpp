// Submission ports (RFC 6409): AUTH, sender ownership, missing fields, STARTTLS.
#include <catch2/catch_test_macros.hpp>
#include <unistd.h>

#include "base/codec.hpp"
#include "smtp/appliance.hpp"

namespace mbx::test {
namespace {

using std::string_literals::operator""s;

const std::string kGreeting = "220 mx.example.test ESMTP mailboxd\r\n";
const std::string kSender = "250 2.1.0 sender accepted\r\n";
const std::string kRecipient = "250 2.1.5 recipient accepted\r\n";
const std::string kStart = "354 end with <CR><LF>.<CR><LF>\r\n";
const std::string kAccepted = "250 2.0.0 ID accepted\r\n";
const std::string kSuccess = "235 2.7.0 authentication succeeded\r\n";
const std::string kWrong = "535 5.7.8 authentication credentials invalid\r\n";
const std::string kMalformed = "501 5.5.2 cannot decode the response\r\n";
const std::string kEhlo = "EHLO c.example\r\n";

const Caller kSecure{smtp::Role::submission, true, 65536, "192.0.2.10:40000"};
const Caller kClear{smtp::Role::submission, false, 65536, "192.0.2.10:40000"};

std::string plain(const std::string& login, const std::string& password, const std::string& authorization = {})
{
    return encode_base64(authorization + '\0' + login + '\0' + password);
}
std::string log_in(const std::string& login = "ann@example.test")
{
    return "AUTH PLAIN " + plain(login, Appliance::kPassword) + "\r\n";
}

// What follows the answer to EHLO, without QUIT's.
std::string behind_ehlo(const std::string& heard)
{
    const std::string last = "250 SMTPUTF8\r\n";
    const auto at = heard.find(last);
    return at == std::string::npos ? heard : heard.substr(at + last.size());
}

TEST_CASE("AUTH is offered within TLS only (RFC 4954 4), and not after log-in", "[smtp][submission]")
{
    Appliance appliance;
    CHECK(appliance.talk(kEhlo, kSecure) == kGreeting + ehlo_answer("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n250-REQUIRETLS\r\n"));
    CHECK(appliance.talk(kEhlo, kClear) == kGreeting + ehlo_answer());
    CHECK(behind_ehlo(appliance.talk(kEhlo + log_in() + kEhlo, kSecure)) == kSuccess + ehlo_answer("250-REQUIRETLS\r\n"));
    CHECK(appliance.talk(kEhlo).find("AUTH") == std::string::npos);
}

TEST_CASE("B3: log-in in clear is refused with 538, mail with 530 (RFC 4954 4, RFC 3207 4)", "[smtp][submission]")
{
    Appliance appliance;
    const std::string heard =
        appliance.talk(kEhlo + log_in() + "AUTH LOGIN\r\nMAIL FROM:<ann@example.test>\r\n", kClear);
    CHECK(behind_ehlo(heard) == "538 5.7.11 encryption required for authentication\r\n"
                                "538 5.7.11 encryption required for authentication\r\n"
                                "530 5.7.0 must issue a STARTTLS command first\r\n");
    CHECK(behind_ehlo(appliance.talk(kEhlo + "MAIL FROM:<ann@example.test>\r\n", kSecure)) ==
          "530 5.7.0 authentication required\r\n");
}

TEST_CASE("networks that are listed may log in without TLS, others not", "[smtp][submission]")
{
    Appliance appliance(
        [](smtp::Options& options) { options.clear_text_login_from = {*net::IpNetwork::parse("127.0.0.0/8")}; });
    Caller loopback = kClear;
    loopback.address = "127.0.0.1:4000";
    CHECK(behind_ehlo(appliance.talk(kEhlo + log_in(), loopback)) == kSuccess);
    CHECK(behind_ehlo(appliance.talk(kEhlo + log_in(), kClear)).starts_with("538 "));
}

TEST_CASE("AUTH on the MX port does not exist", "[smtp][submission]")
{
    Appliance appliance;
    Caller caller;
    caller.encrypted = true;
    CHECK(behind_ehlo(appliance.talk(kEhlo + log_in(), caller)) == "502 5.5.1 command not supported\r\n");
}

TEST_CASE("AUTH PLAIN and LOGIN work with and without an initial response (RFC 4954 4)", "[smtp][submission]")
{
    Appliance appliance;
    const std::string user = encode_base64("ANN@example.test");
    const std::string password = encode_base64(Appliance::kPassword);
    const std::string ask_user = "334 VXNlcm5hbWU6\r\n";
    const std::string ask_password = "334 UGFzc3dvcmQ6\r\n";
    CHECK(behind_ehlo(appliance.talk(kEhlo + "auth plain " + plain("ann@example.test", Appliance::kPassword) + "\r\n",
                                     kSecure)) == kSuccess);
    CHECK(
        behind_ehlo(appliance.talk(kEhlo + "AUTH PLAIN\r\n" + plain("ann@example.test", Appliance::kPassword) + "\r\n",
                                   kSecure)) == "334 \r\n" + kSuccess);
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH LOGIN\r\n" + user + "\r\n" + password + "\r\n", kSecure)) ==
          ask_user + ask_password + kSuccess);
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH LOGIN " + user + "\r\n" + password + "\r\n", kSecure)) ==
          ask_password + kSuccess);
}

TEST_CASE("CLIENTS: Outlook sends a space behind MAIL FROM: and RCPT TO:, and wants words in the challenges of LOGIN", "[smtp][submission]")
{
    Appliance appliance;
    const std::string heard = behind_ehlo(appliance.talk(kEhlo + "AUTH LOGIN\r\n" + encode_base64("ann@example.test") + "\r\n" +
                                                             encode_base64(Appliance::kPassword) +
                                                             "\r\nMAIL FROM: <ann@example.test>\r\nRCPT TO: <bob@example.test>\r\n",
                                                         kSecure));
    CHECK(heard == "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" + kSuccess + kSender + kRecipient);
}

TEST_CASE("C10: what is no SASL message is 501 or 535, never a log-in (RFC 4954 4, RFC 4616)", "[smtp][submission]")
{
    Appliance appliance;
    const std::string password = Appliance::kPassword;
    for (const std::string& response :
         {"="s, "!"s, "AAA"s, "QQ"s, "YQ==="s, encode_base64("ann@example.test"), encode_base64("\0\0"s),
          encode_base64("\0ann@example.test\0"s), encode_base64("\0ann@example.test\0"s + password + "\0more"s),
          plain("ann@example.test", password, "bob@example.test"), plain("ann@example.test", password) + " ",
          "ann\x01"s, plain("ann@example.test", password).substr(0, plain("ann@example.test", password).size() - 1)}) {
        CAPTURE(response);
        const std::string direct = behind_ehlo(appliance.talk(kEhlo + "AUTH PLAIN\r\n" + response + "\r\n", kSecure));
        CHECK((direct == "334 \r\n" + kMalformed || direct == "334 \r\n" + kWrong));
    }
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH PLAIN\r\n*\r\nNOOP\r\n", kSecure)) ==
          "334 \r\n501 5.7.0 authentication cancelled\r\n250 2.0.0 ok\r\n");
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH LOGIN\r\n*\r\n", kSecure)) ==
          "334 VXNlcm5hbWU6\r\n501 5.7.0 authentication cancelled\r\n");
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH PLAIN\r\n" + std::string(12'289, 'A') + "\r\nNOOP\r\n", kSecure)) ==
          "334 \r\n500 5.5.6 authentication exchange line too long\r\n250 2.0.0 ok\r\n");
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH PLAIN " + std::string(12'289, 'A') + "\r\nNOOP\r\n", kSecure)) ==
          "500 5.5.6 authentication exchange line too long\r\n250 2.0.0 ok\r\n");
    CHECK(behind_ehlo(appliance.talk(kEhlo + "AUTH CRAM-MD5\r\nAUTH\r\n", kSecure)) ==
          "504 5.5.4 mechanism not supported\r\n501 5.5.4 syntax error in arguments\r\n");
}

TEST_CASE("J2: an unknown account, a disabled one and a wrong password get one answer", "[smtp][submission]")
{
    Appliance appliance;
    const std::string unknown =
        appliance.talk(kEhlo + "AUTH PLAIN " + plain("nobody@example.test", "x") + "\r\n", kSecure);
    CHECK(behind_ehlo(unknown) == kWrong);
    CHECK(appliance.talk(kEhlo + "AUTH PLAIN " + plain("ann@example.test", "x") + "\r\n", kSecure) == unknown);
    CHECK(appliance.talk(kEhlo + log_in("off@example.test"), kSecure) == unknown);
}

TEST_CASE("failed log-ins end the session", "[smtp][submission]")
{
    Appliance appliance([](smtp::Options& options) { options.max_failed_logins = 2; });
    std::string script = kEhlo;
    for (int i = 0; i < 5; ++i) script += "AUTH PLAIN " + plain("ann@example.test", "x") + "\r\n";
    CHECK(behind_ehlo(appliance.talk(script, kSecure)) == kWrong + kWrong + "421 4.7.0 too many failed log-ins\r\n");
}

TEST_CASE("AUTH comes once, and not within a transaction (RFC 4954 4)", "[smtp][submission]")
{
    Appliance appliance;
    CHECK(behind_ehlo(
              appliance.talk(kEhlo + log_in() + log_in() + "MAIL FROM:<ann@example.test>\r\n" + log_in(), kSecure)) ==
          kSuccess + "503 5.5.1 already authenticated\r\n" + kSender + "503 5.5.1 bad sequence of commands\r\n");
}

TEST_CASE("C9: the sender must be the account's own address; <> is everybody's", "[smtp][submission]")
{
    Appliance appliance;
    const std::string foreign = "550 5.7.1 not your sender address\r\n";
    const auto from = [](const std::string& address) { return "MAIL FROM:<" + address + ">\r\nRSET\r\n"; };
    const std::string reset = "250 2.0.0 flushed\r\n";
    CHECK(behind_ehlo(appliance.talk(
              kEhlo + log_in() + from("ann@example.test") + from("Ann+tag@EXAMPLE.test") + from("sales@example.test") +
                  from("") + from("bob@example.test") + from("ann@elsewhere.example") + from("root@example.test"),
              kSecure)) == kSuccess + kSender + reset + kSender + reset + kSender + reset + kSender + reset + foreign +
                               reset + foreign + reset + foreign + reset);
}

TEST_CASE("mail to other domains goes to the queue without a Return-Path, to our own it is delivered as well",
          "[smtp][submission]")
{
    Appliance appliance;
    const std::string bare = "Subject: x\r\n\r\ny\r\n";
    const std::string mail = "MAIL FROM:<ann@example.test>\r\nRCPT TO:<far@elsewhere.example>\r\n";
    CHECK(behind_ehlo(appliance.talk(kEhlo + log_in() + mail + "DATA\r\n" + bare + ".\r\n", kSecure)) ==
          kSuccess + kSender + kRecipient + kStart + kAccepted);
    REQUIRE(appliance.outgoing.size() == 1);
    const auto& far = appliance.outgoing[0];
    CHECK(far.envelope.reverse_path == "ann@example.test");
    CHECK(far.envelope.account == "ann@example.test");
    REQUIRE(far.envelope.recipients.size() == 1);
    CHECK(far.envelope.recipients[0].address == "far@elsewhere.example");
    REQUIRE(far.bytes);
    CHECK(far.bytes->starts_with("Received: "));
    CHECK(far.bytes->size() == far.size);

    (void)appliance.talk(kEhlo + log_in() + mail + "RCPT TO:<bob@example.test>\r\nDATA\r\n" + bare + ".\r\n", kSecure);
    REQUIRE(appliance.outgoing.size() == 2);
    const auto& both = appliance.outgoing[1];
    CHECK(both.bytes->starts_with("Return-Path: <ann@example.test>\r\n"));
    CHECK(both.bytes->substr(both.envelope.kept_back).starts_with("Received: "));
    REQUIRE(appliance.inbox("bob").size() == 1);
    CHECK(appliance.inbox("bob")[0] == *both.bytes);
}

TEST_CASE("what a stranger's mail to an alias becomes outside leaves under an address of ours", "[smtp][session]")
{
    Appliance appliance;
    Caller stranger;
    (void)appliance.talk("EHLO c.example\r\nMAIL FROM:<s@sender.example>\r\nRCPT TO:<outside@example.test>\r\nDATA\r\n"
                         "Subject: x\r\n\r\ny\r\n.\r\n", stranger);
    REQUIRE(appliance.outgoing.size() == 1);
    const auto& mail = appliance.outgoing[0];
    CHECK(mail.envelope.reverse_path.starts_with("SRS0="));
    CHECK(mail.envelope.reverse_path.ends_with("=sender.example=s@example.test"));
    CHECK(mail.envelope.account.empty());
    CHECK(mail.envelope.recipients[0].address == "far@elsewhere.example");
    CHECK(appliance.inbox("ann").size() == 1);
    // A bounce of it finds the way back; the null reverse-path stays one.
    (void)appliance.talk("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<" + mail.envelope.reverse_path +
                         ">\r\nDATA\r\nSubject: bounce\r\n\r\ny\r\n.\r\n", stranger);
    REQUIRE(appliance.outgoing.size() == 2);
    CHECK(appliance.outgoing[1].envelope.reverse_path.empty());
    CHECK(appliance.outgoing[1].envelope.recipients[0].address == "s@sender.example");
}

TEST_CASE("C9: Date, Message-ID and From are added where they are missing (RFC 6409 8)", "[smtp][submission]")
{
    Appliance appliance;
    const std::string envelope = "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n";
    const std::string bare = "Subject: x\r\n\r\ny\r\n";
    (void)appliance.talk(kEhlo + log_in() + envelope + bare + ".\r\n", kSecure);
    REQUIRE(appliance.inbox("bob").size() == 1);
    const std::string stored = appliance.inbox("bob")[0];
    CHECK(as_sent(stored, 5) == bare);
    CHECK(stored.find("\r\nFrom: <ann@example.test>\r\n") != std::string::npos);
    CHECK(stored.find("\r\nDate: ") != std::string::npos);
    CHECK(stored.find("\r\nMessage-ID: <") != std::string::npos);
    // A report names it in In-Reply-To, so the trace is asked for it.
    const auto accepted = appliance.recorded.of(trace::EventKind::accepted);
    REQUIRE(accepted.size() == 1);
    CHECK(stored.find("\r\nMessage-ID: <" + test::fact(accepted[0], "message_id") + ">\r\n") != std::string::npos);
    CHECK(stored.find("with ESMTPSA") != std::string::npos);
    CHECK(stored.find("ann@example.test\r\n") == std::string::npos);
    appliance.empty_inboxes();
    const std::string full = "From: ann@example.test\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nmessage-id: <x@c.example>\r\n\r\ny\r\n";
    (void)appliance.talk(kEhlo + log_in() + envelope + full + ".\r\n", kSecure);
    REQUIRE(appliance.inbox("bob").size() == 1);
    CHECK(as_sent(appliance.inbox("bob")[0], 2) == full);
}

TEST_CASE("a live session is on the list while it is logged in, and an account that changed ends it",
          "[smtp][submission]")
{
    Appliance appliance;
    appliance.directory->on_change(
        [&appliance] { appliance.live_sessions.end_outdated(*appliance.directory->snapshot()); });
    Dialogue dialogue(appliance, smtp::Role::submission, 1U << 20U, true);
    (void)dialogue.hear();
    CHECK(dialogue.say(kEhlo + log_in()).ends_with(kSuccess));
    CHECK(appliance.live_sessions.count("submission") == 1);
    directory::AccountChange disable;
    disable.enabled = false;
    REQUIRE(appliance.run(appliance.directory->set_account("ann@example.test", disable)));
    appliance.loop.run();
    CHECK(dialogue.is_over());
    CHECK(appliance.live_sessions.count("submission") == 0);
}

TEST_CASE("J6: no word of a log-in gets into the log, right, wrong, refused or misplaced", "[smtp][submission]")
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::string logged;
    const std::string secret = "marker-password-4711";
    {
        Appliance appliance({}, ends[1]);
        const std::string response = plain("ann@example.test", secret);
        const std::string login =
            "AUTH LOGIN\r\n" + encode_base64("ann@example.test") + "\r\n" + encode_base64(secret) + "\r\n";
        for (const Caller& caller : {kSecure, kClear, Caller{}}) {
            (void)appliance.talk(kEhlo + "AUTH PLAIN " + response + "\r\nAUTH PLAIN\r\n" + response + "\r\n" + login +
                                     "AUTH PLAIN " + response + "\xff\r\nPASS " + secret + "\r\nAUTHPLAIN " + response +
                                     "\r\n",
                                 caller);
        }
        (void)appliance.talk(kEhlo + log_in(), kSecure);
    }
    ::close(ends[1]);
    char piece[4096];
    for (ssize_t got = ::read(ends[0], piece, sizeof piece); got > 0; got = ::read(ends[0], piece, sizeof piece)) {
        logged.append(piece, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    CHECK_FALSE(logged.empty());
    for (const std::string& word :
         {secret, encode_base64(secret), plain("ann@example.test", secret), std::string(Appliance::kPassword),
          plain("ann@example.test", Appliance::kPassword), encode_base64("ann@example.test")}) {
        CHECK(logged.find(word) == std::string::npos);
    }
}

} // namespace
} // namespace mbx::test
