// CHUNKING and BINARYMIME of the server (RFC 3030), as transcripts.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "smtp/appliance.hpp"
#include "smtp/chunk_decoder.hpp"

namespace mbx::test {
namespace {

using std::string_literals::operator""s;

const std::string kFront = "EHLO c.example\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ann@example.test>\r\n";
const std::string kBinaryFront = "EHLO c.example\r\nMAIL FROM:<a@elsewhere.example> BODY=BINARYMIME\r\nRCPT TO:<ann@example.test>\r\n";
const std::string kSender = "250 2.1.0 sender accepted\r\n";
const std::string kRecipient = "250 2.1.5 recipient accepted\r\n";
const std::string kAccepted = "250 2.0.0 ID accepted\r\n";
const std::string kOrder = "503 5.5.1 bad sequence of commands\r\n";
const std::string kBye = "221 2.0.0 bye\r\n";

std::string chunk(const std::string& bytes, bool is_last)
{
    return "BDAT " + std::to_string(bytes.size()) + (is_last ? " LAST\r\n" : "\r\n") + bytes;
}

// What follows the answer to EHLO, up to QUIT's.
std::string talk(Appliance& appliance, const std::string& script, std::size_t piece = 65536)
{
    Caller caller;
    caller.piece = piece;
    const std::string heard = appliance.talk(script + "QUIT\r\n", caller);
    const std::string last = "250 SMTPUTF8\r\n";
    const auto at = heard.find(last);
    REQUIRE(at != std::string::npos);
    return heard.substr(at + last.size());
}

TEST_CASE("RFC 3030 4.1: a message in chunks is the bytes of its chunks", "[smtp][chunking]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{65536});
    Appliance appliance;
    CHECK(talk(appliance, kFront + chunk("Subject: x\r\n\r\n.\r\n.\r", false) + chunk("\nlast without end", true), piece) ==
          kSender + kRecipient + "250 2.0.0 19 octets received\r\n" + kAccepted + kBye);
    const auto inbox = appliance.inbox("ann");
    REQUIRE(inbox.size() == 1);
    CHECK(as_sent(inbox[0]) == "Subject: x\r\n\r\n.\r\n.\r\nlast without end");
}

TEST_CASE("A6: BDAT 0 LAST ends a message, and may be all of one (RFC 3030 2)", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    CHECK(talk(appliance, kFront + chunk("Subject: x\r\n\r\nbody\r\n", false) + "BDAT 0 LAST\r\n") ==
          kSender + kRecipient + "250 2.0.0 20 octets received\r\n" + kAccepted + kBye);
    CHECK(appliance.stored() == 1);
    CHECK(talk(appliance, kFront + "BDAT 0\r\nBDAT 0 LAST\r\n").ends_with("250 2.0.0 0 octets received\r\n" + kAccepted + kBye));
}

TEST_CASE("A6: a chunk out of its order is read to its end, and refused (RFC 3030 2)", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    const std::string evil = "MAIL FROM:<evil@x.example>\r\n";
    CHECK(talk(appliance, "EHLO c.example\r\n" + chunk(evil, true)) == kOrder + kBye);
    CHECK(talk(appliance, "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n" + chunk(evil, false)) == kSender + kOrder + kBye);
    CHECK(talk(appliance, "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@example.test>\r\n" + chunk(evil, true)) ==
          kSender + "550 5.1.1 no such mailbox\r\n554 5.5.1 no valid recipients\r\n" + kBye);
    CHECK(appliance.talk(chunk(evil, true) + "QUIT\r\n").ends_with(kOrder + kBye));
    CHECK(appliance.stored() == 0);
}

TEST_CASE("A6: behind a first chunk only chunks, or the transaction's end, may follow", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    const std::string begun = kFront + chunk("Subject: x\r\n", false);
    const std::string heard = kSender + kRecipient + "250 2.0.0 12 octets received\r\n";
    for (const char* bad : {"DATA\r\n", "MAIL FROM:<b@b.example>\r\n", "RCPT TO:<bob@example.test>\r\n", "STARTTLS\r\n", "XCLIENT ADDR=1.2.3.4\r\n"}) {
        CAPTURE(bad);
        CHECK(talk(appliance, begun + bad + chunk("\r\nx\r\n", true)) == heard + kOrder + kAccepted + kBye);
    }
    CHECK(talk(appliance, begun + "RSET\r\n" + chunk("x", true)) == heard + "250 2.0.0 flushed\r\n" + kOrder + kBye);
    CHECK(appliance.stored() == 5);
    CHECK(appliance.spooled() == 0);
    // An end of the connection in the middle leaves nothing.
    CHECK(appliance.talk(begun + "BDAT 100 LAST\r\nhalf").find("accepted\r\n250 2.0.0 ID") == std::string::npos);
    CHECK(appliance.stored() == 5);
}

TEST_CASE("A6: sizes that nobody can read end the session, negative ones too", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    for (const char* bad : {"BDAT -5 LAST", "BDAT", "BDAT x", "BDAT 5 FIRST", "BDAT 99999999999999999999999"}) {
        CAPTURE(bad);
        CHECK(appliance.talk(kFront + bad + "\r\nMAIL FROM:<b@b.example>\r\n").ends_with("501 5.5.4 a chunk needs its size\r\n"));
    }
    CHECK(appliance.talk(kFront + "BDAT 9223372036854775808 LAST\r\nx").ends_with("552 5.3.4 chunk too large\r\n"));
    CHECK(appliance.stored() == 0);
}

TEST_CASE("A6: a message over the limit is read, refused once, and further chunks are 503", "[smtp][chunking][hostile]")
{
    Appliance appliance([](smtp::Options& options) { options.max_message_bytes = 100; });
    const std::string large(120, 'x');
    CHECK(talk(appliance, kFront + chunk(large, false) + chunk("more", false) + chunk("last", true) + "RSET\r\n" +
                              kFront.substr(16) + chunk("Subject: x\r\n\r\n", true)) ==
          kSender + kRecipient + "552 5.3.4 message too large\r\n" + kOrder + kOrder + "250 2.0.0 flushed\r\n" + kSender + kRecipient +
              kAccepted + kBye);
    CHECK(appliance.stored() == 1);
}

TEST_CASE("A1: a bare CR or LF in a chunk is refused as in DATA, across chunks too", "[smtp][chunking][smuggling]")
{
    Appliance appliance;
    CHECK(talk(appliance, kFront + chunk("Subject: x\r\n\r\na\n.\nb\r\n", true)).find("550 5.6.11 bare CR or LF") != std::string::npos);
    CHECK(talk(appliance, kFront + chunk("Subject: x\r", false) + chunk("x\r\n", true)).find("550 5.6.11 bare CR or LF") != std::string::npos);
    CHECK(talk(appliance, kFront + chunk("Subject: x\r\n\r\n\0\r\n"s, true)).find("550 5.6.11 NUL") != std::string::npos);
    CHECK(appliance.stored() == 0);
    Appliance repairing([](smtp::Options& options) { options.bare_newlines = smtp::BareNewlines::repair; });
    CHECK(talk(repairing, kFront + chunk("Subject: x\r\n\r\na\nb\r", true)).find(kAccepted) != std::string::npos);
    CHECK(as_sent(repairing.inbox("ann")[0]) == "Subject: x\r\n\r\na\r\nb\r\n");
}

TEST_CASE("A7: BODY=BINARYMIME and DATA do not go together (RFC 3030 3)", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    CHECK(talk(appliance, kBinaryFront + "DATA\r\n" + chunk("Subject: x\r\n\r\n", true)) ==
          kSender + kRecipient + kOrder + kAccepted + kBye);
}

TEST_CASE("A7: binary content is kept in a form that every reader can show, with the same meaning", "[smtp][chunking][hostile]")
{
    Appliance appliance;
    const std::string header = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    CHECK(talk(appliance, kBinaryFront + chunk(header + "\0\x01"s, false) + chunk("\n\r\xff"s, true)) ==
          kSender + kRecipient + "250 2.0.0 " + std::to_string(header.size() + 2) + " octets received\r\n" + kAccepted + kBye);
    CHECK(as_sent(appliance.inbox("ann")[0]) ==
          "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\nAAEKDf8=\r\n");
    // What was legal stays byte for byte.
    const std::string legal = header + "\xff\r\n";
    CHECK(talk(appliance, "EHLO c.example\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<bob@example.test>\r\n" + chunk(legal, true))
              .ends_with(kAccepted + kBye));
    CHECK(as_sent(appliance.inbox("bob")[0]) == legal);
    CHECK(talk(appliance, kBinaryFront + chunk("Content-Transfer-Encoding: x-unknown\r\n\r\n\0"s, true)).find("554 5.6.3 ") !=
          std::string::npos);
}

TEST_CASE("A6: binary messages share a bounded memory", "[smtp][chunking][hostile]")
{
    Appliance appliance([](smtp::Options& options) { options.max_binary_bytes = 100; });
    CHECK(talk(appliance, kBinaryFront + chunk(std::string(60, 'a'), false) + chunk(std::string(60, 'b'), false) + "RSET\r\n" +
                              kBinaryFront.substr(16) + chunk(std::string(60, 'a') + "\r\n", true)) ==
          kSender + kRecipient + "250 2.0.0 60 octets received\r\n452 4.3.1 insufficient system storage\r\n250 2.0.0 flushed\r\n" + kSender +
              kRecipient + kAccepted + kBye);
}

TEST_CASE("a large message in chunks goes through the spool whole", "[smtp][chunking]")
{
    Appliance appliance;
    const std::string line(76, 'x');
    std::string body;
    while (body.size() < 600'000) body += line + "\r\n";
    CHECK(talk(appliance, kFront + chunk("Subject: x\r\n\r\n" + body, false) + chunk(body, true)).ends_with(kAccepted + kBye));
    CHECK(as_sent(appliance.inbox("ann")[0]) == "Subject: x\r\n\r\n" + body + body);
}

TEST_CASE("chunks give the same however they are split", "[smtp][chunking]")
{
    const std::string input = "a\r\nb\nc\rd\r\r\n\0e\r"s;
    for (const auto newlines : {smtp::BareNewlines::refuse, smtp::BareNewlines::repair}) {
        smtp::ChunkDecoder whole(newlines);
        std::string expected;
        whole.feed(input, expected);
        whole.finish(expected);
        CHECK(whole.saw_nul());
        CHECK(whole.saw_bare_newline());
        CHECK(expected == (newlines == smtp::BareNewlines::refuse ? input : "a\r\nb\r\nc\r\nd\r\n\r\n\0e\r\n"s));
        for (std::size_t piece = 1; piece < input.size(); ++piece) {
            smtp::ChunkDecoder split(newlines);
            std::string out;
            for (std::size_t at = 0; at < input.size(); at += piece) split.feed(std::string_view(input).substr(at, piece), out);
            split.finish(out);
            CHECK(out == expected);
        }
    }
}

} // namespace
} // namespace mbx::test
