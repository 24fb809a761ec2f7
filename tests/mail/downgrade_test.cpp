// Messages re-encoded for peers that take less.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/body_encoder.hpp"
#include "mail/corpus.hpp"
#include "mail/downgrade.hpp"
#include "mail/line_ending.hpp"
#include "mail/mime.hpp"

namespace mbx::mail {
namespace {

bool is_legal(std::string_view bytes, ContentTarget target)
{
    ContentScan scan;
    scan.feed(bytes);
    const ContentFacts facts = scan.facts();
    return !facts.stray && !facts.nul && facts.longest_line <= kMaxTextLine &&
           (target == ContentTarget::eight_bit || !facts.eight_bit);
}

std::string converted(std::string_view message, ContentTarget target = ContentTarget::seven_bit)
{
    const auto result = downgrade(message, target);
    REQUIRE(result);
    CHECK(is_legal(*result, target));
    return *result;
}

// What each leaf means, decoded; text with its line ends made alike.
std::vector<std::string> contents(std::string_view message)
{
    std::vector<std::string> all;
    const Structure structure = parse_structure(message);
    for (const Part& part : structure.parts) {
        if (part.is_multipart() || part.is_message()) continue;
        const std::string_view body = message.substr(part.body_offset, part.body_size());
        std::string decoded = decode_transfer(body, part.encoding);
        const bool is_bytes = part.type != "text" || part.encoding == TransferEncoding::binary;
        all.push_back(is_bytes ? decoded : canonical_crlf(decoded));
    }
    return all;
}

TEST_CASE("facts of a message are the same however it is cut", "[mail][downgrade]")
{
    const std::string message = "A: b\r\n\r\n\xd1\x91\r\nlonger line\nx\r";
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100});
    ContentScan scan;
    for (std::size_t at = 0; at < message.size(); at += piece) scan.feed(std::string_view(message).substr(at, piece));
    const ContentFacts facts = scan.facts();
    CHECK(facts.bytes == message.size());
    CHECK(facts.longest_line == 11);
    CHECK(facts.eight_bit);
    CHECK_FALSE(facts.header_eight_bit);
    CHECK(facts.stray);
    CHECK_FALSE(facts.nul);
    CHECK_FALSE(facts.ends_with_line);
}

TEST_CASE("a clean message is left as it is by facts", "[mail][downgrade]")
{
    ContentScan scan;
    scan.feed("A: b\r\n\r\nbody\r\n");
    const ContentFacts facts = scan.facts();
    CHECK_FALSE(facts.stray);
    CHECK(facts.ends_with_line);
    CHECK(facts.wire_bytes == 14);
    ContentScan header;
    header.feed("A: \xd1\x91\r\n\r\nbody\r\n");
    CHECK(header.facts().header_eight_bit);
}

TEST_CASE("A7: 8-bit text becomes quoted-printable, or base64 where that is shorter", "[mail][downgrade][hostile]")
{
    CHECK(converted("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nTo: y\r\n\r\n"
                    "one \xd1\x91 and nothing else \r\n") ==
          "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nTo: y\r\nMIME-Version: 1.0\r\n\r\n"
          "one =D1=91 and nothing else=20\r\n");
    const std::string cyrillic = "\xd0\xbf\xd0\xb8\xd1\x81\xd1\x8c\xd0\xbc\xd0\xbe\r\n";
    CHECK(converted("Content-Type: text/plain; charset=utf-8\r\n\r\n" + cyrillic) ==
          "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n0L/QuNGB0YzQvNC+DQo=\r\n");
}

TEST_CASE("A7: bytes without a charset are said to be unknown-8bit", "[mail][downgrade]")
{
    CHECK(converted("Subject: x\r\n\r\nplain words and one \xe9 in them\r\n") ==
          "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n\r\nplain words and one =E9 in them\r\n");
}

const std::string kNested = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                            "preamble \xe9\r\n"
                            "--outer\r\nContent-Type: multipart/alternative; boundary=outer2\r\n\r\n"
                            "--outer2\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nwords and \xd1\x91\r\n\r\n"
                            "--outer2\r\nContent-Type: text/html\r\n\r\n<p>clean</p>\r\n"
                            "--outer2--\r\n"
                            "--outer\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                            "Subject: inner\r\n\r\ninner words \xd1\x91\r\n"
                            "--outer\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n";

TEST_CASE("A7: parts of parts are re-encoded each by itself, and clean ones stay", "[mail][downgrade][hostile]")
{
    const std::string binary("\x89PNG\r\n\0\n\r--outer", 16);
    const std::string message = kNested + binary + "\r\n--outer--\r\nepilogue \xe9\r\n";
    const std::string result = converted(message);
    CHECK(contents(result) == contents(message));
    CHECK(result.find("<p>clean</p>") != std::string::npos);
    CHECK(result.find("Content-Type: text/html\r\n\r\n") != std::string::npos);
    CHECK(result.find("boundary=outer\r\nContent-Transfer-Encoding: 7bit\r\n") != std::string::npos);
    CHECK(result.find("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: inner\r\nMIME-Version: 1.0\r\n") !=
          std::string::npos);
    CHECK(result.find("preamble ?\r\n") != std::string::npos);
    CHECK(contents(result).back() == binary);
    const auto& parts = parse_structure(result).parts;
    CHECK(parts.back().encoding_name == "base64");
}

