#include "mail/mime.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "corpus.hpp"
#include "mail/line_ending.hpp"
#include "structure_invariants.hpp"

using namespace mbx::mail;

namespace {

std::string repeat(std::string_view text, std::size_t times)
{
    std::string out;
    out.reserve(text.size() * times);
    while (times-- > 0) out += text;
    return out;
}

// "type/subtype[children]" with the body of leaves in quotes, line ends as "\n".
std::string shown(std::string_view message, const Structure& structure, std::uint32_t index = 0)
{
    const Part& part = structure.parts[index];
    std::string text = (part.is_opaque ? "!" : "") + part.type + '/' + part.subtype;
    if (part.first_child == kNoPart) {
        std::string body(message.substr(part.body_offset, part.body_size()));
        std::erase(body, '\r');
        return text + '"' + body + '"';
    }
    text += '[';
    for (std::uint32_t child = part.first_child; child != kNoPart; child = structure.parts[child].next_sibling)
        text += (child == part.first_child ? "" : " ") + shown(message, structure, child);
    return text + ']';
}

// Rows are written with LF; they are tried as such and as CRLF, and must give one tree.
std::string tree(std::string_view message)
{
    const Structure foreign = parse_structure(message);
    const std::string canonical = canonical_crlf(message);
    const Structure structure = parse_structure(canonical);
    CHECK(test::first_flaw(message, foreign) == "");
    CHECK(test::first_flaw(canonical, structure) == "");
    CHECK(shown(message, foreign) == shown(canonical, structure));
    return shown(canonical, structure);
}

const std::string kMixed = "Content-Type: multipart/mixed; boundary=b\n\n";

}  // namespace

