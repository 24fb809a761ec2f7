#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/ascii.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "pop3/maildrop.hpp"
#include "pop3/stuffed_message.hpp"
#include "pop3/surrogate.hpp"

using namespace mbx;
using namespace mbx::pop3;

namespace {

std::string stuffed(std::string_view head, std::string_view body, std::size_t piece)
{
    StuffedMessage made(head, body);
    std::string all;
    bool has_more = true;
    while (has_more) {
        std::string out;
        has_more = made.write(out, piece);
        all += out;
    }
    return all;
}

}  // namespace

TEST_CASE("RFC 1939 5: numbers stay what they are, deleted messages leave the sums", "[pop3][maildrop]")
{
    Maildrop maildrop({}, 7);
    maildrop.add(3, 100);
    maildrop.add(4, 20);
    maildrop.add(9, 3);
    CHECK(maildrop.left() == 3);
    CHECK(maildrop.left_bytes() == 123);
    maildrop.remove(2);
    CHECK(maildrop.left() == 2);
    CHECK(maildrop.left_bytes() == 103);
    CHECK(maildrop.size() == 3);
    CHECK_FALSE(maildrop.has(2));
    CHECK(maildrop.has(3));
    CHECK(maildrop.uid(3) == 9);
    maildrop.restore_all();
    CHECK(maildrop.left_bytes() == 123);
    CHECK(maildrop.has(2));
}

TEST_CASE("E20: no number outside of the maildrop has a message", "[pop3][maildrop][E20]")
{
    Maildrop maildrop({}, 7);
    CHECK_FALSE(maildrop.has(0));
    CHECK_FALSE(maildrop.has(1));
    maildrop.add(3, 100);
    CHECK(maildrop.has(1));
    CHECK_FALSE(maildrop.has(2));
    CHECK_FALSE(maildrop.has((std::uint64_t{1} << 32) + 1));
    CHECK_FALSE(maildrop.has(UINT64_MAX));
}

TEST_CASE("RFC 1939 7: a unique id is of printable characters, at most 70, and names UID and UIDVALIDITY", "[pop3][maildrop]")
{
    Maildrop maildrop({}, 0xfedc);
    maildrop.add(0x1234, 1);
    CHECK(maildrop.unique_id(1) == "000012340000FEDC");
}

TEST_CASE("what is to be removed or marked comes in slices, each message once", "[pop3][maildrop]")
{
    Maildrop maildrop({}, 1);
    for (store::Uid uid = 1; uid <= 1000; ++uid) maildrop.add(uid, 10);
    for (std::uint64_t n = 1; n <= 1000; ++n) {
        maildrop.note_retrieved(n);
        if (n % 3 == 0) maildrop.remove(n);
    }
    std::vector<store::Uid> deleted;
    std::uint32_t from = 1;
    for (auto slice = maildrop.deleted(from, 100); !slice.empty(); slice = maildrop.deleted(from, 100)) {
        std::size_t count = 0;
        for (const auto& range : slice) {
            for (auto uid = range.first; uid <= range.last; ++uid, ++count) deleted.push_back(uid);
        }
        CHECK(count <= 100);
    }
    REQUIRE(deleted.size() == 333);
    for (std::size_t i = 0; i < deleted.size(); ++i) CHECK(deleted[i] == (i + 1) * 3);
    from = 1;
    const auto kept = maildrop.retrieved_and_kept(from, 10'000);
    std::size_t count = 0;
    for (const auto& range : kept) count += range.last - range.first + 1;
    CHECK(count == 667);
}

TEST_CASE("A4: RFC 1939 3: a line that begins with a dot gets one more, wherever the pieces are cut", "[pop3][A4]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{32768});
    CAPTURE(piece);
    CHECK(stuffed("A: b\r\n\r\n", "text\r\n", piece) == "A: b\r\n\r\ntext\r\n.\r\n");
    CHECK(stuffed(".A: b\r\n", ".\r\n..\r\nx.\r\n.y\r\n", piece) == "..A: b\r\n..\r\n...\r\nx.\r\n..y\r\n.\r\n");
    CHECK(stuffed("", ".", piece) == "..\r\n.\r\n");
    CHECK(stuffed("", "", piece) == ".\r\n");
    CHECK(stuffed("A: b", "", piece) == "A: b\r\n.\r\n");
    CHECK(stuffed("A: b\r", "\n.c\r\n", piece) == "A: b\r\n..c\r\n.\r\n");
}

TEST_CASE("A1: a message with bare line feeds cannot end its answer early, for clients that take them as line ends too",
          "[pop3][A1]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{32768});
    CAPTURE(piece);
    CHECK(stuffed("", "a\n.\r\n-ERR b\n", piece) == "a\n..\r\n-ERR b\n\r\n.\r\n");
    CHECK(stuffed("", "a\n.\n", piece) == "a\n..\n\r\n.\r\n");
}

TEST_CASE("RFC 1939 7: TOP counts lines of the body, and a huge number is all of them", "[pop3][E20]")
{
    const std::string text = "A: b\r\n\r\none\r\ntwo\r\nthree";
    CHECK(top_size(text, 8, 0) == 8);
    CHECK(top_size(text, 8, 1) == 13);
    CHECK(top_size(text, 8, 2) == 18);
    CHECK(top_size(text, 8, 3) == text.size());
    CHECK(top_size(text, 8, UINT64_MAX) == text.size());
    CHECK(top_size(text, 1000, 5) == text.size());
    CHECK(top_size("", 0, 5) == 0);
}

TEST_CASE("RFC 6856 2.1: a header in UTF-8 is told in ASCII, and says the same", "[pop3][surrogate]")
{
    const std::string header = "Subject: Привет, мир\r\nFrom: Анна <анна@пример.рф>, \"Ёж\" <hedgehog@example.org>\r\n"
                               "To: bob@example.org\r\nMessage-ID: <ёж@example.org>\r\n"
                               "Content-Type: text/plain; name=\"файл.txt\"\r\nX-Note: =?utf-8?q?a?= и б\r\n\r\n";
    const auto made = surrogate_header(header);
    REQUIRE(made);
    for (const char c : *made) REQUIRE_FALSE(ascii::is_eight_bit(c));
    const auto value = [&made](std::string_view name) {
        const auto field = mail::find_field(*made, name);
        return field ? mail::decode_encoded_words(mail::unfold(field->value)) : std::string("none");
    };
    CHECK(value("Subject") == "Привет, мир");
    CHECK(value("From") == "Анна <non-ascii-address@removed.invalid>, Ёж <hedgehog@example.org>");
    CHECK(value("To") == "bob@example.org");
    CHECK(value("Message-ID") == "<__@example.org>");
    CHECK(value("Content-Type") == "text/plain; name=\"____.txt\"");
    CHECK(value("X-Note") == "a и б");
    CHECK(made->ends_with("\r\n\r\n"));
    CHECK(mail::parse_header(*made).fields.size() == 6);
}

TEST_CASE("RFC 6856 2.1: a header in ASCII or in a nameless old charset is sent as it is", "[pop3][surrogate]")
{
    CHECK_FALSE(surrogate_header("Subject: hello\r\n\r\n"));
    CHECK_FALSE(surrogate_header("Subject: \xcf\xd2\xc9\xd7\xc5\xd4\r\n\r\n"));  // KOI8-R
    CHECK_FALSE(surrogate_header(""));
}
