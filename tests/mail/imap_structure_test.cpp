#include "mail/imap_structure.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "corpus.hpp"
#include "imap_syntax.hpp"
#include "mail/line_ending.hpp"

using namespace mbx::mail;
using enum SectionText;

namespace {

std::string imap_string(std::string_view text)
{
    std::string out;
    append_imap_string(out, text);
    return out;
}

// The message of RFC 9051 section 6.4.5.1's example, with something in each part.
const std::string kExample =
    canonical_crlf("Subject: outer\nFrom: a@b\nTo: c@d\nContent-Type: multipart/mixed; boundary=o\n\npreamble\n"
                   "--o\nContent-Type: text/plain\n\none\n"
                   "--o\nContent-Type: application/octet-stream\n\ntwo\n"
                   "--o\nContent-Type: message/rfc822\nContent-ID: <3>\n\n"
                   "Subject: inner\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nthree-one\n"
                   "--i\nContent-Type: application/octet-stream\n\nthree-two\n--i--\n"
                   "--o\nContent-Type: multipart/mixed; boundary=m\nContent-ID: <4>\n\n"
                   "--m\nContent-Type: image/gif\nContent-ID: <4.1>\n\nfour-one\n"
                   "--m\nContent-Type: message/rfc822\n\nSubject: deep\nContent-Type: multipart/alternative; boundary=a\n\n"
                   "--a\nContent-Type: text/plain\n\n4.2.2.1\n--a\nContent-Type: text/richtext\n\n4.2.2.2\n--a--\n"
                   "--m--\n"
                   "--o--\nepilogue\n");

std::optional<std::string> fetch(const std::string& message, std::vector<std::uint32_t> path, SectionText text = whole,
                                 std::vector<std::string> fields = {})
{
    const auto bytes = resolve_section(message, parse_structure(message), {std::move(path), text, std::move(fields)});
    if (!bytes) return std::nullopt;
    std::string out;
    bytes->append(out);
    CHECK(out.size() == bytes->size());
    return out;
}

}  // namespace

TEST_CASE("an IMAP string is quoted when it is safe and a literal when not", "[mail][imap_structure]")
{
    using namespace std::string_view_literals;
    CHECK(imap_string("") == "\"\"");
    CHECK(imap_string("a \"b\" \\") == "\"a \\\"b\\\" \\\\\"");
    CHECK(imap_string("a\r\nb") == "{4}\r\na\r\nb");
    CHECK(imap_string("\xc3\xa9") == "{2}\r\n\xc3\xa9");
    CHECK(imap_string("a\0b"sv) == "{3}\r\na b");
    CHECK(imap_string(std::string(1001, 'x')).starts_with("{1001}\r\n"));
}

