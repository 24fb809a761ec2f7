#include "net/address.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "net/io_error.hpp"

namespace mbx::net {

TEST_CASE("addresses are read and written in their shortest form", "[net]")
{
    CHECK(IpAddress::parse("192.0.2.1")->text() == "192.0.2.1");
    CHECK(IpAddress::parse("2001:DB8:0:0:0:0:0:1")->text() == "2001:db8::1");
    CHECK(IpAddress::parse("::ffff:192.0.2.1")->text() == "192.0.2.1");
    CHECK(*IpAddress::parse("::ffff:192.0.2.1") == *IpAddress::parse("192.0.2.1"));
    CHECK(IpAddress::parse("192.0.2.1")->is_v4());
    CHECK(IpAddress::parse("127.3.2.1")->is_loopback());
    CHECK(IpAddress::parse("::1")->is_loopback());
    CHECK_FALSE(IpAddress::parse("::2")->is_loopback());
}

TEST_CASE("what is no address is refused", "[net]")
{
    const std::string text = GENERATE(as<std::string>{}, "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "[::1]",
                                      "::1%lo", "fe80::1%eth0", ":", ":::", "host", "1.2.3.4 ", " 1.2.3.4",
                                      std::string("1.2.3.4\0x", 9), std::string(200, '1'));
    CHECK_FALSE(IpAddress::parse(text));
}

TEST_CASE("J1: the network of a limit is the address for IPv4 and the /64 for IPv6", "[net][J1]")
{
    CHECK(IpAddress::parse("192.0.2.1")->network().text() == "192.0.2.1");
    CHECK(IpAddress::parse("2001:db8:1:2:3:4:5:6")->network().text() == "2001:db8:1:2::");
}

TEST_CASE("a network contains what its prefix says", "[net]")
{
    const auto contains = [](std::string_view network, std::string_view address) {
        return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
    };
    CHECK(contains("192.0.2.0/24", "192.0.2.255"));
    CHECK_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
    CHECK(contains("192.0.2.77/24", "192.0.2.1"));
    CHECK(contains("192.0.2.8/29", "192.0.2.15"));
    CHECK_FALSE(contains("192.0.2.8/29", "192.0.2.16"));
    CHECK(contains("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(contains("192.0.2.1", "192.0.2.2"));
    CHECK(contains("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    CHECK(contains("2001:db8::/32", "2001:db8:ffff::1"));
    CHECK_FALSE(contains("2001:db8::/32", "2001:db9::1"));
    CHECK(contains("::/0", "2001:db9::1"));
    const std::string wrong = GENERATE(as<std::string>{}, "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/-1", "/8",
                                       "192.0.2.0/0x8", "192.0.2.0/8/8");
    CHECK_FALSE(IpNetwork::parse(wrong));
}

TEST_CASE("endpoints have brackets around IPv6 and nowhere else", "[net]")
{
    CHECK(Endpoint::parse("127.0.0.1:25")->text() == "127.0.0.1:25");
    CHECK(Endpoint::parse("[::1]:993")->text() == "[::1]:993");
    const std::string wrong = GENERATE(as<std::string>{}, "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:25",
                                       "[127.0.0.1]:25", "[::1]", ":25", "127.0.0.1:+25", "[::1]x:25", "");
    CHECK_FALSE(Endpoint::parse(wrong));
}

TEST_CASE("every failure has a description of its own", "[net]")
{
    for (int i = 0; i <= static_cast<int>(IoError::failed); ++i) {
        CHECK_FALSE(describe(static_cast<IoError>(i)).empty());
        for (int j = 0; j < i; ++j) CHECK(describe(static_cast<IoError>(i)) != describe(static_cast<IoError>(j)));
    }
}

}  // namespace mbx::net
