#include "mail/header.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "corpus.hpp"
#include "mail/line_ending.hpp"

using namespace mbx::mail;

namespace {

HeaderFacts facts_of(std::string_view message, std::size_t piece, HeaderLimits limits = {})
{
    IncrementalHeaderScanner scanner(limits);
    for (std::size_t at = 0; at < message.size(); at += piece) scanner.feed(message.substr(at, piece));
    scanner.finish();
    return scanner.facts();
}

HeaderFacts facts_of_whole(std::string_view message)
{
    const HeaderLimits unlimited{SIZE_MAX, SIZE_MAX};
    const Header header = parse_header(message, unlimited);
    HeaderFacts facts;
    facts.header_bytes = header.body_offset;
    facts.fields = header.fields.size();
    facts.received = static_cast<std::uint32_t>(header.count("received"));
    facts.from = static_cast<std::uint32_t>(header.count("from"));
    facts.sender = static_cast<std::uint32_t>(header.count("sender"));
    facts.date = static_cast<std::uint32_t>(header.count("date"));
    facts.message_id = static_cast<std::uint32_t>(header.count("message-id"));
    facts.complete = true;
    return facts;
}

std::string repeat(std::string_view text, std::size_t times)
{
    std::string out;
    out.reserve(text.size() * times);
    while (times-- > 0) out += text;
    return out;
}

}  // namespace

TEST_CASE("fields, folds and the body are found", "[mail][header]")
{
    const std::string message = "From: a@b\r\nSubject : one\r\n\ttwo\r\n  three \r\nTo:\r\n\r\nbody\r\n";
    const Header header = parse_header(message);
    REQUIRE(header.fields.size() == 3);
    CHECK(header.fields[0].name == "From");
    CHECK(header.fields[0].value == " a@b");
    CHECK(header.fields[1].name == "Subject");
    CHECK(header.fields[1].value == " one\r\n\ttwo\r\n  three ");
    CHECK(header.fields[1].whole == "Subject : one\r\n\ttwo\r\n  three \r\n");
    CHECK(header.fields[1].offset == 11);
    CHECK(header.fields[2].value.empty());
    CHECK(message.substr(header.body_offset) == "body\r\n");
    CHECK(header.has_separator);
    CHECK(unfold(header.fields[1].value) == "one\ttwo  three");
    CHECK(header.find("SUBJECT") == &header.fields[1]);
    CHECK(header.find("Cc") == nullptr);
    CHECK(find_field(message, "to")->name == "To");
    CHECK(find_fields(message, "from").size() == 1);
}

TEST_CASE("a header is read alike with CRLF and with bare LF", "[mail][header]")
{
    const std::string foreign = "A: 1\n 2\nB: 3\n\nbody\n";
    const std::string canonical = canonical_crlf(foreign);
    CHECK(canonical == "A: 1\r\n 2\r\nB: 3\r\n\r\nbody\r\n");
    CHECK_FALSE(is_canonical_crlf(foreign));
    CHECK(is_canonical_crlf(canonical));
    CHECK(canonical_crlf(canonical) == canonical);
    CHECK(canonical_crlf("\n\r\n\r") == "\r\n\r\n\r");
    const Header a = parse_header(foreign);
    const Header b = parse_header(canonical);
    REQUIRE(a.fields.size() == b.fields.size());
    for (std::size_t i = 0; i < a.fields.size(); ++i) CHECK(unfold(a.fields[i].value) == unfold(b.fields[i].value));
    CHECK(foreign.substr(a.body_offset) == "body\n");
}

TEST_CASE("D16: messages of nothing, of header only, of spaces, with an mbox line or with LF only are read", "[mail][D16]")
{
    struct Row {
        std::string_view message;
        std::size_t fields;
        std::size_t body_offset;
        bool has_separator;
    };
    const auto row = GENERATE(Row{"", 0, 0, false}, Row{"\r\n", 0, 2, true}, Row{"\n", 0, 1, true},
                              Row{"\r\nbody", 0, 2, true}, Row{"A: b", 1, 4, false}, Row{"A: b\r\n", 1, 6, false},
                              Row{"    \r\n", 1, 6, false}, Row{"   \r\n\r\nx", 1, 7, true},
                              Row{"From a@b Mon\nA: b\n\nx", 2, 19, true}, Row{"no header at all", 1, 16, false},
                              Row{"\r", 1, 1, false}, Row{"\rA: b\r\n\r\n", 1, 9, true},
                              Row{"A: b\r\n \r\n\t\r\n\r\nx", 1, 14, true}, Row{"A: b\n\r\r\n\r\nx", 2, 10, true});
    CAPTURE(row.message);
    const Header header = parse_header(row.message);
    CHECK(header.fields.size() == row.fields);
    CHECK(header.body_offset == row.body_offset);
    CHECK(header.has_separator == row.has_separator);
}

