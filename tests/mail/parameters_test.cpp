#include "mail/parameters.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/ascii.hpp"

using namespace mbx::mail;

namespace {

// "value; name=value; …" with the values for people, then " | " and the pairs for IMAP.
std::string shown(const ParameterizedValue& value)
{
    std::string text = value.value;
    for (const auto& parameter : value.parameters) text += "; " + parameter.name + '=' + parameter.value;
    text += " |";
    for (const auto& [name, raw] : value.wire) text += ' ' + name + '=' + raw;
    return text;
}

}  // namespace

TEST_CASE("values and parameters are read", "[mail][parameters]")
{
    struct Row {
        std::string_view field;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{" text/plain; charset=us-ascii (Plain text)", "text/plain; charset=us-ascii | charset=us-ascii"},
        Row{"text/plain; charset=\"us-ascii\"", "text/plain; charset=us-ascii | charset=us-ascii"},
        Row{"Text/HTML;\r\n\tCharSet = UTF-8 ;", "text/html; charset=UTF-8 | charset=UTF-8"},
        Row{"a/b; x=\"q\\\"q\\\\\"; y=2", "a/b; x=q\"q\\; y=2 | x=q\"q\\ y=2"},
        Row{"a/b; name=my file (1).pdf", "a/b; name=my file | name=my file"},
        Row{"a/b; name=my file(1).pdf", "a/b; name=my file(1).pdf | name=my file(1).pdf"},
        Row{"attachment; filename=a;b=c", "attachment; filename=a; b=c | filename=a b=c"},
        Row{"(c) text/plain (d); (e) x (f) = (g) y", "text/plain; x=y | x=y"}, Row{"", " |"}, Row{";;;", " |"},
        Row{"a/b; novalue; x=1", "a/b; x=1 | x=1"}, Row{"a/b; =1; x=", "a/b; x= | x="},
        Row{"a/b; x=\"unclosed; y=2", "a/b; x=unclosed; y=2 | x=unclosed; y=2"},
        Row{"attachment filename=\"a;b\"; x=1", "attachment; filename=a;b; x=1 | filename=a;b x=1"},
        Row{"multipart/mixed\r\n\tboundary = b", "multipart/mixed; boundary=b | boundary=b"},
        Row{"x=y", "x=y |"}, Row{"=", "= |"}, Row{" a  =b", "a  =b |"},
        Row{"a/b; x=1; X=2", "a/b; x=1 | x=1"});
    CAPTURE(row.field);
    CHECK(shown(parse_parameterized(row.field)) == row.expected);
}

TEST_CASE("D9: RFC 2231 pieces and charsets are joined by one rule", "[mail][D9]")
{
    struct Row {
        std::string_view field;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{"a/b; u*0=\"ftp://\"; u*1=\"x.test/\"", "a/b; u=ftp://x.test/ | u=ftp://x.test/"},
        Row{"a/b; t*=us-ascii'en-us'This%20is%20%2A%2A", "a/b; t=This is ** | t*=us-ascii'en-us'This%20is%20%2A%2A"},
        Row{"a/b; t*0*=us-ascii'en'This%20is; t*1*=%20even; t*2=\" fun!\"",
            "a/b; t=This is even fun! | t*=us-ascii'en'This%20is%20even%20fun!"},
        Row{"a/b; f*1=b; f*0=a; f*2=c", "a/b; f=abc | f=abc"}, Row{"a/b; f*0=a; f*2=c", "a/b; f=a | f=a"},
        Row{"a/b; f*1=b", "a/b |"}, Row{"a/b; f*0=a; f*0=x; f*1=b", "a/b; f=ab | f=ab"},
        Row{"a/b; f=plain; f*=utf-8''ext", "a/b; f=ext | f=plain f*=utf-8''ext"},
        Row{"a/b; f*=utf-8''ext; f=plain", "a/b; f=ext | f=plain f*=utf-8''ext"},
        Row{"a/b; f*=utf-8''one; f*=utf-8''two", "a/b; f=one | f*=utf-8''one"},
        Row{"a/b; f=plain; f*0=a; f*1=b", "a/b; f=ab | f=ab"}, Row{"a/b; f*00=a; f*01=b", "a/b; f*00=a; f*01=b | f*00=a f*01=b"},
        Row{"a/b; f*x=a", "a/b; f*x=a | f*x=a"}, Row{"a/b; f*=%41%zz%4", "a/b; f=A%zz%4 | f*=%41%zz%4"},
        Row{"a/b; f*0*=windows-1251''%CF; f*1*=%F0", "a/b; f=Пр | f*=windows-1251''%CF%F0"},
        Row{"a/b; f*0*=utf-8''%D0; f*1*=%9F", "a/b; f=П | f*=utf-8''%D0%9F"},
        Row{"a/b; f*0=a; f*1*=%20b", "a/b; f=a b | f*=''a%20b"}, Row{"a/b; f=\"=?utf-8?q?=D0=9F?=\"", "a/b; f=П | f==?utf-8?q?=D0=9F?="},
        Row{"a/b; f*=utf-7''+ADw-", "a/b; f=+ADw- | f*=utf-7''+ADw-"},
        Row{"a/b; f*18446744073709551616=a; f*-1=b; f*9999=c", "a/b; f*18446744073709551616=a; f*-1=b; f*9999=c | "
                                                               "f*18446744073709551616=a f*-1=b f*9999=c"});
    CAPTURE(row.field);
    CHECK(shown(parse_parameterized(row.field)) == row.expected);
}

