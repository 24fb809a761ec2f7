// Who a submitted message says to be from, Bcc, DSN parameters, and limits of accounts (RFC 6409, RFC 3461).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/codec.hpp"
#include "smtp/appliance.hpp"
#include "smtp/rate_table.hpp"
#include "smtp/submission_header.hpp"

namespace mbx::test {
namespace {

using std::string_literals::operator""s;
using smtp::SubmissionHeader;

const Caller kSecureCaller{smtp::Role::submission, true, 65536, "192.0.2.10:40000"};
const std::string kForeign = "550 5.7.1 an address in From or Sender is not yours\r\n";
const std::string kMalformed = "550 5.6.0 one From field with an address is needed, and one address in Sender\r\n";
const std::string kTaken = "250 2.0.0 ID accepted\r\n";

std::string login()
{
    return "EHLO c.example\r\nAUTH PLAIN " + encode_base64("\0ann@example.test\0"s + Appliance::kPassword) + "\r\n";
}

// The answer to a message of ann's with that header.
std::string submit(Appliance& appliance, const std::string& header, std::size_t piece = 65536)
{
    Caller caller = kSecureCaller;
    caller.piece = piece;
    const std::string heard = appliance.talk(
        login() + "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n" + header + "\r\nbody\r\n.\r\n", caller);
    const std::string start = "354 end with <CR><LF>.<CR><LF>\r\n";
    const auto at = heard.find(start);
    return at == std::string::npos ? heard : heard.substr(at + start.size());
}

TEST_CASE("C9: From and Sender hold addresses of the account, whatever their names say", "[smtp][submission][hostile]")
{
    struct Row {
        const char* header;
        const std::string& answer;
    };
    for (const Row& row : {
             Row{"From: ann@example.test\r\n", kTaken},
             Row{"From: Ann <ANN+tag@Example.Test>\r\n", kTaken},
             Row{"From: sales@example.test\r\n", kTaken},
             Row{"From: \"bob@example.test\" <ann@example.test>\r\n", kTaken},
             Row{"From: bob@example.test\r\n", kForeign},
             Row{"From: \"ann@example.test\" <bob@example.test>\r\n", kForeign},
             Row{"From: ann@example.test <boss@elsewhere.example>\r\n", kForeign},
             Row{"From: ann@example.test, bob@example.test\r\n", kForeign},
             Row{"From: group: ann@example.test, bob@example.test;\r\n", kForeign},
             Row{"From: ann\r\n", kForeign},
             Row{"FROM : bob@example.test\r\n", kForeign},
             Row{"From:\r\n bob@example.test\r\n", kForeign},
             Row{"From: ann@example.test\r\nFrom: bob@example.test\r\n", kMalformed},
             Row{"From: ann@example.test\r\nFrom: ann@example.test\r\n", kMalformed},
             Row{"From: undisclosed:;\r\n", kMalformed},
             Row{"From: \r\n", kMalformed},
             Row{"From: ann@example.test\r\nSender: bob@example.test\r\n", kForeign},
             Row{"From: ann@example.test\r\nSender: ann@example.test, ann+b@example.test\r\n", kMalformed},
             Row{"From: ann@example.test\r\nSender: sales@example.test\r\n", kTaken},
             Row{"Subject: no From at all\r\n", kTaken},
         }) {
        CAPTURE(row.header);
        Appliance appliance;
        CHECK(submit(appliance, row.header) == row.answer);
        CHECK(appliance.stored() == (row.answer == kTaken ? 1U : 0U));
    }
}

TEST_CASE("text without a header gets the empty line behind the fields that are added (RFC 5322 2.1)", "[smtp][submission]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{4096});
    CAPTURE(piece);
    const auto passed = [piece](std::string_view text) {
        SubmissionHeader header(1 << 20, false);
        std::string out;
        for (std::size_t at = 0; at < text.size(); at += piece) header.feed(text.substr(at, piece), out);
        header.finish(out);
        return out;
    };
    CHECK(passed("just text\r\nand more\r\n") == "\r\njust text\r\nand more\r\n");
    CHECK(passed("text\r\n\r\nmore\r\n") == "\r\ntext\r\n\r\nmore\r\n");
    CHECK(passed("  indented\r\n") == "\r\n  indented\r\n");
    CHECK(passed("\r\ntext\r\n") == "\r\ntext\r\n");
    CHECK(passed("").empty());
    CHECK(passed("Subject: x\r\n") == "Subject: x\r\n");
    CHECK(passed("Subject: x\r\n\r\ntext\r\n") == "Subject: x\r\n\r\ntext\r\n");
    // In front of what is a header it would make text of that.
    CHECK(passed("odd line\r\nSubject: x\r\n\r\ntext\r\n") == "odd line\r\nSubject: x\r\n\r\ntext\r\n");
    Appliance appliance;
    const std::string heard = appliance.talk(login() + "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\njust text\r\n.\r\n", kSecureCaller);
    CHECK(heard.find(kTaken) != std::string::npos);
    CHECK(appliance.inbox("bob").at(0).find("\r\nFrom: <ann@example.test>\r\n\r\njust text\r\n") != std::string::npos);
}

TEST_CASE("a header has one Date and one Message-ID: further ones go on under other names (RFC 5322 3.6)", "[smtp][submission]")
{
    SubmissionHeader header(1 << 20, false);
    std::string out;
    header.feed("Date: Mon, 23 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nSubject: x\r\nDATE: Mon, 23 Nov 2026 05:00:00 +0000\r\n"
                "message-id:\r\n <2@x.example>\r\n\r\nDate: body\r\nDate: body\r\n", out);
    CHECK(out == "Date: Mon, 23 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nSubject: x\r\n"
                 "X-Duplicate-DATE: Mon, 23 Nov 2026 05:00:00 +0000\r\nX-Duplicate-message-id:\r\n <2@x.example>\r\n\r\nDate: body\r\nDate: body\r\n");
}

TEST_CASE("C9: several authors get a Sender (RFC 5322 3.6.2)", "[smtp][submission]")
{
    Appliance appliance;
    CHECK(submit(appliance, "From: ann@example.test, sales@example.test\r\n") == kTaken);
    CHECK(appliance.inbox("bob")[0].find("\r\nSender: <ann@example.test>\r\n") != std::string::npos);
}

TEST_CASE("bytes beyond ASCII in a submitted header are encoded, or refused where nothing can encode them (RFC 6409 8)",
          "[smtp][submission]")
{
    Appliance appliance;
    const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{65536});
    CHECK(submit(appliance, "From: J\xc3\xbcrgen <ann@example.test>\r\nSubject: gr\xc3\xbc\xc3\x9f\r\nX-Note: \xff\r\n", piece) == kTaken);
    const std::string stored = appliance.inbox("bob").at(0);
    CHECK(stored.find("\r\nFrom: =?utf-8?B?SsO8cmdlbg==?= <ann@example.test>\r\nSubject: =?utf-8?B?Z3LDvMOf?=\r\nX-Note: =?unknown-8bit?B?/w==?=\r\n") !=
          std::string::npos);
    appliance.empty_inboxes();
    CHECK(submit(appliance, "From: ann@example.test\r\nTo: <j\xc3\xbcrgen@example.test>\r\n", piece).starts_with("550 5.6.7 "));
    CHECK(appliance.stored() == 0);
    // With SMTPUTF8 it is as it may be; mail of others is theirs.
    const std::string raw = "From: J\xc3\xbcrgen <ann@example.test>\r\nTo: <j\xc3\xbcrgen@example.test>\r\n";
    (void)appliance.talk(login() + "MAIL FROM:<ann@example.test> SMTPUTF8\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n" + raw + "\r\nbody\r\n.\r\n",
                         kSecureCaller);
    REQUIRE(appliance.inbox("bob").size() == 1);
    CHECK(appliance.inbox("bob")[0].find(raw) != std::string::npos);
    appliance.empty_inboxes();
    (void)appliance.talk("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n" + raw + "\r\nbody\r\n.\r\n");
    REQUIRE(appliance.inbox("bob").size() == 1);
    CHECK(appliance.inbox("bob")[0].find(raw) != std::string::npos);
}

TEST_CASE("submission.header_from = any lets other authors pass, malformed headers not", "[smtp][submission]")
{
    Appliance appliance([](smtp::Options& options) { options.header_from = smtp::HeaderFrom::any; });
    CHECK(submit(appliance, "From: list@elsewhere.example\r\n") == kTaken);
    CHECK(submit(appliance, "From: a@b.example\r\nFrom: c@d.example\r\n") == kMalformed);
}

TEST_CASE("the header of mail from outside is nobody's business here", "[smtp][session]")
{
    Appliance appliance;
    (void)appliance.talk("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n"
                         "From: bob@example.test\r\nBcc: x@y.example\r\n\r\nbody\r\n.\r\n");
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(appliance.inbox("ann")[0].find("Bcc: x@y.example") != std::string::npos);
}

TEST_CASE("RFC 5322 3.6.3: Bcc and Resent-Bcc leave a submitted message, however it arrives", "[smtp][submission]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{65536});
    Appliance appliance;
    CHECK(submit(appliance, "From: ann@example.test\r\nBcc: secret@x.example,\r\n also@y.example\r\nTo: bob@example.test\r\nBCC : third\r\n"
                            "Resent-Bcc: fourth\r\nX-Bcc: stays\r\n", piece) == kTaken);
    const std::string stored = appliance.inbox("bob")[0];
    CHECK(stored.find("secret") == std::string::npos);
    CHECK(stored.find("also@") == std::string::npos);
    CHECK(stored.find("third") == std::string::npos);
    CHECK(stored.find("fourth") == std::string::npos);
    CHECK(stored.ends_with("From: ann@example.test\r\nTo: bob@example.test\r\nX-Bcc: stays\r\n\r\nbody\r\n"));
}

TEST_CASE("a header that is all of a message, or none, is kept", "[smtp][submission]")
{
    const auto through = [](const std::string& message, std::size_t piece) {
        smtp::SubmissionHeader header(1024, false);
        std::string out;
        for (std::size_t at = 0; at < message.size(); at += piece) header.feed(std::string_view(message).substr(at, piece), out);
        header.finish(out);
        return out;
    };
    for (std::size_t piece = 1; piece < 6; ++piece) {
        CHECK(through("", piece).empty());
        CHECK(through("\r\nBcc: body\r\n", piece) == "\r\nBcc: body\r\n");
        CHECK(through("A: b\r\nBcc: c", piece) == "A: b\r\n");
        CHECK(through("A: b\r\n\r\nBcc: c", piece) == "A: b\r\n\r\nBcc: c");
        CHECK(through("A: b\n\nBcc: c", piece) == "A: b\n\nBcc: c");
        const std::string huge = "A: " + std::string(2000, 'x') + "\r\nBcc: y\r\n\r\nz";
        CHECK(through(huge, piece) == huge);
    }
}

TEST_CASE("RFC 3461 5: what a client says about notifications is in the envelope", "[smtp][submission][dsn]")
{
    Appliance appliance;
    (void)appliance.talk(login() + "MAIL FROM:<ann@example.test> RET=HDRS ENVID=id+2B1 REQUIRETLS\r\n"
                                   "RCPT TO:<far@elsewhere.example> NOTIFY=SUCCESS ORCPT=rfc822;o+2Bx@first.example\r\n"
                                   "RCPT TO:<near@elsewhere.example>\r\nDATA\r\nFrom: ann@example.test\r\n\r\nx\r\n.\r\n", kSecureCaller);
    REQUIRE(appliance.outgoing.size() == 1);
    const queue::Envelope& envelope = appliance.outgoing[0].envelope;
    CHECK(envelope.ret == queue::ReturnKind::headers);
    CHECK(envelope.envelope_id == "id+1");
    CHECK(envelope.require_tls);
    REQUIRE(envelope.recipients.size() == 2);
    CHECK(envelope.recipients[0].notify == queue::Notify{true, true, false, false});
    CHECK(envelope.recipients[0].original == "rfc822;o+x@first.example");
    CHECK(envelope.recipients[1].notify == queue::Notify{});
    CHECK(envelope.recipients[1].original.empty());
}

TEST_CASE("REQUIRETLS is neither offered nor taken in clear (RFC 8689 2)", "[smtp][session]")
{
    Appliance appliance;
    const std::string heard = appliance.talk("EHLO c.example\r\nMAIL FROM:<a@b.example> REQUIRETLS\r\n");
    CHECK(heard.find("250-REQUIRETLS") == std::string::npos);
    CHECK(heard.ends_with("555 5.5.4 parameter not recognised\r\n"));
}

TEST_CASE("an account over its hourly limit hears which one and for how long", "[smtp][submission]")
{
    const std::string one = "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nFrom: ann@example.test\r\n\r\nx\r\n.\r\n";
    SECTION("messages")
    {
        Appliance appliance([](smtp::Options& options) { options.max_messages_per_hour = 2; });
        const std::string heard = appliance.talk(login() + one + one + "MAIL FROM:<ann@example.test>\r\n", kSecureCaller);
        CHECK(heard.ends_with("450 4.7.1 limit of your account reached: 2 messages an hour, try again in 60 minutes\r\n"));
        // In another session too.
        CHECK(appliance.talk(login() + "MAIL FROM:<ann+x@example.test>\r\n", kSecureCaller).ends_with("60 minutes\r\n"));
        CHECK(appliance.stored() == 2);
    }
    SECTION("recipients")
    {
        Appliance appliance([](smtp::Options& options) { options.max_recipients_per_hour = 2; });
        const std::string heard = appliance.talk(login() + one + "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.test>\r\n"
                                                                 "RCPT TO:<root@example.test>\r\n", kSecureCaller);
        CHECK(heard.ends_with("250 2.1.5 recipient accepted\r\n450 4.7.1 limit of your account reached: 2 recipients an hour, try again in "
                              "60 minutes\r\n"));
    }
}

TEST_CASE("a network over its hourly limit is put off, another is not", "[smtp][session]")
{
    Appliance appliance([](smtp::Options& options) { options.max_recipients_per_network_hour = 1; });
    const std::string one = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nA: b\r\n\r\nx\r\n.\r\n";
    CHECK(appliance.talk(one).ends_with(kTaken));
    CHECK(appliance.talk(one).find("450 4.7.1 too many recipients from your network, try again in 60 minutes\r\n") != std::string::npos);
    Caller other;
    other.address = "192.0.2.11:40000";
    CHECK(appliance.talk(one, other).ends_with(kTaken));
}

TEST_CASE("an hour's count forgets by five minutes, and says how long to wait", "[smtp]")
{
    smtp::RateTable table(2);
    const SteadyTime start{std::chrono::hours(10)};
    const auto at = [&](int minutes) { return start + std::chrono::minutes(minutes); };
    table.add("a", 3, at(0));
    table.add("a", 2, at(30));
    CHECK(table.within_hour("a", at(31)) == 5);
    CHECK(table.wait_for("a", 1, 5, at(31)) == std::chrono::minutes(30));
    CHECK(table.wait_for("a", 4, 5, at(31)) == std::chrono::minutes(60));
    CHECK(table.wait_for("a", 1, 6, at(31)) == std::chrono::minutes(0));
    CHECK(table.within_hour("a", at(60)) == 2);
    CHECK(table.within_hour("a", at(90)) == 0);
    CHECK(table.within_hour("a", at(100'000)) == 0);
    table.add("b", 1, at(0));
    table.add("c", 1, at(0));
    CHECK(table.within_hour("b", at(1)) == 1);
    table.add("d", 1, at(0));
    CHECK(table.within_hour("c", at(1)) == 0);
}

} // namespace
} // namespace mbx::test