TEST_CASE("the structure of plain and multipart messages is found", "[mail][mime]")
{
    CHECK(tree("Subject: x\n\nbody\n") == "text/plain\"body\n\"");
    CHECK(tree("Content-Type: TEXT/Html; charset=x\n\nbody") == "text/html\"body\"");
    CHECK(tree(kMixed + "pre\n--b\n\none\n--b\nContent-Type: a/b\n\ntwo\n\n--b--\npost\n") ==
          "multipart/mixed[text/plain\"one\" a/b\"two\n\"]");
    CHECK(tree(kMixed + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\n1\n--c\n\n2\n--c--\n\n--b\n\n3\n--b--\n") ==
          "multipart/mixed[multipart/alternative[text/plain\"1\" text/plain\"2\"] text/plain\"3\"]");
    CHECK(tree("Content-Type: message/rfc822\n\nSubject: in\n\nbody") == "message/rfc822[text/plain\"body\"]");
    CHECK(tree("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nx\n--b\nContent-Type: text/x\n\ny\n--b--") ==
          "multipart/digest[message/rfc822[text/plain\"x\"] text/x\"y\"]");
    CHECK(tree(kMixed + "--b\nContent-Type: message/rfc822\n\n" + "Content-Type: multipart/mixed; boundary=c\n\n--c\n\n1\n--c--\n--b\n\n2\n--b--") ==
          "multipart/mixed[message/rfc822[multipart/mixed[text/plain\"1\"]] text/plain\"2\"]");
}

TEST_CASE("D4: boundaries of every broken kind give one certain tree", "[mail][D4]")
{
    struct Row {
        std::string message;
        std::string_view expected;
    };
    const auto with = [](std::string_view parameter, std::string_view body) {
        return "Content-Type: multipart/mixed" + std::string(parameter) + "\n\n" + std::string(body);
    };
    const std::vector<Row> rows{
        {with("", "--b\n\nx\n--b--\n"), "multipart/mixed[text/plain\"--b\n\nx\n--b--\n\"]"},
        {with("; boundary=", "--\n\nx\n----\n"), "multipart/mixed[text/plain\"--\n\nx\n----\n\"]"},
        {with("; boundary=\"\"", "--\n\nx\n"), "multipart/mixed[text/plain\"--\n\nx\n\"]"},
        {with("; boundary=\"  \"", "--  \n\nx\n"), "multipart/mixed[text/plain\"--  \n\nx\n\"]"},
        {with("; boundary=b", "never\n"), "multipart/mixed[text/plain\"never\n\"]"},
        {with("; boundary=b", ""), "multipart/mixed[text/plain\"\"]"},
        {with("; boundary=b", "--b--\n"), "multipart/mixed[text/plain\"--b--\n\"]"},
        {with("; boundary=b", "--b"), "multipart/mixed[text/plain\"\"]"},
        {with("; boundary=b", "--b\n"), "multipart/mixed[text/plain\"\"]"},
        {with("; boundary=b", "--b\n\nunclosed\n"), "multipart/mixed[text/plain\"unclosed\n\"]"},
        {with("; boundary=b", "--b\n\n--b--\n"), "multipart/mixed[text/plain\"\"]"},
        {with("; boundary=b", "--b\n--b--\n"), "multipart/mixed[text/plain\"\"]"},
        {with("; boundary=b", "--b\n--b\n\nx\n--b--"), "multipart/mixed[text/plain\"\" text/plain\"x\"]"},
        {with("; boundary=b", "--b\nContent-Type: a/b\n--b\n\nx\n--b--"), "multipart/mixed[a/b\"\" text/plain\"x\"]"},
        {with("; boundary=b", "--b \t\n\nx\n--b--  \n"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=b", "--bb\n\nx\n--b\n\ny\n--b-\n--b--x\n--b--"), "multipart/mixed[text/plain\"y\n--b-\n--b--x\"]"},
        {with("; boundary=b", "x--b\n --b\n--b\n\ny\n--b--"), "multipart/mixed[text/plain\"y\"]"},
        {with("; boundary=b", "--b\n\nx\n--b--\n--b\n\nafter\n--b--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=\"a b\"", "--a b\n\nx\n--a b--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=\"b  \"", "--b\n\nx\n--b--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=\"q\\\"q\"", "--q\"q\n\nx\n--q\"q--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=b; boundary=c", "--c\n--b\n\nx\n--b--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary*0=a; boundary*1=b", "--ab\n\nx\n--ab--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary*=utf-8''%61b", "--ab\n\nx\n--ab--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=b--", "--b--\n\nx\n--b----"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=\xc3\xa9", "--\xc3\xa9\n\nx\n--\xc3\xa9--"), "multipart/mixed[text/plain\"x\"]"},
        {with("; boundary=b", "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\n1\n--b\n\n2\n--b--"),
         "multipart/mixed[multipart/mixed[text/plain\"1\"] text/plain\"2\"]"},
        {with("; boundary=bb", "--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--bb\n\n2\n--bb--"),
         "multipart/mixed[multipart/mixed[text/plain\"1\"] text/plain\"2\"]"},
        {with("; boundary=b", "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--\n--b\n\n2\n--b--"),
         "multipart/mixed[multipart/mixed[text/plain\"1\"] text/plain\"2\"]"},
        {with("; boundary=b", "--b\nno header\nmore\n--b--"), "multipart/mixed[text/plain\"\"]"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.message);
        CHECK(tree(row.message) == row.expected);
    }
}

TEST_CASE("D4: a boundary of a megabyte costs what its bytes cost", "[mail][D4]")
{
    const std::string boundary(1'000'000, 'b');
    const std::string message = "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary +
                                "\r\n\r\nx\r\n--" + boundary + "--\r\n" + repeat("--" + boundary + "x\r\n", 20);
    const Structure structure = parse_structure(message);
    CHECK(test::first_flaw(message, structure) == "");
    CHECK(structure.parts.size() == 2);
}

TEST_CASE("malformed content types are plain text", "[mail][mime]")
{
    CHECK(tree("Content-Type:\n\nx") == "text/plain\"x\"");
    CHECK(tree("Content-Type: text\n\nx") == "text/plain\"x\"");
    CHECK(tree("Content-Type: text/\n\nx") == "text/plain\"x\"");
    CHECK(tree("Content-Type: multipart; boundary=b\n\n--b\n\nx\n--b--") == "text/plain\"--b\n\nx\n--b--\"");
    CHECK(tree("Content-Type: a b/c\n\nx") == "text/plain\"x\"");
    CHECK(tree("Content-Type: text / html ; x=y\n\nx") == "text/html\"x\"");
    CHECK(tree("Content-Type: text/html charset=x\n\nx") == "text/html\"x\"");
    CHECK(tree("Content-Type: text/html\nContent-Type: a/b\n\nx") == "text/html\"x\"");
}

TEST_CASE("D2: multiparts ten thousand deep and messages a thousand deep end in one opaque part", "[mail][D2]")
{
    std::string message;
    const bool is_message = GENERATE(true, false);
    if (is_message) {
        message = repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "Subject: core\r\n\r\nbody";
    } else {
        for (int i = 0; i < 10'000; ++i) {
            const std::string boundary = 'b' + std::to_string(i);
            message += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
        }
    }
    const Structure structure = parse_structure(message);
    CHECK(test::first_flaw(message, structure) == "");
    CHECK(structure.over_limits);
    REQUIRE(structure.parts.size() == 101);
    CHECK(structure.parts.back().is_opaque);
    CHECK(structure.parts.back().depth == 100);
    CHECK(imap_bodystructure(structure).find("\"application\" \"octet-stream\"") != std::string::npos);
}

TEST_CASE("D2: boundaries that look like a cycle give a tree", "[mail][D2]")
{
    std::string message = kMixed;
    for (int i = 0; i < 300; ++i)
        message += "--" + std::string(i % 2 == 0 ? "b" : "c") + "\nContent-Type: multipart/mixed; boundary=" +
                   (i % 2 == 0 ? "c" : "b") + "\n\n";
    const Structure structure = parse_structure(message);
    CHECK(test::first_flaw(message, structure) == "");
    CHECK(structure.parts.size() >= 2);
}

TEST_CASE("D2: a hundred open boundaries are each compared with every line without harm", "[mail][D2]")
{
    std::string message;
    for (int i = 0; i < 99; ++i) {
        const std::string boundary = std::string(60, 'b') + std::to_string(100 + i);
        message += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
    }
    message += "\n" + repeat("--" + std::string(60, 'b') + "99\n", 20'000) + repeat("--\n", 200'000);
    const Structure structure = parse_structure(message);
    CHECK(structure.parts.size() == 100);
    CHECK(test::first_flaw(message, structure) == "");
}

TEST_CASE("D3: of a million parts ten thousand are parsed and the last holds the rest", "[mail][D3]")
{
    const bool ends_in_message = GENERATE(false, true);
    std::string message = kMixed + repeat("--b\n\nx\n", 9'999);
    if (ends_in_message) message += "--b\nContent-Type: message/rfc822\n\nSubject: x\n\nbody\n--b--\nepilogue";
    else message += repeat("--b\n\nx\n", 990'001) + "--b--\nepilogue";
    const Structure structure = parse_structure(message);
    CHECK(test::first_flaw(message, structure) == "");
    CHECK(structure.over_limits);
    REQUIRE(structure.parts.size() == 10'000);
    const Part& last = structure.parts.back();
    CHECK(last.is_opaque);
    CHECK(last.body_end == message.rfind("\n--b--"));
    CHECK(message.substr(last.body_end) == "\n--b--\nepilogue");
    CHECK(structure.child(0, 9'999) == 9'999);
    CHECK(structure.child(0, 10'000) == kNoPart);
    CHECK(structure.child(0, 0) == kNoPart);
}

TEST_CASE("D3: limits hold inside nested multiparts and messages too", "[mail][D3]")
{
    const std::string inner = "Content-Type: multipart/mixed; boundary=c\n\n--c\n\n1\n--c\n\n2\n--c--\n";
    const std::string message = kMixed + "--b\n" + inner + "--b\nContent-Type: message/rfc822\n\n" + inner + "--b\n\nlast\n--b--\n";
    for (std::uint32_t parts = 0; parts < 12; ++parts)
        for (std::uint32_t depth = 0; depth < 5; ++depth) {
            MimeLimits limits;
            limits.parts = parts;
            limits.depth = depth;
            CAPTURE(parts, depth);
            const Structure structure = parse_structure(message, limits);
            CHECK(test::first_flaw(message, structure, limits) == "");
            CHECK(structure.over_limits == (parts < 10 || depth < 3));
        }
}

TEST_CASE("D3: parameters and addresses of all parts together have a budget", "[mail][D3]")
{
    const std::string many = "Content-Type: a/b" + repeat(";a=b;c=d;e=f;g=h;i=j;k=l;m=n;o=p;q=r;s=t", 3);
    std::string message = kMixed;
    for (int i = 0; i < 9'000; ++i) message += "--b\n" + many + "\n\nx\n";
    const Structure structure = parse_structure(message);
    CHECK(structure.over_limits);
    std::size_t parameters = 0;
    for (const Part& part : structure.parts) parameters += part.content_type.wire.size();
    CHECK(parameters <= MimeLimits{}.parameters + 8 * structure.parts.size());
    std::string digest = "Content-Type: multipart/digest; boundary=b\n\n";
    for (int i = 0; i < 100; ++i) digest += "--b\n\nTo: " + repeat("a,", 5'000) + "\n\nx\n";
    std::size_t addresses = 0;
    for (const Envelope& envelope : parse_structure(digest).envelopes) addresses += envelope.to.size();
    CHECK(addresses == MimeLimits{}.addresses);
}

TEST_CASE("D5: archives and test viruses are bytes of one part", "[mail][D5]")
{
    std::string bomb = "PK\x03\x04\x1f\x8b\x08";
    bomb += std::string(1000, '\0') + R"(X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR)";
    const std::string message = "Content-Type: application/zip; name=42.zip\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bomb;
    const Structure structure = parse_structure(message);
    REQUIRE(structure.parts.size() == 1);
    CHECK(message.substr(structure.root().body_offset, structure.root().body_size()) == bomb);
    CHECK(structure.root().file_name() == "42.zip");
}

TEST_CASE("an embedded message in base64 is not looked into", "[mail][mime]")
{
    const std::string message = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==\n";
    CHECK(tree(message) == "!message/rfc822\"U3ViamVjdA==\n\"");
    CHECK_FALSE(parse_structure(message).over_limits);
}

TEST_CASE("D16: nothing, headers only and an mbox line have a structure", "[mail][D16]")
{
    CHECK(tree("") == "text/plain\"\"");
    CHECK(tree("\n") == "text/plain\"\"");
    CHECK(tree("Subject: x") == "text/plain\"\"");
    CHECK(tree("   \n") == "text/plain\"\"");
    CHECK(tree("From a@b Thu\nContent-Type: a/b\n\nx") == "a/b\"x\"");
    CHECK(tree(kMixed) == "multipart/mixed[text/plain\"\"]");
}

TEST_CASE("a part says what its header says", "[mail][mime]")
{
    const std::string message = "Content-Type: image/png; name=\"a b.png\"\r\nContent-ID: <1@x>\r\n"
                                "Content-Description: =?utf-8?q?x?=\r\n folded\r\nContent-MD5: Q2hlY2s=\r\n"
                                "Content-Transfer-Encoding: BASE64\r\nContent-Language: en, de (German)\r\n"
                                "Content-Location: http://x.test/\r\n a\r\n"
                                "Content-Disposition: attachment; filename*=utf-8''%D0%9F.png\r\n\r\nAAAA\r\n";
    const Structure structure = parse_structure(message);
    const Part& part = structure.root();
    CHECK(part.type == "image");
    CHECK(part.id == "<1@x>");
    CHECK(part.description == "=?utf-8?q?x?= folded");
    CHECK(part.md5 == "Q2hlY2s=");
    CHECK(part.encoding == TransferEncoding::base64);
    CHECK(part.encoding_name == "base64");
    CHECK(part.languages == std::vector<std::string>{"en", "de"});
    CHECK(part.location == "http://x.test/a");
    CHECK(part.disposition->value == "attachment");
    CHECK(part.file_name() == "П.png");
    CHECK(part.charset().empty());
    CHECK(part.body_lines == 1);
    CHECK(parse_structure("\r\nx").root().charset() == "us-ascii");
}

TEST_CASE("the whole corpus has sound structures, as it is and with CRLF", "[mail][mime][corpus]")
{
    for (const auto& message : test::load_corpus()) {
        CAPTURE(message.path);
        const std::string canonical = canonical_crlf(message.bytes);
        CHECK(test::first_flaw(message.bytes, parse_structure(message.bytes)) == "");
        CHECK(test::first_flaw(canonical, parse_structure(canonical)) == "");
    }
}

TEST_CASE("any bytes have a sound structure", "[mail][mime]")
{
    std::mt19937 random(23);
    const std::vector<std::string_view> pieces{
        "--b", "--b--", "--c", "--c--", "\n", "\r\n", "\n\n", "x", " ", "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/digest; boundary=c", "Content-Type: message/rfc822", "Content-Type: text/html",
        "Content-Type: multipart/mixed", "Subject: x", ":", "To: a@b", "\r", "--"};
    for (int round = 0; round < 20'000; ++round) {
        std::string message = random() % 2 == 0 ? kMixed : std::string();
        for (std::size_t i = random() % 40; i-- > 0;) {
            message += pieces[random() % pieces.size()];
            if (random() % 2 == 0) message += '\n';
        }
        MimeLimits limits;
        if (random() % 2 == 0) limits.parts = static_cast<std::uint32_t>(random() % 8);
        if (random() % 2 == 0) limits.depth = static_cast<std::uint32_t>(random() % 5);
        CAPTURE(message, limits.parts, limits.depth);
        REQUIRE(test::first_flaw(message, parse_structure(message, limits), limits) == "");
    }
}
