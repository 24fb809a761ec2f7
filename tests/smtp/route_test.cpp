#include "smtp/route.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace mbx::smtp {
namespace {

Route route(std::string domain, std::string host, std::string sender_domain = {})
{
    Route made;
    made.domain = std::move(domain);
    made.host = std::move(host);
    made.sender_domain = std::move(sender_domain);
    return made;
}

std::string host_for(const std::vector<Route>& routes, std::string_view domain, std::string_view sender = "")
{
    const Route* found = find_route(routes, domain, sender);
    return found == nullptr ? "MX" : found->host;
}

}  // namespace

TEST_CASE("of an administrator's routes the most specific one counts", "[smtp][route]")
{
    const std::vector<Route> routes{route("*", "all"),           route(".example.org", "below"),
                                    route("example.org", "it"),  route(".a.example.org", "deep"),
                                    route("*", "mine", "me.example"), route("example.org", "both", "me.example")};
    CHECK(host_for(routes, "example.net") == "all");
    CHECK(host_for(routes, "example.org") == "it");
    CHECK(host_for(routes, "x.example.org") == "below");
    CHECK(host_for(routes, "x.a.example.org") == "deep");
    CHECK(host_for(routes, "badexample.org") == "all");
    CHECK(host_for(routes, "example.net", "me.example") == "mine");
    CHECK(host_for(routes, "example.org", "me.example") == "both");
    CHECK(host_for(routes, "x.example.org", "me.example") == "below");
    CHECK(host_for({}, "example.org") == "MX");
    CHECK(host_for({route("example.org", "it")}, "example.net") == "MX");
}

TEST_CASE("a route is found again by its key, and different ways have different keys", "[smtp][route]")
{
    std::vector<Route> routes{route("*", "smart.example"), route("*", "smart.example"), route("*", "2001:db8::1")};
    routes[1].user = "me";
    routes[1].tls = RouteTls::implicit;
    routes[1].port = 465;
    CHECK(routes[0].key() == "smart.example:25");
    CHECK(routes[1].key() == "me@smart.example:465/implicit");
    CHECK(routes[2].key() == "[2001:db8::1]:25");
    for (const Route& each : routes) CHECK(find_route_by_key(routes, each.key()) == &each);
    CHECK(find_route_by_key(routes, "other:25") == nullptr);
}

TEST_CASE("H3: exchanges are asked in the order of their preference, equal ones in any, and no more than some", "[smtp][route][H3]")
{
    SeededRandom random(7);
    std::map<std::string, int> first;
    for (int i = 0; i < 300; ++i) {
        const HostOrder order = order_exchanges({{20, "c"}, {10, "a"}, {10, "b"}, {10, "a"}, {30, "a"}}, {"me.example"}, 10, random);
        CHECK(order.kind == HostOrder::Kind::hosts);
        REQUIRE(order.hosts.size() == 3);
        CHECK(order.hosts[2] == "c");
        ++first[order.hosts[0]];
    }
    CHECK(first["a"] > 60);
    CHECK(first["b"] > 60);
    std::vector<net::MxRecord> many;
    for (std::uint16_t i = 0; i < 500; ++i) many.push_back({i, "mx" + std::to_string(i)});
    const HostOrder cut = order_exchanges(many, {}, 10, random);
    CHECK(cut.hosts.size() == 10);
    CHECK(cut.hosts.front() == "mx0");
    CHECK(cut.left_out == 490);
}

TEST_CASE("H3: mail never goes to this server or to those behind it", "[smtp][route][H3]")
{
    SeededRandom random(7);
    const HostOrder loop = order_exchanges({{10, "me.example"}, {10, "other"}, {20, "late"}}, {"me.example"}, 10, random);
    CHECK(loop.kind == HostOrder::Kind::loop_to_self);
    const HostOrder backup = order_exchanges({{10, "best"}, {20, "me.example"}, {20, "equal"}, {30, "late"}}, {"me.example"}, 10, random);
    CHECK(backup.kind == HostOrder::Kind::hosts);
    CHECK(backup.hosts == std::vector<std::string>{"best"});
    CHECK(backup.is_cut_at_self);
}

TEST_CASE("RFC 7505: a null MX means no mail, unless others stand beside it", "[smtp][route][H1]")
{
    SeededRandom random(7);
    CHECK(order_exchanges({{0, ""}}, {}, 10, random).kind == HostOrder::Kind::null_mx);
    const HostOrder odd = order_exchanges({{0, ""}, {10, "mx"}}, {}, 10, random);
    CHECK(odd.kind == HostOrder::Kind::hosts);
    CHECK(odd.hosts == std::vector<std::string>{"mx"});
}

TEST_CASE("addresses alternate between the families, IPv6 first, as far as they are wanted", "[smtp][route]")
{
    SeededRandom random(7);
    std::vector<net::IpAddress> all;
    for (const char* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"}) all.push_back(*net::IpAddress::parse(text));
    const auto both = order_addresses(all, AddressFamilies::both, random);
    REQUIRE(both.size() == 4);
    CHECK_FALSE(both[0].is_v4());
    CHECK(both[1].is_v4());
    CHECK(std::set(both.begin(), both.end()).size() == 4);
    CHECK(order_addresses(all, AddressFamilies::ipv4, random).size() == 3);
    CHECK(order_addresses(all, AddressFamilies::ipv6, random).size() == 1);
}

TEST_CASE("H3: targets on this machine, on private networks and in reserved space are known", "[smtp][route][H3]")
{
    for (const char* text : {"127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                             "169.254.1.1", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1",
                             "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a01:203"}) {
        CAPTURE(text);
        CHECK(is_private_target(*net::IpAddress::parse(text)));
    }
    for (const char* text : {"192.0.2.1", "8.8.8.8", "172.32.0.1", "172.15.0.1", "2001:db8::1", "2a00::1", "64:ff9b::808:808"}) {
        CAPTURE(text);
        CHECK_FALSE(is_private_target(*net::IpAddress::parse(text)));
    }
}

TEST_CASE("address literals are read as RFC 5321 writes them, and nothing else is one", "[smtp][route]")
{
    CHECK(parse_literal("[192.0.2.1]")->text() == "192.0.2.1");
    CHECK(parse_literal("[IPv6:2001:db8::1]")->text() == "2001:db8::1");
    for (const char* text : {"192.0.2.1", "[]", "[192.0.2]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[example.org]", "[192.0.2.1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_literal(text));
    }
}

}  // namespace mbx::smtp
