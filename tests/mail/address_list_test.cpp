#include "mail/address_list.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <random>

using namespace mbx::mail;

namespace {

// "name|route|local|domain" for a mailbox, "{group" and "}" for a group's ends, " ; " between.
std::string shown(const std::vector<HeaderAddress>& addresses)
{
    std::string text;
    for (const auto& a : addresses) {
        if (!text.empty()) text += " ; ";
        if (a.kind == HeaderAddress::Kind::group_start) text += '{' + a.local;
        else if (a.kind == HeaderAddress::Kind::group_end) text += '}';
        else text += a.name + '|' + a.route + '|' + a.local + '|' + a.domain;
    }
    return text;
}

std::string repeat(std::string_view text, std::size_t times)
{
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

}  // namespace

TEST_CASE("address lists of RFC 5322 are read", "[mail][address_list]")
{
    struct Row {
        std::string_view value;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{"a@b", "||a|b"}, Row{" a@b , c@d ", "||a|b ; ||c|d"}, Row{"Ann <a@b>", "Ann||a|b"},
        Row{"Ann B. Clark <a@b.c>", "Ann B. Clark||a|b.c"}, Row{"\"Clark, Ann\" <a@b>", "Clark, Ann||a|b"},
        Row{"\"A \\\"x\\\" B\" <a@b>", "A \"x\" B||a|b"}, Row{"<a@b>", "||a|b"}, Row{"\"a b\"@c", "||a b|c"},
        Row{"a@b (Ann Clark)", "Ann Clark||a|b"}, Row{"Ann <a@b> (not me)", "Ann||a|b"},
        Row{"(x(y)z) a@b", "x(y)z||a|b"}, Row{"<@h1,@h2:a@b>", "|@h1,@h2|a|b"}, Row{"<@h1 , , @h2 : a@b>", "|@h1,,@h2|a|b"},
        Row{"a @ b . c", "||a|b.c"}, Row{"a . b @ c", "||a.b|c"}, Row{"a(x)@(y)b", "y||a|b"},
        Row{"u@[1.2.3.4]", "||u|[1.2.3.4]"}, Row{"u@[ IPv6:::1 ]", "||u|[IPv6:::1]"},
        Row{"g: a@b, C <c@d>;", "{g ; ||a|b ; C||c|d ; }"}, Row{"undisclosed-recipients:;", "{undisclosed-recipients ; }"},
        Row{"\"The, group\": a@b;, x@y", "{The, group ; ||a|b ; } ; ||x|y"}, Row{"A Group : ;", "{A Group ; }"},
        Row{"=?utf-8?q?Ann_=C3=A9?= <a@b>", "=?utf-8?q?Ann_=C3=A9?=||a|b"},
        Row{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete||pete|silly.test"},
        Row{"Ann\r\n <a@b>,\r\n\tc@d", "Ann||a|b ; ||c|d"}, Row{"j\xc3\xb6rg@b\xc3\xbc.de", "||j\xc3\xb6rg|b\xc3\xbc.de"},
        Row{"", ""}, Row{" , ,, ", ""});
    CAPTURE(row.value);
    CHECK(shown(parse_address_list(row.value)) == row.expected);
}

TEST_CASE("D12: broken lists are read as people expect, and the shown address is the parsed one", "[mail][D12]")
{
    struct Row {
        std::string_view value;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{"a@b,,,;:<<>>", "||a|b ; { ; }"}, Row{"a@b <c@d>", "a@b||c|d"}, Row{"\"a@b\" <c@d>", "a@b||c|d"},
        Row{"Ann a@b", "Ann||a|b"}, Row{"a@b c@d", "||a|b ; ||c|d"}, Row{"a@b; c@d", "||a|b ; ||c|d"},
        Row{"<a@b", "||a|b"}, Row{"Ann <a@b, c@d", "Ann||a|b ; ||c|d"}, Row{"<a@b>>, c@d", "||a|b ; ||c|d"},
        Row{"<<a@b>>", "||a|b"}, Row{"a@b@c", "||a@b|c"}, Row{"<a@b@c>", "||a@b|c"}, Row{"Ann", "||Ann|"},
        Row{"Ann Clark", "||Ann Clark|"}, Row{"Ann <>", "Ann|||"}, Row{"Ann <ann>", "Ann||ann|"}, Row{"<>", ""},
        Row{"<@d>", "|||d"}, Row{"@d", "|||d"}, Row{"a@", "||a|"}, Row{"<a@b> <c@d>", "||a|b ; ||c|d"},
        Row{"g: a@b", "{g ; ||a|b ; }"}, Row{"g: h: a@b;;", "{g ; h||a|b ; }"}, Row{"\"Ann <a@b>", "||Ann <a@b>|"},
        Row{"Ann (comment <a@b>", "comment <a@b>||Ann|"}, Row{"a@[1.2", "||a|[1.2]"}, Row{"a@[1\\", "||a|[1]"},
        Row{")a@b(", "||a|b"}, Row{"<Ann Clark>", "||Ann Clark|"}, Row{"<a@b c>", "||a|b"},
        Row{"real@x.test <fake@y.test> (z)", "real@x.test||fake|y.test"}, Row{":", "{ ; }"}, Row{"\"\"", ""});
    CAPTURE(row.value);
    CHECK(shown(parse_address_list(row.value)) == row.expected);
}

TEST_CASE("D12: comments nested ten thousand deep are one comment", "[mail][D12]")
{
    const std::string value = repeat("(", 10'000) + "x" + repeat(")", 10'000) + " a@b";
    const auto addresses = parse_address_list(value);
    REQUIRE(addresses.size() == 1);
    CHECK(addresses[0].local == "a");
    CHECK(addresses[0].domain == "b");
    CHECK(parse_address_list(repeat("(", 1'000'000)).empty());
    CHECK(parse_address_list(repeat("(", 1'000'000) + repeat(")", 999'999) + "a@b").empty());
}

TEST_CASE("D1: lists of millions of pieces are read in one pass and bounded", "[mail][D1]")
{
    const auto piece = GENERATE("a@b,", "<", "a@", "@", "a ", "(", "\"", ":", "g:;", "<@a,", "a@b <", ".", "a . ",
                                "[", "a@[", "<a@b", "\\", ";", "(a)b", "@a:");
    CAPTURE(piece);
    const auto addresses = parse_address_list(repeat(piece, 1'000'000));
    CHECK(addresses.size() <= kMaxAddresses + 1);
    const auto count = [&](HeaderAddress::Kind kind) {
        return std::ranges::count(addresses, kind, &HeaderAddress::kind);
    };
    CHECK(count(HeaderAddress::Kind::group_start) == count(HeaderAddress::Kind::group_end));
}

TEST_CASE("a list is written so that it is read back", "[mail][address_list]")
{
    std::mt19937 random(11);
    const std::vector<std::string_view> pieces{"a",  "b.c", "@",  "<",  ">",  ",",     ";",    ":",      "\"", "(",
                                               ")",  " ",   "\\", ".",  "[",  "]",     "Ann",  "\"x y\"", "\t", "\xc3\xa9",
                                               "=?", "a@b", "\r\n ", "<a@b>", "(c)", "\x01", "[1]"};
    for (int round = 0; round < 20'000; ++round) {
        std::string value;
        for (std::size_t i = random() % 16; i-- > 0;) value += pieces[random() % pieces.size()];
        const auto addresses = parse_address_list(value);
        const std::string written = format_address_list(addresses);
        CAPTURE(value, written);
        REQUIRE(shown(parse_address_list(written)) == shown(addresses));
    }
}

TEST_CASE("a route that never ends leaves its first domain whole, also a literal with a comma in it", "[mail]")
{
    const auto addresses = parse_address_list("<@[a,@b> c@d>");
    REQUIRE(!addresses.empty());
    CHECK(addresses.front().domain.starts_with("[a,@b"));
    CHECK(parse_address_list(format_address_list(addresses)) == addresses);
}
