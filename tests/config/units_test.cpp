#include "config/units.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "config/nearest.hpp"

using namespace mbx::config;
using namespace std::chrono_literals;

TEST_CASE("a size is a whole number with a unit", "[config]")
{
    CHECK(parse_size("0B") == 0);
    CHECK(parse_size("64MiB") == 64ULL << 20);
    CHECK(parse_size("1500kB") == 1'500'000);
    CHECK(parse_size("16777215TiB") == 16'777'215ULL << 40);
    for (const auto* bad : {"", "5", "MiB", "-1B", "+1B", " 1B", "1B ", "1 B", "1.5MiB", "1mib", "16777216TiB",
                            "99999999999999999999B", "0x10B"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_size(bad));
    }
}

TEST_CASE("a duration is a whole number with a unit", "[config]")
{
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("2w") == 336h);
    for (const auto* bad : {"", "5", "m", "5M", "-5s", "5 s", "1h30m", "9999999999999w", "18446744073709551615ms"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_duration(bad));
    }
}

TEST_CASE("what is formatted reads back as the same value", "[config]")
{
    const auto value = GENERATE(0ULL, 1ULL, 999ULL, 1000ULL, 1024ULL, 60'000ULL, 86'400'000ULL, 1ULL << 40, 123'456'789ULL);
    CHECK(parse_size(format_size(value)) == value);
    const Duration duration(static_cast<Duration::rep>(value));
    CHECK(parse_duration(format_duration(duration)) == duration);
    CHECK(format_duration(5min) == "5m");
    CHECK(format_duration(90s) == "90s");
    CHECK(format_size(64ULL << 20) == "64MiB");
}

TEST_CASE("an endpoint is an address and a port, IPv6 in brackets", "[config]")
{
    for (const auto* good : {"0.0.0.0:25", "127.0.0.1:0", "[::]:25", "[2001:db8::1]:65535"}) CHECK(is_endpoint(good));
    for (const auto* bad : {"", ":25", "25", "localhost:25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:25",
                            "[127.0.0.1]:25", "[::1]", "[::1", "127.0.0.1:000025", "127.0.0.1:+5", "[fe80::1%eth0]:25",
                            "1.2.3:25", "[]:1"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_endpoint(bad));
    }
}

TEST_CASE("loopback is 127.0.0.0/8 and ::1 alone", "[config]")
{
    CHECK(is_loopback_network("127.0.0.0/8"));
    CHECK(is_loopback_network("127.9.9.9"));
    CHECK(is_loopback_network("::1/128"));
    CHECK_FALSE(is_loopback_network("127.0.0.0/7"));
    CHECK_FALSE(is_loopback_network("::1/127"));
    CHECK_FALSE(is_loopback_network("::ffff:127.0.0.1"));
    CHECK_FALSE(is_network("10.0.0.0/"));
    CHECK_FALSE(is_network("10.0.0.0/8/8"));
    CHECK(is_loopback_endpoint("[::1]:80"));
    CHECK_FALSE(is_loopback_endpoint("0.0.0.0:80"));
}

TEST_CASE("a host name is labels of letters, digits and hyphens", "[config]")
{
    for (const auto* good : {"a", "mx.example.org", "xn--e1afmkfd.xn--p1ai", "1.2"}) CHECK(is_host_name(good));
    for (const auto* bad : {"", ".", "a.", ".a", "-a", "a-", "a_b", "a b", "a..b", "[192.0.2.1]"}) CHECK_FALSE(is_host_name(bad));
    CHECK(is_host_name(std::string(63, 'a')));
    CHECK_FALSE(is_host_name(std::string(64, 'a')));
}

TEST_CASE("the nearest word is found within a slip of the finger, and none beyond", "[config]")
{
    const std::vector<std::string_view> known{"listen", "listen_tls", "max_errors"};
    CHECK(find_nearest("lisen", known) == "listen");
    CHECK(find_nearest("Listen-TLS", known) == "listen_tls");
    CHECK(find_nearest("", known).empty());
    CHECK(find_nearest("certificate", known).empty());
    CHECK(find_nearest(std::string(1'000'000, 'l'), known).empty());
}