TEST_CASE("a line that is no field has an empty name and hides nothing", "[mail][header]")
{
    const auto line = GENERATE("no colon here", "From a@b Thu Jan 1", "Bad name: x", "N\xc3\xa4me: x", ": x", "\x01: x");
    CAPTURE(line);
    const std::string message = "A: 1\r\n" + std::string(line) + "\r\nReceived: x\r\n\r\n";
    const Header header = parse_header(message);
    REQUIRE(header.fields.size() == 3);
    CHECK(header.fields[1].name.empty());
    CHECK(header.fields[1].whole == std::string(line) + "\r\n");
    CHECK(header.fields[2].name == "Received");
}

TEST_CASE("every byte of the corpus belongs to one field, the separator or the body", "[mail][header][corpus]")
{
    for (const auto& message : test::load_corpus()) {
        CAPTURE(message.path);
        const Header header = parse_header(message.bytes);
        std::size_t end = 0;
        bool is_gapless = true;
        for (const auto& field : header.fields) {
            is_gapless = is_gapless && field.offset == end && !field.whole.empty();
            end = field.offset + field.whole.size();
        }
        CHECK(is_gapless);
        CHECK(header.body_offset - end <= 2);
        CHECK(facts_of(message.bytes, 7) == facts_of_whole(message.bytes));
        CHECK(facts_of(message.bytes, 1) == facts_of_whole(message.bytes));
    }
}

TEST_CASE("the incremental scanner sees what the whole one sees at any split", "[mail][header]")
{
    std::mt19937 random(20260101);
    const std::vector<std::string_view> pieces{"Received: x",  "received :y", "From: a@b", "Date: z", "Message-ID: <a>",
                                               "Message-ID",   "\r\n",        "\n",        " ",       "\t",
                                               "\r",           ":",           "Sender: q", "From",    "\r\n\r\n",
                                               "Receivedx: n", "aaaaaaaaaaaaaaaaaaaaaaaa: b", "\x01", "x"};
    for (int round = 0; round < 3000; ++round) {
        std::string message;
        for (std::size_t i = random() % 24; i-- > 0;) message += pieces[random() % pieces.size()];
        const HeaderFacts whole = facts_of_whole(message);
        CAPTURE(message);
        REQUIRE(facts_of(message, 1) == whole);
        REQUIRE(facts_of(message, 1 + random() % 9) == whole);
        REQUIRE(facts_of(message, message.size() + 1) == whole);
    }
}

TEST_CASE("D1: half a million To lines, one field of 50 MB and a million empty fields stay within the limits",
          "[mail][D1]")
{
    const auto kind = GENERATE(0, 1, 2, 3);
    std::string header;
    if (kind == 0) header = repeat("To: a@b\r\n", 500'000);
    if (kind == 1) header = "Subject: " + repeat("x", 50'000'000) + "\r\n";
    if (kind == 2) header = repeat("X:\r\n", 1'000'000);
    if (kind == 3) header = "Subject: x\r\n" + repeat(" \r\n", 3'000'000);
    const std::string message = header + "\r\nbody";
    const Header parsed = parse_header(message);
    CHECK(parsed.over_limits);
    CHECK(parsed.fields.size() <= HeaderLimits{}.fields);
    CHECK(parsed.body_offset == header.size() + 2);
    const HeaderFacts facts = facts_of(message, 65'536);
    CHECK(facts.over_limits);
    CHECK(facts.header_bytes == header.size() + 2);
}

TEST_CASE("D1: a header at its limits is within them and one byte or field more is not", "[mail][D1]")
{
    const std::string message = "A: 1\r\nB: 2\r\n\r\nbody";
    CHECK_FALSE(parse_header(message, {14, 2}).over_limits);
    CHECK(parse_header(message, {13, 2}).over_limits);
    CHECK(parse_header(message, {14, 1}).over_limits);
    CHECK(parse_header(message, {14, 1}).body_offset == 14);
    CHECK_FALSE(facts_of(message, 3, {14, 2}).over_limits);
    CHECK(facts_of(message, 3, {13, 2}).over_limits);
    CHECK(facts_of(message, 3, {14, 1}).over_limits);
}

TEST_CASE("an unfolded value has no line end, NUL or bare CR", "[mail][header]")
{
    using namespace std::string_view_literals;
    CHECK(unfold(" a\r\n b\n\tc\0d\re "sv) == "a b\tc d e");
    CHECK(unfold("\r\n\r\n").empty());
    CHECK(is_field_name("X-A_1"));
    CHECK_FALSE(is_field_name("a:b"));
    CHECK_FALSE(is_field_name(""));
    CHECK_FALSE(is_field_name("a b"));
}