TEST_CASE("ENVELOPE follows the fields, and Sender and Reply-To default to From", "[mail][envelope]")
{
    CHECK(imap_envelope(parse_envelope("")) == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    CHECK(imap_envelope(parse_envelope("Date: Mon\r\nSubject:\r\nFrom: \"A\" <a@b>\r\nSender:\r\nTo: g: x@y;\r\n"
                                       "Message-ID: <1@2>\r\nIn-Reply-To:\r\n <0@2>\r\n\r\n")) ==
          "(\"Mon\" \"\" ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) "
          "((NIL NIL \"g\" NIL)(NIL NIL \"x\" \"y\")(NIL NIL NIL NIL)) NIL NIL \"<0@2>\" \"<1@2>\")");
    CHECK(imap_envelope(parse_envelope("To: nobody\r\nTo: a@b\r\nSubject: 1\r\nSubject: 2\r\nCc: <@r:u@d>\r\n\r\n")) ==
          "(NIL \"1\" NIL NIL NIL ((NIL NIL \"nobody\" \"\")(NIL NIL \"a\" \"b\")) ((NIL \"@r\" \"u\" \"d\")) NIL NIL NIL)");
    const Envelope envelope = parse_envelope("From: a@b\r\nReply-To: c@d\r\nSender: e@f\r\n\r\n");
    CHECK(envelope.sender.front().local == "e");
    CHECK(envelope.reply_to.front().local == "c");
}

TEST_CASE("BODY and BODYSTRUCTURE are written as RFC 9051 has them", "[mail][imap_structure]")
{
    const std::string plain = "Content-Type: text/plain; charset=utf-8\r\n\r\na\r\nb\r\n";
    CHECK(imap_body(parse_structure(plain)) == "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 6 2)");
    CHECK(imap_bodystructure(parse_structure(plain)) ==
          "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 6 2 NIL NIL NIL NIL)");
    CHECK(imap_body(parse_structure("")) == "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
    const std::string mixed = canonical_crlf(
        "Content-Type: multipart/mixed; boundary=b\nContent-Language: en\n\n--b\n\nx\n--b\nContent-Type: image/png; name=p\n"
        "Content-Transfer-Encoding: base64\nContent-ID: <i>\nContent-Description: d\nContent-MD5: m\n"
        "Content-Disposition: attachment; filename=f\nContent-Language: en, de\nContent-Location: l\n\nAAAA\n--b--\n");
    CHECK(imap_body(parse_structure(mixed)) ==
          "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)"
          "(\"image\" \"png\" (\"name\" \"p\") \"<i>\" \"d\" \"base64\" 4) \"mixed\")");
    CHECK(imap_bodystructure(parse_structure(mixed)) ==
          "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL)"
          "(\"image\" \"png\" (\"name\" \"p\") \"<i>\" \"d\" \"base64\" 4 \"m\" (\"attachment\" (\"filename\" \"f\")) "
          "(\"en\" \"de\") \"l\") \"mixed\" (\"boundary\" \"b\") NIL \"en\" NIL)");
    const std::string embedded = "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n";
    CHECK(imap_body(parse_structure(embedded)) ==
          "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
          "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1) 3)");
}

TEST_CASE("sections are those of RFC 9051's example", "[mail][section]")
{
    CHECK(fetch(kExample, {}) == kExample);
    CHECK(fetch(kExample, {}, header)->starts_with("Subject: outer\r\n"));
    CHECK(fetch(kExample, {}, header)->ends_with("boundary=o\r\n\r\n"));
    CHECK(*fetch(kExample, {}, header) + *fetch(kExample, {}, text) == kExample);
    CHECK(fetch(kExample, {1}) == "one");
    CHECK(fetch(kExample, {1}, mime) == "Content-Type: text/plain\r\n\r\n");
    CHECK(fetch(kExample, {2}) == "two");
    CHECK(fetch(kExample, {3})->starts_with("Subject: inner\r\n"));
    CHECK(fetch(kExample, {3})->ends_with("--i--"));
    CHECK(fetch(kExample, {3}, header) == "Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n");
    CHECK(fetch(kExample, {3}, text)->starts_with("--i\r\n"));
    CHECK(fetch(kExample, {3}, mime) == "Content-Type: message/rfc822\r\nContent-ID: <3>\r\n\r\n");
    CHECK(fetch(kExample, {3, 1}) == "three-one");
    CHECK(fetch(kExample, {3, 1}, mime) == "\r\n");
    CHECK(fetch(kExample, {3, 2}) == "three-two");
    CHECK(fetch(kExample, {4})->starts_with("--m\r\n"));
    CHECK(fetch(kExample, {4, 1}) == "four-one");
    CHECK(fetch(kExample, {4, 1}, mime) == "Content-Type: image/gif\r\nContent-ID: <4.1>\r\n\r\n");
    CHECK(fetch(kExample, {4, 2}, header)->starts_with("Subject: deep\r\n"));
    CHECK(fetch(kExample, {4, 2, 1}) == "4.2.2.1");
    CHECK(fetch(kExample, {4, 2, 2}) == "4.2.2.2");
}

TEST_CASE("E6: sections that do not exist are none, at any length of path", "[mail][section][E6]")
{
    CHECK_FALSE(fetch(kExample, {5}));
    CHECK_FALSE(fetch(kExample, {0}));
    CHECK_FALSE(fetch(kExample, {1, 1}));
    CHECK_FALSE(fetch(kExample, {3, 3}));
    CHECK_FALSE(fetch(kExample, {4294967295U}));
    CHECK_FALSE(fetch(kExample, {1}, header));
    CHECK_FALSE(fetch(kExample, {1}, text));
    CHECK_FALSE(fetch(kExample, {4}, header));
    CHECK_FALSE(fetch(kExample, {}, mime));
    CHECK_FALSE(fetch(kExample, std::vector<std::uint32_t>(10'000, 1)));
    CHECK_FALSE(resolve_section("other bytes", parse_structure(kExample), {}));
}

TEST_CASE("part 1 of a message that is no multipart is its body", "[mail][section]")
{
    const std::string message = "Subject: x\r\nContent-Type: text/html\r\n\r\nbody";
    CHECK(fetch(message, {1}) == "body");
    CHECK(fetch(message, {1}, mime) == "Subject: x\r\nContent-Type: text/html\r\n\r\n");
    CHECK(fetch(message, {}, text) == "body");
    CHECK_FALSE(fetch(message, {2}));
    CHECK_FALSE(fetch(message, {1, 1}));
    CHECK_FALSE(fetch(message, {1}, text));
    const std::string embedded = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody";
    CHECK(fetch(embedded, {1}) == "Subject: in\r\n\r\nbody");
    CHECK(fetch(embedded, {1}, header) == "Subject: in\r\n\r\n");
    CHECK(fetch(embedded, {1}, text) == "body");
    CHECK(fetch(embedded, {1, 1}) == "body");
    CHECK(fetch(embedded, {1, 1}, mime) == "Subject: in\r\n\r\n");
    CHECK_FALSE(fetch(embedded, {1, 1, 1}));
    CHECK_FALSE(fetch(embedded, {1, 2}));
}

TEST_CASE("HEADER.FIELDS gives the named fields and an empty line, HEADER.FIELDS.NOT the others", "[mail][section]")
{
    const std::string message = "A: 1\r\nB: 2\r\n folded\r\na: 3\r\nC: 4\r\n\r\nbody";
    CHECK(fetch(message, {}, header_fields, {"a"}) == "A: 1\r\na: 3\r\n\r\n");
    CHECK(fetch(message, {}, header_fields, {"B", "c", "x"}) == "B: 2\r\n folded\r\nC: 4\r\n\r\n");
    CHECK(fetch(message, {}, header_fields, {"x"}) == "\r\n");
    CHECK(fetch(message, {}, header_fields_not, {"A"}) == "B: 2\r\n folded\r\nC: 4\r\n\r\n");
    CHECK(fetch(message, {}, header_fields_not, {"x"}) == "A: 1\r\nB: 2\r\n folded\r\na: 3\r\nC: 4\r\n\r\n");
    CHECK(fetch("A: 1", {}, header_fields, {"a"}) == "A: 1\r\n\r\n");
    CHECK(fetch("", {}, header_fields, {"a"}) == "\r\n");
    CHECK(fetch("", {}, header) == "");
    CHECK(fetch(kExample, {3}, header_fields, {"SUBJECT"}) == "Subject: inner\r\n\r\n");
    CHECK(fetch(message, {}, header_fields, std::vector<std::string>(10'000, "b")) == "B: 2\r\n folded\r\n\r\n");
}

TEST_CASE("E6: partial fetches are exact at every offset and count", "[mail][section][E6]")
{
    const std::string message = "A: 1\r\nB: 2\r\nA: 3\r\n\r\nbody";
    const auto bytes = resolve_section(message, parse_structure(message), {{}, header_fields, {"A"}});
    REQUIRE(bytes);
    const std::string all = "A: 1\r\nA: 3\r\n\r\n";
    for (std::size_t offset = 0; offset <= all.size() + 2; ++offset)
        for (std::size_t count = 0; count <= all.size() + 2; ++count) {
            std::string out;
            bytes->append(out, offset, count);
            REQUIRE(out == all.substr(std::min(offset, all.size()), count));
        }
    std::string out;
    bytes->append(out, SIZE_MAX, SIZE_MAX);
    CHECK(out.empty());
    bytes->append(out, 4'294'967'295U, 4'294'967'295U);
    CHECK(out.empty());
}

TEST_CASE("every part of the corpus is reached by its path, and header and body make it whole", "[mail][section][corpus]")
{
    for (const auto& original : test::load_corpus()) {
        CAPTURE(original.path);
        const std::string message = canonical_crlf(original.bytes);
        const Structure structure = parse_structure(message);
        std::vector<std::vector<std::uint32_t>> paths(structure.parts.size());
        std::vector<std::uint32_t> next_number(structure.parts.size(), 0);
        for (std::uint32_t i = 1; i < structure.parts.size(); ++i) {
            const Part& part = structure.parts[i];
            paths[i] = paths[part.parent];
            const Part& parent = structure.parts[part.parent];
            if (part.parent == 0 && parent.is_message()) paths[i] = {1};
            // A multipart directly inside message/rfc822 has no number of its own.
            if (parent.is_message() && part.is_multipart()) continue;
            paths[i].push_back(++next_number[part.parent]);
            CHECK(find_part(structure, paths[i]) == i);
            CHECK(fetch(message, paths[i]) == message.substr(part.body_offset, part.body_size()));
        }
    }
}
