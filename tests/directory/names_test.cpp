#include "directory/names.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace mbx::directory;

namespace {

std::string domain(std::string_view text)
{
    const auto name = normalize_domain(text);
    return name ? *name : "!";
}
std::string account(std::string_view text)
{
    const auto parts = parse_account_address(text);
    return parts ? parts->text() : "!";
}
std::string alias(std::string_view text)
{
    const auto parts = parse_alias_address(text);
    return parts ? parts->text() : "!";
}

}  // namespace

TEST_CASE("a domain has one spelling, whatever the script or case it was given in", "[directory]")
{
    CHECK(domain("Example.ORG") == "example.org");
    CHECK(domain("Пример.РФ") == "xn--e1afmkfd.xn--p1ai");
    CHECK(domain("XN--E1AFMKFD.xn--p1ai") == "xn--e1afmkfd.xn--p1ai");
    CHECK(domain("Faß.de") == "xn--fa-hia.de");
    CHECK(fold_domain("ПРИМЕР.рф") == "xn--e1afmkfd.xn--p1ai");
    CHECK(fold_domain("EXAMPLE.org") == "example.org");
}

TEST_CASE("what is no domain is refused", "[directory]")
{
    for (const std::string_view bad :
         {"", ".", "org", "a..org", ".a.org", "a.org.", "-a.org", "a-.org", "a_b.org", "a b.org", "192.0.2.1",
          "[192.0.2.1]", "a/b.org", "\xff.org", "пример", "a.о\xff", "..", "a@b.org"}) {
        CAPTURE(bad);
        CHECK(domain(bad) == "!");
    }
    CHECK(domain(std::string(64, 'a') + ".org") == "!");
    CHECK(domain(std::string(100'000, 'a') + ".org") == "!");
    std::string large;
    for (int i = 0; i < 200; ++i) large += "я";
    CHECK(domain(large + ".рф") == "!");
    CHECK(domain(std::string_view("a\0.org", 6)) == "!");
    CHECK(domain(std::string_view("я\0.org", 7)) == "!");
}

TEST_CASE("the address of an account is safe as a folder name", "[directory]")
{
    CHECK(account("Ann.O'Hara-1_2=3~4@Example.org") == "ann.o'hara-1_2=3~4@example.org");
    CHECK(account("анна@example.org") == "анна@example.org");
    for (const std::string_view bad :
         {"", "@", "ann", "@example.org", "ann@", ".ann@example.org", "ann.@example.org", "a..b@example.org",
          "-ann@example.org", "a/b@example.org", "../../etc@example.org", "a b@example.org", "a+b@example.org",
          "a@b@example.org", "\"a b\"@example.org", "a\x1b@example.org", "a\n@example.org", "a\xff@example.org",
          "a\xc2\x85@example.org", "a\xe2\x80\xae@example.org", "\xef\xbb\xbf@example.org", "a$(id)@example.org",
          "a;b@example.org", "a*@example.org", "a@[192.0.2.1]"}) {
        CAPTURE(bad);
        CHECK(account(bad) == "!");
    }
    CHECK(account(std::string(64, 'a') + "@example.org") != "!");
    CHECK(account(std::string(65, 'a') + "@example.org") == "!");
    CHECK(account(std::string_view("a\0b@example.org", 15)) == "!");
}

TEST_CASE("an alias may have every character of a dot-atom", "[directory]")
{
    CHECK(alias("Sales+Info/EU!#$%&'*-=?^_`{|}~@example.org") == "sales+info/eu!#$%&'*-=?^_`{|}~@example.org");
    for (const std::string_view bad : {"a,b@example.org", "a b@example.org", "\"a\"@example.org", "a@b@example.org",
                                       ".a@example.org", "a(b)@example.org", "a\r\n@example.org"}) {
        CAPTURE(bad);
        CHECK(alias(bad) == "!");
    }
}
