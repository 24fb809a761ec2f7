#include "mail/transfer_encoding.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "base/codec.hpp"

using namespace mbx::mail;
using enum TransferEncoding;

namespace {

std::string decode_in_pieces(std::string_view body, TransferEncoding encoding, std::size_t piece)
{
    std::string out;
    TransferDecoder decoder(encoding);
    for (std::size_t at = 0; at < body.size(); at += piece) decoder.feed(body.substr(at, piece), out);
    decoder.finish(out);
    return out;
}

}  // namespace

TEST_CASE("transfer encodings are known by name", "[mail][transfer_encoding]")
{
    CHECK(parse_transfer_encoding("") == seven_bit);
    CHECK(parse_transfer_encoding(" 7BIT") == seven_bit);
    CHECK(parse_transfer_encoding(" 8bit (yes)") == eight_bit);
    CHECK(parse_transfer_encoding("BINARY") == binary);
    CHECK(parse_transfer_encoding(" Base64;") == base64);
    CHECK(parse_transfer_encoding("\"base64\"") == base64);
    CHECK(parse_transfer_encoding("\r\n quoted-printable\r\n") == quoted_printable);
    CHECK(parse_transfer_encoding("x-uuencode") == uuencode);
    CHECK(parse_transfer_encoding("x-yenc") == unknown);
}

TEST_CASE("D6: broken base64 is decoded as far as it goes", "[mail][D6]")
{
    struct Row {
        std::string_view body;
        std::string_view expected;
    };
    const auto row = GENERATE(Row{"", ""}, Row{"aGVsbG8=", "hello"}, Row{"aGVsbG8", "hello"}, Row{"aGVs\r\nbG8=\r\n", "hello"},
                              Row{"a", ""}, Row{"aG", "h"}, Row{"=", ""}, Row{"====", ""}, Row{"a===", ""},
                              Row{"aGVs*!bG8=", "hello"}, Row{"aGVsbG8=aGVsbG8=", "hellohello"},
                              Row{"aGVsbG8=\r\n-- \r\n", "hello"}, Row{"\xff\x80", ""}, Row{"aGVsbG8=\r\nab", "helloi"});
    CAPTURE(row.body);
    CHECK(decode_transfer(row.body, base64) == row.expected);
}

TEST_CASE("D6: broken quoted-printable is decoded as far as it goes", "[mail][D6]")
{
    struct Row {
        std::string_view body;
        std::string_view expected;
    };
    const auto row = GENERATE(Row{"", ""}, Row{"a=3Db", "a=b"}, Row{"a=3db", "a=b"}, Row{"=", ""}, Row{"=3", "=3"}, Row{"=\n", ""},
                              Row{"a=\r\nb", "ab"}, Row{"a= \t\r\nb", "ab"}, Row{"a=\nb", "ab"}, Row{"a=zb", "a=zb"},
                              Row{"a==3D", "a=="}, Row{"a=3=3D", "a=3="}, Row{"a \t\r\nb", "a\r\nb"}, Row{"a \nb", "a\nb"},
                              Row{"a b", "a b"}, Row{"a ", "a"}, Row{"a=20\r\n", "a \r\n"}, Row{"a=\rb", "a=\rb"},
                              Row{"a= b", "a= b"}, Row{"a\r\rb", "a\r\rb"}, Row{"a \r\r\n", "a \r\r\n"}, Row{"=  ", ""},
                              Row{"a=C3=A9", "a\xc3\xa9"}, Row{"=\r\n=\r\n", ""}, Row{"a=\r", "a"});
    CAPTURE(row.body);
    CHECK(decode_transfer(row.body, quoted_printable) == row.expected);
}

TEST_CASE("D6: soft lines of 10 MB and runs of white space are bounded and read once", "[mail][D6]")
{
    const std::string soft(10'000'000, 'x');
    CHECK(decode_transfer(soft + "=\r\n" + "y", quoted_printable).size() == soft.size() + 1);
    const std::string spaces(10'000'000, ' ');
    CHECK(decode_transfer(spaces + "x", quoted_printable) == spaces + "x");
    CHECK(decode_transfer("=" + spaces, quoted_printable).size() <= spaces.size() + 1);
    CHECK(decode_transfer(std::string(5'000'000, '='), quoted_printable).size() <= 5'000'000);
}

TEST_CASE("D5: uuencode, yEnc and what is unknown pass through as bytes", "[mail][D5]")
{
    const std::string body = "begin 644 x\r\n#0V%T\r\n`\r\nend\r\n=ybegin line=128\r\n\x1f\x8b\x08 \0 PK\x03\x04";
    CHECK(decode_transfer(body, uuencode) == body);
    CHECK(decode_transfer(body, unknown) == body);
    CHECK(decode_transfer(body, seven_bit) == body);
}

TEST_CASE("D6: decoding gives the same at any split, and never more than came in", "[mail][D6]")
{
    std::mt19937 random(13);
    const std::vector<std::string_view> pieces{"=", "3", "D", " ", "\t", "\r", "\n", "\r\n", "a", "Zg", "=3D", "=\r\n", "\xff"};
    for (int round = 0; round < 5000; ++round) {
        std::string body;
        for (std::size_t i = random() % 40; i-- > 0;) body += pieces[random() % pieces.size()];
        const auto encoding = random() % 2 == 0 ? base64 : quoted_printable;
        const std::string whole = decode_transfer(body, encoding);
        CAPTURE(body);
        REQUIRE(whole.size() <= body.size());
        REQUIRE(decode_in_pieces(body, encoding, 1) == whole);
        REQUIRE(decode_in_pieces(body, encoding, 1 + random() % 7) == whole);
    }
}

TEST_CASE("encoded bytes are decoded to themselves, in lines of at most 76 characters", "[mail][transfer_encoding]")
{
    std::mt19937 random(17);
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        for (std::size_t i = random() % 400; i-- > 0;)
            bytes += random() % 3 == 0 ? static_cast<char>(random()) : " \t=a.\r"[random() % 6];
        std::erase(bytes, '\n');
        if (round % 3 == 0) bytes.insert(bytes.size() / 2, "\r\n");
        const std::string quoted = encode_quoted_printable(bytes);
        const std::string lines = encode_base64_lines(bytes);
        CAPTURE(bytes, quoted);
        REQUIRE(decode_transfer(quoted, quoted_printable) == bytes);
        REQUIRE(decode_transfer(lines, base64) == bytes);
        for (const std::string& text : {quoted, lines}) {
            std::size_t begin = 0;
            for (std::size_t end = text.find("\r\n"); end != std::string::npos; end = text.find("\r\n", begin)) {
                REQUIRE(end - begin <= 76);
                begin = end + 2;
            }
            REQUIRE(text.size() - begin <= 76);
        }
    }
    CHECK(encode_base64_lines("").empty());
    CHECK(encode_quoted_printable("a\nb \n") == "a\r\nb=20\r\n");
}
