// Charsets and encoded words.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "base/ascii.hpp"
#include "mail/charset.hpp"
#include "mail/encoded_word.hpp"
#include "mail/utf8.hpp"

using namespace mbx;
using namespace mbx::mail;
using namespace std::string_view_literals;

namespace {

std::string repeat(std::string_view text, std::size_t times)
{
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

}  // namespace

TEST_CASE("D7: each known charset becomes UTF-8", "[mail][D7]")
{
    struct Row {
        std::string_view charset;
        std::string_view bytes;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{"utf-8", "\xd0\x9f\xd1\x80", "Пр"}, Row{"UTF-8", "a", "a"}, Row{"us-ascii", "abc", "abc"},
        Row{"", "abc", "abc"}, Row{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
        Row{"Windows-1251", "\xb8\xa8", "ёЁ"}, Row{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
        Row{"iso-8859-1", "caf\xe9 \x80", "café €"}, Row{"iso-8859-5", "\xbf\xe0", "Пр"}, Row{"ibm866", "\x8f\xe0", "Пр"},
        Row{"iso-8859-2", "\xb1", "ą"}, Row{"iso-8859-15", "\xa4", "€"}, Row{"koi8-u", "\xa4", "є"},
        Row{"utf-16", "\xfe\xff\x04\x1f"sv, "П"}, Row{"utf-16", "\xff\xfe\x1f\x04"sv, "П"},
        Row{"utf-16", "\x04\x1f"sv, "П"}, Row{"utf-16le", "\x1f\x04"sv, "П"}, Row{"utf-32", "\0\0\x04\x1f"sv, "П"},
        Row{"iso-2022-jp", "\x1b$B$3\x1b(B", "こ"}, Row{"shift_jis", "\x82\xb1", "こ"}, Row{"euc-jp", "\xa4\xb3", "こ"},
        Row{"gb2312", "\xc4\xe3", "你"}, Row{"gb18030", "\xc4\xe3", "你"}, Row{"big5", "\xa7\x41", "你"},
        Row{"ks_c_5601-1987", "\xb0\xa1", "가"}, Row{"euc-kr", "\xb0\xa1", "가"}, Row{"tis-620", "\xa1", "ก"});
    CAPTURE(row.charset);
    const Utf8Text text = to_utf8(row.bytes, row.charset);
    CHECK(text.text == row.expected);
    CHECK(text.known_charset);
    CHECK_FALSE(text.has_replaced);
    CHECK(is_known_charset(row.charset));
}

TEST_CASE("D7: UTF-7, unknown and monstrous charset names are refused, and text stays readable", "[mail][D7]")
{
    static const std::string monstrous(2'000'000, 'x');
    const auto charset = GENERATE_COPY("utf-7"sv, "x-utf-7"sv, "unicode-1-1-utf-7"sv, "iso-2022-cn-ext"sv, "nonsense"sv,
                                       "utf-8//translit"sv, "../../x"sv, "utf-8\0"sv, std::string_view(monstrous));
    const Utf8Text text = to_utf8("a+ADw-script\xff", charset);
    CHECK_FALSE(text.known_charset);
    CHECK(text.text == "a+ADw-script\xef\xbf\xbd");
    CHECK_FALSE(is_known_charset(charset));
    CHECK(to_utf8("г", charset).text == "г");
}

TEST_CASE("D7: bad bytes become U+FFFD and never more than the bound comes out", "[mail][D7]")
{
    CHECK(to_utf8("a\xc3(\xe2\x82z\xff", "utf-8").text == "a\xef\xbf\xbd(\xef\xbf\xbdz\xef\xbf\xbd");
    CHECK(to_utf8("\xed\xa0\x80", "utf-8").text == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(to_utf8("\x98", "windows-1251").has_replaced);
    CHECK(to_utf8("a\xe9", "us-ascii").text == "a\xef\xbf\xbd");
    CHECK(to_utf8("a\xc3\xa9", "us-ascii").text == "a\xc3\xa9");
    CHECK(to_utf8("\x04"sv, "utf-16").text == "\xef\xbf\xbd");
    CHECK(to_utf8("\xd8\0\0a"sv, "utf-16be").text == "\xef\xbf\xbd" "a");
    CHECK(to_utf8("\x1b$B$", "iso-2022-jp").has_replaced);
    const Utf8Text cut = to_utf8(repeat("\xcf", 1000), "windows-1251", 5);
    CHECK(cut.text == "ПП");
    CHECK(cut.cut);
    CHECK(to_utf8(repeat("\xa4\xb3", 100'000), "euc-jp", 1000).text.size() <= 1000);
}

TEST_CASE("D7: any bytes in any charset give well-formed UTF-8", "[mail][D7]")
{
    std::mt19937 random(5);
    const std::vector<std::string_view> charsets{"utf-8",       "windows-1251", "iso-2022-jp", "iso-2022-kr", "gb18030",
                                                 "shift_jis",   "utf-16",       "utf-32",      "big5-hkscs",  "euc-kr",
                                                 "iso-2022-jp-2", "koi8-r",     "tis-620",     "euc-tw",      "nonsense"};
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        for (std::size_t i = random() % 40; i-- > 0;)
            bytes += random() % 6 == 0 ? std::string("\x1b$B") : std::string(1, static_cast<char>(random()));
        const auto charset = charsets[random() % charsets.size()];
        CAPTURE(charset, bytes);
        REQUIRE(ascii::is_utf8(to_utf8(bytes, charset).text));
        REQUIRE(ascii::is_utf8(strip_controls(repair_utf8(bytes))));
        REQUIRE(repair_utf8(repair_utf8(bytes)) == repair_utf8(bytes));
    }
}

TEST_CASE("D8: encoded words are decoded for display", "[mail][D8]")
{
    struct Row {
        std::string_view value;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{" plain", "plain"}, Row{"=?utf-8?q?caf=C3=A9?=", "café"}, Row{"=?UTF-8?B?Y2Fmw6k=?=", "café"},
        Row{"=?iso-8859-1?Q?a?= b", "a b"}, Row{"=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "ab"},
        Row{"=?iso-8859-1?Q?a?=\r\n  =?iso-8859-1?Q?b?=", "ab"}, Row{"=?iso-8859-1?Q?a_b?=", "a b"},
        Row{"=?utf-8?q?=D0?= =?utf-8?q?=9F?=", "П"}, Row{"=?utf-8?b?0A==?= =?UTF-8?q?=9F?=", "П"},
        Row{"=?utf-8?q?a?= =?koi8-r?q?=F0?=", "aП"}, Row{"x =?utf-8?q?a?= y", "x a y"},
        Row{"(=?utf-8?q?a?=)", "(a)"}, Row{"x=?utf-8?q?a?=y", "xay"}, Row{"=?utf-8*ru?q?a?=", "a"},
        Row{"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?x?="}, Row{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        Row{"=?utf-8?q?a", "=?utf-8?q?a"}, Row{"=?utf-8?q?a b?=", "=?utf-8?q?a b?="}, Row{"=?", "=?"}, Row{"=?" "?=", "=?" "?="},
        Row{"=??q?a?=", "=??q?a?="}, Row{"=?utf-8?q?" "?=", ""}, Row{"=?utf-8?q?=ZZ=4?=", "=ZZ=4"},
        Row{"=?nonsense?q?a=FF?=", "a\xef\xbf\xbd"}, Row{"=?utf-7?q?+ADw-?=", "+ADw-"},
        Row{"=?=?utf-8?q?a?=", "=?a"}, Row{"a\xff" "b", "a\xef\xbf\xbd" "b"}, Row{"\xd0\x9f", "П"});
    CAPTURE(row.value);
    CHECK(decode_encoded_words(row.value) == row.expected);
}

TEST_CASE("D8: encoded line ends, NUL and escapes are removed from what is shown", "[mail][D8]")
{
    CHECK(decode_encoded_words("=?utf-8?q?a=0D=0ABcc:_x=00y=1B[31m=7F?=") == "a  Bcc: xy[31m");
    CHECK(decode_encoded_words("=?utf-8?q?=C2=9B31m?=") == "31m");
    CHECK(decode_encoded_words("a\x1b[0m\tb") == "a[0m b");
}

TEST_CASE("D8: words over 75 characters and a hundred thousand of them are decoded in one pass", "[mail][D8]")
{
    CHECK(decode_encoded_words("=?utf-8?q?" + std::string(100'000, 'x') + "?=") == std::string(100'000, 'x'));
    CHECK(decode_encoded_words(repeat("=?utf-8?q?=D0?= =?utf-8?q?=9F?= ", 100'000)) == repeat("П", 100'000));
    CHECK(decode_encoded_words(repeat("=?utf-8?q?a?= =?koi8-r?q?b?= ", 50'000)) == repeat("ab", 50'000));
    const auto broken = GENERATE("=?", "=?utf-8?q?", "=?a?b?=?", "=?utf-8?q?x", "=?utf-8", "?=", "=?a?q?x ");
    CAPTURE(broken);
    CHECK(decode_encoded_words(repeat(broken, 300'000)).size() <= 300'000 * std::string_view(broken).size());
}

TEST_CASE("encoded text is decoded to itself, in words of at most 75 characters", "[mail][encoded_word]")
{
    CHECK(encode_words("plain text") == "plain text");
    CHECK(encode_words("a\r\nBcc: x") == "a  Bcc: x");
    CHECK(encode_words("café") == "=?UTF-8?B?Y2Fmw6k=?=");
    std::mt19937 random(9);
    const std::vector<std::string_view> pieces{"a", " ", "я", "日", "😀", "=?", "?=", "=?utf-8?q?x?=", "\t", "\"", "long word"};
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (std::size_t i = random() % 60; i-- > 0;) text += pieces[random() % pieces.size()];
        const std::string encoded = encode_words(text);
        CAPTURE(text, encoded);
        REQUIRE(decode_encoded_words(encoded) == strip_controls(text));
        REQUIRE(decode_encoded_words(encode_words(text, false)) == strip_controls(text));
        for (std::size_t at = encoded.find("=?UTF-8?B?"); at != std::string::npos; at = encoded.find("=?UTF-8?B?", at + 1))
            REQUIRE(encoded.find("?=", at) + 2 - at <= 75);
    }
}
