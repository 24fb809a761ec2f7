#include "http/target.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace mbx;

TEST_CASE("K3: a path that tries to mean more than it says is refused, in every spelling", "[http][K3]")
{
    const std::string path = GENERATE(
        as<std::string>{}, "/../etc/passwd", "/..", "/a/../b", "/./a", "/.", "/%2e%2e/", "/%2E%2e", "/.%2e/a", "/%2e", "/a/%2e%2e",
        "/a/%2E./b", "//", "//etc/passwd", "/a//b", "/a/", "/a\\b", "/..\\a", "/a%2fb\\c", "/%00", "/a%00.html", "/%2f%00", "/a%2f%0a",
        "/%0d%0aSet-Cookie:x", "/%1b[2J", "/%7f", "/%c0%ae%c0%ae", "/%c0%af", "/%ed%a0%80", "/%ff", "/%f5%80%80%80");
    CAPTURE(path);
    const auto target = http::parse_target(path);
    REQUIRE_FALSE(target);
    CHECK(target.error() == http::TargetError::unsafe_path);
}

TEST_CASE("K3: broken percent signs and targets of other forms are malformed", "[http][K3]")
{
    const std::string text = GENERATE(as<std::string>{}, "", "*", "a", "?a=b", "/%", "/%2", "/%zz", "/a#b", "example.org:443",
                                      "ftp://host/", "http://", "http:///a", "http://us er/", "http://[::1/", "http://a:99999/",
                                      "/?a=%00", "/?%", "/?a=%ff");
    CAPTURE(text);
    const auto target = http::parse_target(text);
    REQUIRE_FALSE(target);
    CHECK(target.error() == http::TargetError::malformed);
}

TEST_CASE("a good target is decoded once, and the query by its own rules", "[http]")
{
    const auto target = http::parse_target("/api/v1/accounts/ann%40example.org?keep=30d&x=a+b%2Bc&flag");
    REQUIRE(target);
    CHECK(target->segments == std::vector<std::string>{"api", "v1", "accounts", "ann@example.org"});
    CHECK(target->path() == "/api/v1/accounts/ann@example.org");
    REQUIRE(target->query_value("keep") != nullptr);
    CHECK(*target->query_value("keep") == "30d");
    CHECK(*target->query_value("x") == "a b+c");
    CHECK(target->query_value("flag")->empty());
    CHECK(target->query_value("none") == nullptr);
    const auto twice = http::parse_target("/%252e%252e");
    REQUIRE(twice);
    CHECK(twice->segments.front() == "%2e%2e");
}

// RFC 3986 section 2.2: an escaped delimiter is data. RFC 5321 section 4.1.2: a local part may have it.
TEST_CASE("K3: an encoded slash or backslash is a byte of its segment and parts nothing", "[http][K3]")
{
    const auto address = http::parse_target("/api/v1/routes/a%2Fb%40ok.test");
    REQUIRE(address);
    CHECK(address->segments == std::vector<std::string>{"api", "v1", "routes", "a/b@ok.test"});
    const auto quoted = http::parse_target("/x/%22a%5C%22b%22%40ok.test/y");
    REQUIRE(quoted);
    CHECK(quoted->segments == std::vector<std::string>{"x", "\"a\\\"b\"@ok.test", "y"});
    const auto climbing = http::parse_target("/assets/..%2f..%5c%2fetc%2fpasswd");
    REQUIRE(climbing);
    CHECK(climbing->segments == std::vector<std::string>{"assets", "../..\\/etc/passwd"});
    CHECK(http::parse_target("/%2f")->segments == std::vector<std::string>{"/"});
    CHECK(http::parse_target("/a%252fb")->segments == std::vector<std::string>{"a%2fb"});
}

TEST_CASE("the path for logs says where its segments end", "[http]")
{
    CHECK(http::parse_target("/a/b%2fc%5Cd%20")->path() == "/a/b%2Fc%5Cd%20");
    CHECK(http::parse_target("/a/b/c")->path() == "/a/b/c");
}

TEST_CASE("an absolute target keeps its authority (RFC 9112 section 3.2.2)", "[http]")
{
    const auto target = http::parse_target("http://Mail.Example.org:8080/status?x=1");
    REQUIRE(target);
    CHECK(target->authority == "Mail.Example.org:8080");
    CHECK(target->segments == std::vector<std::string>{"status"});
    CHECK(http::parse_target("http://localhost")->segments.empty());
}

TEST_CASE("a query of too many pairs is refused", "[http]")
{
    std::string many = "/?";
    for (int number = 0; number < 65; ++number) many += "a=1&";
    CHECK_FALSE(http::parse_target(many));
}

TEST_CASE("a host is a name or an address, its port dropped", "[http]")
{
    CHECK(http::parse_host("LocalHost:80") == "localhost");
    CHECK(http::parse_host("mail.example.org.") == "mail.example.org");
    CHECK(http::parse_host("127.0.0.1:") == "127.0.0.1");
    CHECK(http::parse_host("[::1]:8080") == "[::1]");
    const std::string bad = GENERATE(as<std::string>{}, "", ":80", "a b", "a/b", "a@b", "[::1", "::1", "a:80:80", "a:x", ".", "a:65536", "a\tb");
    CAPTURE(bad);
    CHECK_FALSE(http::parse_host(bad));
}

TEST_CASE("an encoded segment comes back as it was", "[http]")
{
    const std::string text = GENERATE(as<std::string>{}, "ann@example.org", "a+b@example.org", "ü@example.org", "a%b", "a?b#c d",
                                      "a/b@example.org", "\"a\\\"b\"@example.org", "../..", "/", "\\", "a'b\"<>{}");
    const auto target = http::parse_target("/" + http::encode_segment(text));
    REQUIRE(target);
    CHECK(target->segments.front() == text);
}
