#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <set>

#include "base/ascii.hpp"
#include "base/clock.hpp"
#include "base/codec.hpp"
#include "base/error.hpp"
#include "base/legible.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace mbx {

TEST_CASE("J10: a number is decimal digits that fit 64 bits, and nothing else", "[base][J10]")
{
    CHECK(ascii::parse_number("0") == 0U);
    CHECK(ascii::parse_number("007") == 7U);
    CHECK(ascii::parse_number("2147483648") == 2147483648U);
    CHECK(ascii::parse_number("4294967296") == 4294967296U);
    CHECK(ascii::parse_number("9223372036854775808") == 9223372036854775808U);
    CHECK(ascii::parse_number("18446744073709551615") == UINT64_MAX);
    CHECK(ascii::parse_number(std::string(1000, '0') + "5") == 5U);
    const std::string wrong = GENERATE(as<std::string>{}, "", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "१",
                                       "18446744073709551616", "99999999999999999999", "184467440737095516150",
                                       std::string(1000, '9'), std::string("1\0", 2));
    CHECK_FALSE(ascii::parse_number(wrong));
}

TEST_CASE("A10: control bytes, backslashes and broken UTF-8 are made visible", "[base][A10]")
{
    CHECK(ascii::printable("plain text") == "plain text");
    CHECK(ascii::printable("\x1b[31m") == "\\x1b[31m");
    CHECK(ascii::printable(std::string("a\0b\r\n\t\x7f", 7)) == "a\\x00b\\x0d\\x0a\\x09\\x7f");
    CHECK(ascii::printable("C:\\x1b") == "C:\\\\x1b");
    CHECK(ascii::printable("grüße 漢字 😀") == "grüße 漢字 😀");
    CHECK(ascii::printable("\xff\xc3") == "\\xff\\xc3");
    CHECK(ascii::printable("\xc2\x9b" "31m") == "\\xc2\\x9b" "31m");          // the one-byte escape, as UTF-8
    CHECK(ascii::printable("a\xe2\x80\xae" "b") == "a\\xe2\\x80\\xae" "b");  // text from right to left
    CHECK(ascii::printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");              // a surrogate
}

TEST_CASE("A10: printable text is cut at a character and says so", "[base][A10]")
{
    CHECK(ascii::printable("abcdef", 6) == "abcdef");
    CHECK(ascii::printable("abcdefg", 6) == "abcdef…");
    CHECK(ascii::printable("aüü", 4) == "aü…");
    CHECK(ascii::printable("ab\x1b", 4) == "ab…");
    CHECK(ascii::printable(std::string(100'000, '\xff'), 200).size() <= 204);
}

TEST_CASE("any bytes become printable bytes that hold no control and are UTF-8", "[base]")
{
    SeededRandom random(GENERATE(range(1U, 40U)));
    std::string bytes(random.number() % 400, '\0');
    random.fill({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
    const std::string shown = ascii::printable(bytes, 100'000);
    CHECK(ascii::is_utf8(shown));
    CHECK(std::ranges::none_of(shown, ascii::is_control));
}

TEST_CASE("UTF-8 is what RFC 3629 says and no more", "[base]")
{
    CHECK(ascii::is_utf8(""));
    CHECK(ascii::is_utf8("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    const std::string wrong =
        GENERATE(as<std::string>{}, "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                 "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xe2\x28\xa1", "a\xff");
    CHECK_FALSE(ascii::is_utf8(wrong));
}

TEST_CASE("words compare in any case of ASCII, and no other letter has a case", "[base]")
{
    CHECK(ascii::same("EHLO", "ehlo"));
    CHECK_FALSE(ascii::same("EHLO", "ehlo "));
    CHECK_FALSE(ascii::same("[", "{"));
    CHECK_FALSE(ascii::same("\xc4", "\xe4"));
    CHECK(ascii::starts_with("Mail From:<>", "MAIL FROM:"));
    CHECK_FALSE(ascii::starts_with("MAIL", "MAIL FROM:"));
    CHECK(ascii::to_lower("AZ[ä") == "az[ä");
    CHECK(ascii::to_upper("az{ä") == "AZ{ä");
    CHECK(ascii::trim(" \t a b\t ") == "a b");
    CHECK(ascii::trim(" \t ").empty());
}

TEST_CASE("base64 has the values of RFC 4648 section 10", "[base]")
{
    CHECK(encode_base64("").empty());
    CHECK(encode_base64("f") == "Zg==");
    CHECK(encode_base64("fo") == "Zm8=");
    CHECK(encode_base64("foo") == "Zm9v");
    CHECK(encode_base64("foobar") == "Zm9vYmFy");
    CHECK(encode_base64("\xff\xfe\xfd") == "//79");
    CHECK(encode_hex(std::string("\x00\x7f\xff", 3)) == "007fff");
}

TEST_CASE("base64 is only read in its one exact form", "[base]")
{
    CHECK(decode_base64("") == "");
    CHECK(decode_base64("Zm9vYg==") == "foob");
    CHECK(decode_base64("AAAA") == std::string(3, '\0'));
    const std::string wrong =
        GENERATE(as<std::string>{}, "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\r\n", " Zm9v", "Zm9v====", "=",
                 "====", "Z===", "Zm-_", "Zg==Zg==", "Z=g=", std::string("Zm9\0", 4), "Zm9\xc3");
    CHECK_FALSE(decode_base64(wrong));
}

TEST_CASE("what base64 writes it reads back", "[base]")
{
    SeededRandom random(GENERATE(range(1U, 50U)));
    std::string bytes(random.number() % 100, '\0');
    random.fill({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
    CHECK(decode_base64(encode_base64(bytes)) == bytes);
}

TEST_CASE("a result holds its value or its error", "[base]")
{
    const Result<std::string, int> value = std::string("x");
    REQUIRE(value);
    CHECK(*value == "x");
    CHECK(value->size() == 1);
    const Result<std::string, int> failure = 7;
    REQUIRE_FALSE(failure);
    CHECK(failure.error() == 7);
    const Result<void, int> fine;
    CHECK(fine);
    const Result<void, int> bad = 3;
    CHECK(bad.error() == 3);
    CHECK(Error{"reading x", "permission denied", "run as root"}.text() == "reading x: permission denied; run as root");
    CHECK(Error{"reading x", "gone", ""}.text() == "reading x: gone");
}

TEST_CASE("G15: the system's randomness does not repeat, a seed's does", "[base][G15]")
{
    SystemRandom system;
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) seen.insert(system.hex(16));
    CHECK(seen.size() == 100);
    CHECK(seen.begin()->size() == 32);
    std::string big(300'000, '\0');
    system.fill({reinterpret_cast<unsigned char*>(big.data()), big.size()});
    CHECK(big.find(std::string(64, '\0')) == std::string::npos);
    SeededRandom one(5);
    SeededRandom two(5);
    SeededRandom three(6);
    const std::string first = one.hex(16);
    CHECK(first == two.hex(16));
    CHECK(first != three.hex(16));
}

TEST_CASE("a manual clock stands still until it is moved", "[base]")
{
    ManualClock clock;
    const WallTime wall = clock.wall();
    const SteadyTime steady = clock.steady();
    CHECK(clock.wall() == wall);
    clock.advance(std::chrono::milliseconds(250));
    CHECK(clock.wall() - wall == std::chrono::milliseconds(250));
    CHECK(clock.steady() - steady == std::chrono::milliseconds(250));
    clock.set_wall(wall - std::chrono::hours(1));
    CHECK(clock.steady() - steady == std::chrono::milliseconds(250));
}

TEST_CASE("A10: legible text moves no terminal and can be copied back", "[base][A10]")
{
    CHECK(ascii::legible("\"a\\\"b\"@example.org") == "\"a\\\"b\"@example.org");
    CHECK(ascii::printable("\"a\\\"b\"@example.org") == "\"a\\\\\"b\"@example.org");
    CHECK(ascii::legible("a\x1b[2J\x7f\xff\xc2\x9b\xe2\x80\xae\\") == "a\\x1b[2J\\x7f\\xff\\xc2\\x9b\\xe2\\x80\\xae\\");
    CHECK(ascii::legible("\xc3\xa9") == "\xc3\xa9");
    CHECK(ascii::legible("\\\\\\\\", 2) == "\\\\\xe2\x80\xa6");
}

}  // namespace mbx
