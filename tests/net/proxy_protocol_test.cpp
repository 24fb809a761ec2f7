#include "net/proxy_protocol.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <string>

namespace mbx::net {
namespace {

std::string v2(char command, char family, const std::string& body, int lie = 0)
{
    const auto length = static_cast<std::size_t>(static_cast<int>(body.size()) + lie);
    std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
    bytes += command;
    bytes += family;
    bytes += static_cast<char>(length >> 8U);
    bytes += static_cast<char>(length & 0xffU);
    return bytes + body;
}

const std::string kV4Body("\xc0\x00\x02\x0a\xc0\x00\x02\x01\x9c\x40\x00\x19", 12);

// The verdict on every prefix is need_more until the whole is there; the verdict on the whole is what is returned.
ProxyVerdict verdict_of(const std::string& bytes, ProxyHeader& header)
{
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const ProxyVerdict early = parse_proxy_header(std::string_view(bytes).substr(0, size), header);
        if (early != ProxyVerdict::need_more) return early;
    }
    return parse_proxy_header(bytes, header);
}

}  // namespace

TEST_CASE("a version 1 header names the client and the server", "[net][proxy]")
{
    ProxyHeader header;
    const std::string line = "PROXY TCP4 192.0.2.10 192.0.2.1 40000 25\r\n";
    REQUIRE(verdict_of(line, header) == ProxyVerdict::complete);
    CHECK(header.length == line.size());
    REQUIRE(header.addresses);
    CHECK(header.addresses->source.text() == "192.0.2.10:40000");
    CHECK(header.addresses->destination.text() == "192.0.2.1:25");
    REQUIRE(parse_proxy_header(line + "EHLO", header) == ProxyVerdict::complete);
    CHECK(header.length == line.size());
    REQUIRE(verdict_of("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", header) == ProxyVerdict::complete);
    CHECK(header.addresses->source.text() == "[2001:db8::1]:1");
    REQUIRE(verdict_of("PROXY UNKNOWN\r\n", header) == ProxyVerdict::complete);
    CHECK_FALSE(header.addresses);
    REQUIRE(verdict_of("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", header) == ProxyVerdict::complete);
    CHECK_FALSE(header.addresses);
}

TEST_CASE("C12: a version 1 header that is not exact is refused", "[net][proxy][C12]")
{
    const std::string line = GENERATE(
        as<std::string>{}, "EHLO client\r\n", "PROXX", "proxy TCP4 192.0.2.10 192.0.2.1 40000 25\r\n",
        "PROXY TCP4 192.0.2.10 192.0.2.1 40000\r\n", "PROXY TCP4 192.0.2.10 192.0.2.1 40000 25 9\r\n",
        "PROXY TCP4 192.0.2.10 192.0.2.1 40000 25 \r\n", "PROXY TCP4  192.0.2.10 192.0.2.1 40000 25\r\n",
        "PROXY TCP4 192.0.2.10 192.0.2.1 65536 25\r\n", "PROXY TCP4 192.0.2.10 192.0.2.1 040 25\r\n",
        "PROXY TCP4 192.0.2.10 192.0.2.1 -1 25\r\n", "PROXY TCP4 2001:db8::1 192.0.2.1 1 25\r\n",
        "PROXY TCP6 192.0.2.10 192.0.2.1 1 25\r\n", "PROXY TCP4 192.0.2.300 192.0.2.1 1 25\r\n",
        "PROXY UDP4 192.0.2.10 192.0.2.1 1 25\r\n", "PROXY TCP4 192.0.2.10 192.0.2.1 1 25\n\r\n",
        "PROXY " + std::string(200, 'x'), "PROXY UNKNOWN" + std::string(100, ' ') + "\r\n");
    ProxyHeader header;
    CHECK(verdict_of(line, header) == ProxyVerdict::invalid);
}

TEST_CASE("a version 2 header names the client; a local one and other families name nobody", "[net][proxy]")
{
    ProxyHeader header;
    REQUIRE(verdict_of(v2('\x21', '\x11', kV4Body), header) == ProxyVerdict::complete);
    REQUIRE(header.addresses);
    CHECK(header.addresses->source.text() == "192.0.2.10:40000");
    CHECK(header.addresses->destination.text() == "192.0.2.1:25");
    const std::string tlv = kV4Body + std::string("\x01\x00\x04smtp", 7) + std::string("\x04\x00\x00", 3);
    REQUIRE(verdict_of(v2('\x21', '\x11', tlv), header) == ProxyVerdict::complete);
    CHECK(header.length == 16 + tlv.size());
    REQUIRE(verdict_of(v2('\x20', '\x00', ""), header) == ProxyVerdict::complete);
    CHECK_FALSE(header.addresses);
    REQUIRE(verdict_of(v2('\x21', '\x31', std::string(216, 'u')), header) == ProxyVerdict::complete);
    CHECK_FALSE(header.addresses);
    std::string v6 = std::string(15, '\0') + "\x01" + std::string(15, '\0') + "\x02" + std::string("\x00\x01\x00\x02", 4);
    REQUIRE(verdict_of(v2('\x21', '\x21', v6), header) == ProxyVerdict::complete);
    CHECK(header.addresses->source.text() == "[::1]:1");
}

TEST_CASE("C12: a version 2 header whose lengths lie is refused", "[net][proxy][C12]")
{
    const std::string bytes = GENERATE(
        v2('\x21', '\x11', kV4Body.substr(0, 11)),                             // addresses cut short
        v2('\x21', '\x21', kV4Body),                                           // too little for IPv6
        v2('\x21', '\x11', kV4Body + std::string("\x01\x00\x05smtp", 7)),      // a TLV longer than the header
        v2('\x21', '\x11', kV4Body + std::string("\x01\xff\xffsmtp", 7)),      // much longer
        v2('\x21', '\x11', kV4Body + std::string("\x01\x00", 2)),              // half a TLV
        v2('\x21', '\x11', kV4Body, 60000),                                    // more than anybody needs
        v2('\x11', '\x11', kV4Body), v2('\x31', '\x11', kV4Body),              // versions there are not
        v2('\x22', '\x11', kV4Body));                                          // a command there is not
    ProxyHeader header;
    CHECK(verdict_of(bytes, header) == ProxyVerdict::invalid);
}

}  // namespace mbx::net
