// What the client makes of a server's words.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "smtp/client_offer.hpp"
#include "smtp/client_reply.hpp"

namespace mbx::smtp {
namespace {

using State = RemoteReplyParser::State;
using Verdict = queue::Answer::Verdict;

RemoteReplyParser parse(const std::string& bytes, std::size_t piece = 65536)
{
    RemoteReplyParser parser;
    for (std::size_t at = 0; at < bytes.size() && parser.state() == State::more; at += piece)
        (void)parser.feed(std::string_view(bytes).substr(at, piece));
    return parser;
}

RemoteReply reply(const std::string& bytes)
{
    const auto parser = parse(bytes);
    REQUIRE(parser.state() == State::done);
    return parser.reply();
}

TEST_CASE("a reply is the same however its bytes arrive (RFC 5321 4.2.1)", "[smtp][client]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{4096});
    const auto parser = parse("250-mx.example\r\n250-SIZE 1000\r\n250 HELP\r\n", piece);
    REQUIRE(parser.state() == State::done);
    CHECK(parser.reply().code == 250);
    CHECK(parser.reply().lines == std::vector<std::string>{"mx.example", "SIZE 1000", "HELP"});
}

TEST_CASE("what stands behind a reply is left to the next", "[smtp][client]")
{
    RemoteReplyParser parser;
    CHECK(parser.feed("250 a\r\n354 b\r\n") == 7);
    CHECK(parser.state() == State::done);
    CHECK(parser.feed("354 b\r\n") == 0);
}

TEST_CASE("a code alone, without text or with a bare LF, is a reply", "[smtp][client]")
{
    CHECK(reply("250\r\n").code == 250);
    CHECK(reply("250 \r\n").lines == std::vector<std::string>{""});
    CHECK(reply("220-a\n220 b\n").lines.size() == 2);
}

TEST_CASE("C13: 100 000 continuation lines end the reading, in bounded memory", "[smtp][client][hostile]")
{
    RemoteReplyParser parser;
    std::size_t fed = 0;
    for (int i = 0; i < 100'000 && parser.state() == State::more; ++i) fed += parser.feed("250-more\r\n");
    CHECK(parser.state() == State::too_long);
    CHECK(fed <= RemoteReplyParser::kMaxBytes + 100);
    CHECK(parser.reply().lines.size() <= RemoteReplyParser::kMaxLines);
}

TEST_CASE("C13: a line without end, unknown codes and mixed codes are no replies", "[smtp][client][hostile]")
{
    CHECK(parse(std::string(100'000, 'a')).state() == State::too_long);
    CHECK(parse("250-" + std::string(5000, 'a')).state() == State::too_long);
    const auto bad = GENERATE("999 hello\r\n", "100 go\r\n", "600 x\r\n", "25 x\r\n", "250x\r\n", "abc def\r\n", "\r\n", " 250 ok\r\n",
                              "HTTP/1.1 400 Bad Request\r\n", "250-ok\r\n550 no\r\n", "550-no\r\n250 ok\r\n", "-50 x\r\n", "2500 x\r\n");
    CAPTURE(bad);
    CHECK(parse(bad).state() == State::not_smtp);
}

TEST_CASE("last words are printable and short", "[smtp][client]")
{
    const auto parser = parse("SSH-2.0\x1b[31m" + std::string(1000, 'x') + "\r\n");
    CHECK(parser.state() == State::not_smtp);
    CHECK(parser.last_words().starts_with("SSH-2.0 [31mx"));
    CHECK(parser.last_words().size() <= 210);
}

TEST_CASE("the enhanced code counts when its class is the reply's (RFC 2034 4, RFC 3463 2)", "[smtp][client]")
{
    CHECK(reply("550 5.7.1 no\r\n").enhanced() == "5.7.1");
    CHECK(reply("550 5.7.1\r\n").enhanced() == "5.7.1");
    CHECK(reply("550 4.7.1 no\r\n").enhanced().empty());
    CHECK(reply("250 2.0.0 ok\r\n").enhanced() == "2.0.0");
    CHECK(reply("550 5.7.1x no\r\n").enhanced().empty());
    CHECK(reply("550 5.7000.1 no\r\n").enhanced().empty());
    CHECK(reply("550 5..1 no\r\n").enhanced().empty());
    CHECK(reply("550 5.7\r\n").enhanced().empty());
}

TEST_CASE("the words are one line of printable UTF-8 of at most 2 KiB", "[smtp][client]")
{
    CHECK(reply("550-5.1.1 no such\r\n550-5.1.1 user\r\n550 5.1.1 here\r\n").text() == "no such user here");
    CHECK(reply("550 a\x07\xff bell \\o/\r\n").text() == "a ? bell \\o/");
    std::string much;
    for (int i = 0; i < 100; ++i) much += "550-" + std::string(500, 'a') + "\r\n";
    CHECK(reply(much + "550 b\r\n").text().size() <= 2048);
}

TEST_CASE("I7: each class of reply has its verdict (RFC 5321 4.2.1, 4.3.2)", "[smtp][client]")
{
    struct Row {
        std::string reply;
        ClientStep step;
        Verdict verdict;
        std::string enhanced;
    };
    const std::vector<Row> rows{
        {"250 2.1.5 ok", ClientStep::recipient, Verdict::delivered, "2.1.5"},
        {"251 forwards", ClientStep::recipient, Verdict::delivered, "2.0.0"},
        {"252 maybe", ClientStep::recipient, Verdict::delivered, "2.0.0"},
        {"450 4.2.0 greylisted", ClientStep::recipient, Verdict::temporary, "4.2.0"},
        {"451 later", ClientStep::content, Verdict::temporary, "4.3.0"},
        {"452 too many", ClientStep::recipient, Verdict::temporary, "4.5.3"},
        {"552 too many", ClientStep::recipient, Verdict::temporary, "4.5.3"},
        {"552 5.2.2 full", ClientStep::recipient, Verdict::permanent, "5.2.2"},
        {"552 too large", ClientStep::content, Verdict::permanent, "5.3.4"},
        {"421 going", ClientStep::mail, Verdict::temporary, "4.3.2"},
        {"550 5.7.1 policy", ClientStep::content, Verdict::permanent, "5.7.1"},
        {"550 who", ClientStep::recipient, Verdict::permanent, "5.0.0"},
        {"554 no", ClientStep::greeting, Verdict::permanent, "5.0.0"},
        {"354 go", ClientStep::recipient, Verdict::temporary, "3.0.0"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.reply);
        const auto answer = answer_of(reply(row.reply + "\r\n"), row.step);
        CHECK(answer.verdict == row.verdict);
        CHECK(answer.is_remote);
        if (row.verdict != Verdict::temporary || row.reply[0] == '4') CHECK(answer.enhanced == row.enhanced);
    }
}

TEST_CASE("452 and 552 to RCPT ask for another transaction, unless they say something else", "[smtp][client]")
{
    CHECK(is_too_many_recipients(reply("452 no more\r\n")));
    CHECK(is_too_many_recipients(reply("452 4.5.3 no more\r\n")));
    CHECK(is_too_many_recipients(reply("552 5.5.3 no more\r\n")));
    CHECK_FALSE(is_too_many_recipients(reply("452 4.2.2 full\r\n")));
    CHECK_FALSE(is_too_many_recipients(reply("450 no more\r\n")));
}

TEST_CASE("EHLO's keywords are found in any case, and nothing that is none", "[smtp][client]")
{
    const auto offer = parse_offer(reply("250-PIPELINING DSN\r\n250-pipelining\r\n250-Size 1000\r\n250-8bitmime\r\n250-SMTPUTF8\r\n"
                                         "250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n250-REQUIRETLS\r\n"
                                         "250-AUTH PLAIN login\r\n250 AUTH=CRAM-MD5\r\n"));
    CHECK(offer.pipelining);
    CHECK(offer.size);
    CHECK(offer.max_size == 1000);
    CHECK(offer.eight_bit_mime);
    CHECK(offer.smtputf8);
    CHECK(offer.chunking);
    CHECK(offer.binary_mime);
    CHECK(offer.dsn);
    CHECK(offer.require_tls);
    CHECK_FALSE(offer.start_tls);
    CHECK(offer.mechanisms == std::vector<std::string>{"PLAIN", "LOGIN", "CRAM-MD5"});
}

TEST_CASE("LIMITS are read as RFC 9422 writes them, and nothing else is a limit", "[smtp][client]")
{
    const auto offer = parse_offer(reply("250-mx\r\n250 limits RCPTMAX=20 mailmax=5 OTHER=1 RCPTDOMAINMAX=1\r\n"));
    CHECK(offer.rcpt_max == 20);
    CHECK(offer.mail_max == 5);
    CHECK(offer.rcpt_domain_max == 1);
    const auto odd = parse_offer(reply("250-mx\r\n250 LIMITS RCPTMAX=0 MAILMAX=1000000 RCPTDOMAINMAX RCPTMAX= MAILMAX=-1 =7\r\n"));
    CHECK(odd.rcpt_max == 0);
    CHECK(odd.mail_max == 0);
    CHECK(odd.rcpt_domain_max == 0);
}

TEST_CASE("B5: a keyword that was overwritten on the way is no STARTTLS", "[smtp][client][hostile]")
{
    CHECK_FALSE(parse_offer(reply("250-mx\r\n250-XXXXXXXA\r\n250 HELP\r\n")).start_tls);
    CHECK_FALSE(parse_offer(reply("250 STARTTLS\r\n")).start_tls);  // the host's name
    CHECK(parse_offer(reply("250-mx\r\n250 starttls\r\n")).start_tls);
}

TEST_CASE("extensions without what they stand on are not there", "[smtp][client]")
{
    const auto offer = parse_offer(reply("250-mx\r\n250-BINARYMIME\r\n250-SMTPUTF8\r\n250 SIZE 99999999999999999999999\r\n"));
    CHECK_FALSE(offer.binary_mime);
    CHECK_FALSE(offer.smtputf8);
    CHECK(offer.size);
    CHECK(offer.max_size == 0);
}

} // namespace
} // namespace mbx::smtp