TEST_CASE("D9: a million pieces are bounded", "[mail][D9]")
{
    std::string field = "attachment";
    const bool numbered = GENERATE(true, false);
    for (int i = 0; i < 1'000'000; ++i) field += numbered ? ";f*" + std::to_string(i) + "=x" : std::string(";f=x");
    const ParameterizedValue value = parse_parameterized(field);
    CHECK(value.parameters.size() <= kMaxParameterPieces);
    REQUIRE(value.find("f") != nullptr);
    CHECK(value.find("f")->value == (numbered ? std::string(kMaxParameterPieces, 'x') : "x"));
}

TEST_CASE("D9: a file name is text and never a path", "[mail][D9]")
{
    struct Row {
        std::string_view field;
        std::string_view expected;
    };
    using namespace std::string_view_literals;
    const auto row = GENERATE(
        Row{"attachment; filename=\"../../etc/passwd\"", "passwd"}, Row{"attachment; filename*=utf-8''..%2F..%2Fx", "x"},
        Row{"attachment; filename=\"C:\\\\dir\\\\x.exe\"", "x.exe"}, Row{"attachment; filename=\"a.exe\0.txt\""sv, "a.exe .txt"},
        Row{"attachment; filename*=utf-8''a.exe%00.txt", "a.exe.txt"}, Row{"attachment; filename*=utf-8''a%0D%0AX:b", "a  X:b"},
        Row{"attachment; filename*=utf-8''evil%E2%80%AEtxt.exe", "eviltxt.exe"}, Row{"attachment; filename=\"..\"", ""},
        Row{"attachment; filename=\".bashrc\"", "bashrc"}, Row{"attachment; filename=\"x/\"", ""},
        Row{"attachment; filename=\"good.txt\"; filename*=utf-8''bad.exe", "bad.exe"},
        Row{"attachment; filename*0=\"a.tx\"; filename*1=\"t.exe\"", "a.txt.exe"}, Row{"attachment", "type.bin"});
    CAPTURE(row.field);
    const auto disposition = parse_parameterized(row.field);
    const auto type = parse_parameterized("a/b; name=type.bin");
    CHECK(attachment_name(disposition, type) == row.expected);
    CHECK(safe_file_name(std::string(1000, 'a')).size() == 255);
    CHECK(mbx::ascii::is_utf8(safe_file_name(std::string(254, 'a') + "я")));
}

TEST_CASE("a parameter is written so that it is read back", "[mail][parameters]")
{
    const auto text = GENERATE("plain", "with space", "qu\"ote\\", "файл.txt", "a;b=c", "100%", "", "it's");
    CAPTURE(text);
    const auto value = parse_parameterized("attachment; " + format_parameter("filename", text));
    REQUIRE(value.find("filename") != nullptr);
    CHECK(value.find("filename")->value == text);
}