TEST_CASE("any split of the message gives the same result", "[mail][downgrade]")
{
    const std::string message = kNested + "\x89\r\r\n\n--oute\r\n--outer-\r\n--outer--\r\n-\r\n--";
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{64});
    DowngradeSurvey survey(ContentTarget::seven_bit);
    for (std::size_t at = 0; at < message.size(); at += piece) survey.feed(std::string_view(message).substr(at, piece));
    DowngradePlan plan = survey.finish();
    REQUIRE(plan.is_possible);
    CHECK(plan.changes_bodies);
    Downgrader writer(ContentTarget::seven_bit, plan);
    std::string result;
    for (std::size_t at = 0; at < message.size(); at += piece) writer.feed(std::string_view(message).substr(at, piece), result);
    writer.finish(result);
    CHECK(result == converted(message));
    CHECK(result.size() <= plan.size);
}

TEST_CASE("lines over 998 octets become legal, with the same content", "[mail][downgrade]")
{
    const std::string text = std::string(5000, 'w') + "\r\nshort\r\n";
    const std::string message = "Content-Type: text/plain\r\n\r\n" + text;
    const std::string result = converted(message, ContentTarget::eight_bit);
    CHECK(contents(result)[0] == text);
    CHECK(result.find("quoted-printable") != std::string::npos);
    // Where the peer takes 8-bit, only what is not legal is touched.
    const std::string mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xd1\x91\r\n--b\r\n\r\n" +
                              std::string(1200, 'a') + "\r\n--b--\r\n";
    const std::string half = converted(mixed, ContentTarget::eight_bit);
    CHECK(half.find("8bit\r\n\r\n\xd1\x91\r\n") != std::string::npos);
    CHECK(contents(half) == contents(mixed));
}

TEST_CASE("a header line that is too long is folded, and a field is not changed", "[mail][downgrade]")
{
    std::string value;
    for (int i = 0; i < 300; ++i) value += " <id" + std::to_string(i) + "@example.org>";
    const std::string message = "References:" + value + "\r\nContent-Type: text/plain\r\n\r\n\xe9 words that are here\r\n";
    const std::string result = converted(message);
    const auto field = find_field(result, "References");
    REQUIRE(field);
    CHECK(unfold(field->value) == value.substr(1));
}

TEST_CASE("encoded bodies that hold what they may not are encoded anew", "[mail][downgrade]")
{
    const std::string base64 = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + std::string(1200, 'A') + "\r\n\xe9QUJD\r\n";
    CHECK(contents(converted(base64)) == contents(base64));
    const std::string quoted = "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=E9b \xe9=\r\nc=0A=3D\r\nend";
    CHECK(contents(converted(quoted)) == contents(quoted));
}

TEST_CASE("what is made legal does not become a delimiter by that", "[mail][downgrade][hostile]")
{
    const std::string front = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (const std::string& junk : {std::string("--b\r\0\0", 6), "--b" + std::string(2500, ' ') + "x", std::string("--b\0 ", 5)}) {
        const std::string message = front + junk + "\r\n--b\r\n\r\n\xe9\r\n--b--\r\n";
        const std::string result = converted(message);
        CHECK(parse_structure(result).parts.size() == 2);
        CHECK(parse_structure(converted(result)).parts.size() == 2);
    }
}

TEST_CASE("a CR alone makes no delimiter and no folded field of what was none", "[mail][downgrade][hostile]")
{
    // The boundary is read as "b -": a space for the CR would end the preamble, or the part.
    const std::string front = "Content-Type: multipart/mixed; boundary=\"b -\"\r\n\r\n";
    for (const std::string& body : {std::string("--b\r-\r\n"), std::string("--b -\r\n\r\ntext\r\n--b\r-\r\n\xe9\r\n--b ---\r\n")}) {
        CAPTURE(body);
        const std::string result = converted(front + body);
        CHECK(parse_structure(result).parts.size() == parse_structure(front + body).parts.size());
        CHECK(converted(result) == result);
    }
    const std::string message = "Content-Type: multipart/mixed\r\n\r; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n";
    CHECK(parse_structure(converted(message)).parts.size() == parse_structure(message).parts.size());
    CHECK(converted("Content-Transfer-Encoding\r:8bit\r\n\r\nx\r\n").starts_with("Content-Transfer-Encoding?:8bit\r\n"));
}

