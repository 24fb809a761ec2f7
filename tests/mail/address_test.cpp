#include "mail/address.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

using namespace mbx::mail;

namespace {

Mailbox box(std::string local, std::string domain, bool utf8 = false) { return {std::move(local), std::move(domain), utf8}; }

}  // namespace

TEST_CASE("C2: forward paths of RFC 5321 are read, with quoting undone and routes dropped", "[mail][C2]")
{
    struct Row {
        std::string_view text;
        Mailbox expected;
        std::string_view written;
    };
    const auto row = GENERATE(
        Row{"<u@d.example>", box("u", "d.example"), "<u@d.example>"},
        Row{"<User.Name+tag@D.Example>", box("User.Name+tag", "d.example"), "<User.Name+tag@d.example>"},
        Row{"<@a,@b:u@d>", box("u", "d"), "<u@d>"},
        Row{"<@a.example:u@d>", box("u", "d"), "<u@d>"},
        Row{"<\"a b\"@d>", box("a b", "d"), "<\"a b\"@d>"},
        Row{"<\"a\\\"@x\"@d>", box("a\"@x", "d"), "<\"a\\\"@x\"@d>"},
        Row{"<\"plain\"@d>", box("plain", "d"), "<plain@d>"},
        Row{"<\"a@b\"@us>", box("a@b", "us"), "<\"a@b\"@us>"},
        Row{"<\"\"@d>", box("", "d"), "<\"\"@d>"},
        Row{"<u@[1.2.3.4]>", box("u", "[1.2.3.4]"), "<u@[1.2.3.4]>"},
        Row{"<u@[IPv6:2001:DB8:0:0::1]>", box("u", "[IPv6:2001:db8::1]"), "<u@[IPv6:2001:db8::1]>"},
        Row{"<u@[ipv6:::1]>", box("u", "[IPv6:::1]"), "<u@[IPv6:::1]>"},
        Row{"<postmaster>", box("postmaster", ""), "<postmaster>"},
        Row{"<PostMaster>", box("PostMaster", ""), "<PostMaster>"},
        Row{"<a%b@us>", box("a%b", "us"), "<a%b@us>"},
        Row{"<us!a@b>", box("us!a", "b"), "<us!a@b>"},
        Row{"<\">\"@d>", box(">", "d"), "<\">\"@d>"});
    CAPTURE(row.text);
    const auto parsed = parse_forward_path(row.text);
    REQUIRE(parsed);
    CHECK(*parsed == row.expected);
    CHECK(format_path(*parsed) == row.written);
    CHECK(measure_path(std::string(row.text) + " SIZE=1") == row.text.size());
    const auto again = parse_forward_path(format_path(*parsed));
    REQUIRE(again);
    CHECK(*again == *parsed);
}

TEST_CASE("C2: what is no path is a syntax error", "[mail][C2]")
{
    const auto text = GENERATE("", "u@d", "<", "<>", "< >", "<u>", "<u@>", "<@d>", "<u@d", "u@d>", "<u@d >", "< u@d>",
                               "<u@@d>", "<a@b@c>", "<.u@d>", "<u.@d>", "<a..b@d>", "<u@.d>", "<u@d.>", "<u@d..e>",
                               "<u@-d>", "<u@d->", "<u@d_e>", "<u@[1.2.3]>", "<u@[1.2.3.256]>", "<u@[01.2.3.4]>",
                               "<u@[IPv6:1.2.3.4]>", "<u@[IPv6:fe80::1%eth0]>", "<u@[x:y]>", "<u@[]>", "<u@[1.2.3.4]",
                               "<\"a@d>", "<\"a\"b@d>", "<\"a\\\"@d>", "<@a,b:u@d>", "<@a,:u@d>", "<@:u@d>", "<@a u@d>",
                               "<a b@d>", "<u@d e>", "<u@d><v@e>", "<u@(c)d>", "<\"a\tb\"@d>", "<u\x01@d>",
                               "<@a:postmaster>", "<u@d\r\n>", "<\"a\x7f\"@d>");
    CAPTURE(text);
    const auto parsed = parse_forward_path(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error() == PathError::syntax);
}

TEST_CASE("C2: the null reverse path is no mailbox, and a bare postmaster no sender", "[mail][C2]")
{
    const auto null_path = parse_reverse_path("<>");
    REQUIRE(null_path);
    CHECK_FALSE(*null_path);
    CHECK(format_path(*null_path) == "<>");
    const auto sender = parse_reverse_path("<a@b>");
    REQUIRE(sender);
    CHECK((*sender)->local_part == "a");
    CHECK_FALSE(parse_reverse_path("<postmaster>"));
    CHECK(parse_forward_path("<postmaster>")->is_bare_postmaster());
}