TEST_CASE("A7: what no encoding reaches is not possible", "[mail][downgrade][hostile]")
{
    for (const std::string& message : {std::string("Subject: \xe9\r\n\r\nx\r\n"),
                                       std::string("Content-Transfer-Encoding: x-unknown\r\n\r\n\xe9\r\n"),
                                       std::string("Content-Type: message/partial\r\n\r\n\xe9\r\n"),
                                       std::string("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: \xe9\r\n\r\nx\r\n--b--\r\n")}) {
        CAPTURE(message);
        CHECK_FALSE(downgrade(message, ContentTarget::seven_bit));
    }
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "Content-Type: message/rfc822\r\n\r\n";
    CHECK_FALSE(downgrade(deep + "\xe9\r\n", ContentTarget::seven_bit));
}

TEST_CASE("RFC 1847 2.1: what is signed is never changed: what would have to be is not possible", "[mail][downgrade][hostile]")
{
    const auto message = [](const std::string& part, const std::string& beside) {
        return "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
               "Content-Type: multipart/signed; boundary=s; micalg=sha-256; protocol=\"application/pkcs7-signature\"\r\n\r\n--s\r\n" +
               part + "\r\n--s\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--s--\r\n--o\r\n" +
               beside + "\r\n--o--\r\n";
    };
    const std::string footer = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xd1\x91 and more words of it";
    // The part beside it may change; the signed one, also one that calls itself 8bit or has long lines, does not.
    for (const std::string& part : {std::string("Content-Type: text/plain\r\n\r\nall in ASCII"),
                                    std::string("Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nall in ASCII"),
                                    "Content-Type: text/plain\r\n\r\n" + std::string(2000, 'x'),
                                    std::string("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: x\r\n\r\nASCII"),
                                    std::string("Content-Type: multipart/mixed; boundary=i\r\nContent-Transfer-Encoding: 8bit\r\n\r\npre\r\n--i\r\n\r\nx\r\n--i--\r\nepilogue")}) {
        CAPTURE(part);
        const auto result = downgrade(message(part, footer), ContentTarget::seven_bit);
        REQUIRE(result);
        CHECK(result->find("--s\r\n" + part + "\r\n--s\r\n") != std::string::npos);
        CHECK(result->find("=D1=91 and more") != std::string::npos);
    }
    for (const std::string& part : {std::string("Content-Type: text/plain\r\n\r\n\xd1\x91"), std::string("Content-Type: text/plain\r\n\r\na") + '\0',
                                    std::string("X: \xd1\x91\r\n\r\nx"), "X: " + std::string(2000, 'x') + "\r\n\r\nx",
                                    std::string("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n\xd1\x91"),
                                    std::string("Content-Type: multipart/mixed; boundary=i\r\n\r\n\xd1\x91\r\n--i\r\n\r\nx\r\n--i--\r\n"),
                                    std::string("Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\n\xd1\x91\r\n--i--\r\n")}) {
        CAPTURE(part);
        DowngradeSurvey survey(ContentTarget::seven_bit);
        survey.feed(message(part, footer));
        const DowngradePlan plan = survey.finish();
        CHECK_FALSE(plan.is_possible);
        CHECK(plan.is_signed);
    }
    // Behind the signed part signs end.
    const auto free = downgrade(message("\r\nASCII", footer), ContentTarget::seven_bit);
    CHECK(free);
}

TEST_CASE("quoted-printable keeps every byte, and no line ends in white space", "[mail][downgrade]")
{
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    const std::string text = all + "\r\n \t\r\n\r\r\n\n\n " + std::string(200, ' ') + "\r\nend ";
    const auto piece = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{1000});
    QuotedPrintableEncoder encoder;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) encoder.feed(std::string_view(text).substr(at, piece), out);
    encoder.finish(out);
    CHECK(decode_transfer(out, TransferEncoding::quoted_printable) == text);
    CHECK(out.find(" \r\n") == std::string::npos);
    ContentScan scan;
    scan.feed(out);
    CHECK(scan.facts().longest_line <= 76);
    CHECK_FALSE(scan.facts().stray);
}

TEST_CASE("A7: the corpus decodes to the same content behind a 7-bit peer", "[mail][downgrade][corpus][hostile]")
{
    std::size_t changed = 0;
    for (const auto& message : test::load_corpus()) {
        INFO(message.path);
        const std::string wire = canonical_crlf(message.bytes);
        DowngradeSurvey survey(ContentTarget::seven_bit);
        survey.feed(wire);
        const DowngradePlan plan = survey.finish();
        if (!plan.is_possible) continue;
        const auto result = downgrade(wire, ContentTarget::seven_bit);
        REQUIRE(result);
        CHECK(is_legal(*result, ContentTarget::seven_bit));
        if (plan.changes_bodies) ++changed;
        // A repaired CR is a space in what was kept.
        auto expected = contents(wire);
        auto found = contents(*result);
        const bool has_stray = wire.find("\r\r") != std::string::npos;
        if (has_stray) continue;
        if (expected.size() != found.size()) CHECK(expected.size() == found.size());
        for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
            if (!found[i].empty() && expected[i] + "\r\n" == found[i]) continue;  // a last line without its end
            CHECK(expected[i] == found[i]);
        }
    }
    CHECK(changed > 0);
}

} // namespace
} // namespace mbx::mail