TEST_CASE("C1: local parts over 64, domains over 255 and paths over 256 bytes are told apart", "[mail][C1]")
{
    const std::string label(63, 'a');
    const std::string domain = label + '.' + label + '.' + label;  // 191
    CHECK(parse_forward_path('<' + std::string(64, 'u') + "@d>"));
    CHECK(parse_forward_path('<' + std::string(65, 'u') + "@d>").error() == PathError::local_part_too_long);
    CHECK(parse_forward_path("<\"" + std::string(65, ' ') + "\"@d>").error() == PathError::local_part_too_long);
    CHECK(parse_forward_path('<' + std::string(62, 'u') + '@' + domain + ">"));                    // 256
    CHECK(parse_forward_path('<' + std::string(63, 'u') + '@' + domain + ">").error() == PathError::path_too_long);
    CHECK(parse_forward_path("<u@" + domain + '.' + std::string(64, 'b') + '>').error() == PathError::domain_too_long);
    CHECK(parse_forward_path("<u@" + std::string(64, 'b') + '>').error() == PathError::syntax);
    CHECK(parse_forward_path("<u@" + std::string(1'000'000, 'b') + '>').error() == PathError::domain_too_long);
    CHECK(parse_reverse_path('<' + std::string(1'000'000, 'b') + "@d>").error() == PathError::local_part_too_long);
    std::string route = "<@a";
    for (int i = 0; i < 100; ++i) route += ",@a";
    CHECK(parse_forward_path(route + ":u@d>").error() == PathError::path_too_long);
    CHECK(is_domain(domain + '.' + label));
    CHECK_FALSE(is_domain(domain + '.' + label + "a"));
}

TEST_CASE("C3: shell words, file names and formats in addresses are plain data", "[mail][C3]")
{
    struct Row {
        std::string_view text;
        bool is_mailbox;
    };
    const auto row = GENERATE(Row{"<;cmd;>", false}, Row{"<$(reboot)@d>", false}, Row{"<`id`@d>", true},
                              Row{"<|prog@d>", true}, Row{"</etc/passwd@d>", true}, Row{"<%n%s@d>", true},
                              Row{"<\"$(reboot)\"@d>", true}, Row{"<\";rm -rf /;\"@d>", true},
                              Row{"<\"a\\\nb\"@d>", false}, Row{"<a\nb@d>", false}, Row{"<../../x@d>", false},
                              Row{"<a=0Ab@d>", true});
    CAPTURE(row.text);
    const auto parsed = parse_forward_path(row.text);
    REQUIRE(static_cast<bool>(parsed) == row.is_mailbox);
    if (parsed) CHECK(format_path(*parsed) == row.text);
}

TEST_CASE("C6: UTF-8 addresses are known as such and bad UTF-8 is told", "[mail][C6]")
{
    const auto cyrillic = parse_forward_path("<почта@пример.рф>");
    REQUIRE(cyrillic);
    CHECK(cyrillic->needs_utf8);
    CHECK(cyrillic->local_part == "почта");
    CHECK(format_path(*cyrillic) == "<почта@пример.рф>");
    CHECK(parse_forward_path("<u@例え.jp>")->needs_utf8);
    CHECK(parse_forward_path("<\"п т\"@d>")->needs_utf8);
    CHECK_FALSE(parse_forward_path("<u@xn--e1afmkfd.xn--p1ai>")->needs_utf8);
    // Decomposed and composed forms stay what they are: no silent mangling.
    CHECK_FALSE(*parse_forward_path("<e\xcc\x81@d>") == *parse_forward_path("<\xc3\xa9@d>"));
    const auto bad = GENERATE("<\xff@d>", "<u@\xc3>", "<\xc0\xaf@d>", "<\xed\xa0\x80@d>", "<\xf4\x90\x80\x80@d>",
                              "<\xe2\x82@d>");
    CAPTURE(bad);
    CHECK(parse_forward_path(bad).error() == PathError::bad_utf8);
    CHECK(parse_reverse_path(bad).error() == PathError::bad_utf8);
}

TEST_CASE("a path ends at its own bracket", "[mail][address]")
{
    CHECK(measure_path("<a@b> BODY=8BITMIME") == 5);
    CHECK(measure_path("<\"a> b\"@c> X") == 10);
    CHECK(measure_path("<\"a\\\"> b\"@c>") == 12);
    CHECK(measure_path("<>") == 2);
    CHECK(measure_path("a@b") == 0);
    CHECK(measure_path("<a@b") == 0);
    CHECK(measure_path("<\"a@b>") == 0);
    CHECK(measure_path("") == 0);
}

TEST_CASE("any mailbox is written so that it is read back", "[mail][address]")
{
    std::mt19937 random(7);
    for (int round = 0; round < 5000; ++round) {
        Mailbox mailbox;
        for (std::size_t i = random() % 12; i-- > 0;) mailbox.local_part += static_cast<char>(32 + random() % 95);
        mailbox.domain = random() % 2 == 0 ? "d.example" : "[192.0.2.1]";
        const std::string text = format_mailbox(mailbox);
        CAPTURE(text);
        const auto parsed = parse_mailbox(text);
        REQUIRE(parsed);
        REQUIRE(*parsed == mailbox);
        REQUIRE(measure_path('<' + text + "> X") == text.size() + 2);
    }
}
