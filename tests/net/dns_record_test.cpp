#include "net/dns_record.hpp"

#include <catch2/catch_test_macros.hpp>

#include "net/dns_cache.hpp"
#include "support/dns_servers.hpp"

namespace mbx::net {

using namespace std::string_literals;
namespace wire = test::dns;

TEST_CASE("the records that mail asks for are read from their RDATA", "[net][dns]")
{
    CHECK(parse_address_record(wire::v4("192.0.2.7"))->text() == "192.0.2.7");
    CHECK(parse_address_record(wire::v6("2001:db8::7"))->text() == "2001:db8::7");
    CHECK(parse_mx(wire::mx(10, "MX.Example.ORG")) == MxRecord{10, "mx.example.org"});
    CHECK(parse_mx("\x00\x00\x00"s) == MxRecord{0, ""});
    CHECK(parse_tlsa("\x03\x01\x01xyz"s) == TlsaRecord{3, 1, 1, "xyz"});
    const auto srv = parse_srv("\x00\x01\x00\x02\x00\x19"s + wire::name("smtp.example"));
    REQUIRE(srv);
    CHECK(srv->priority == 1);
    CHECK(srv->weight == 2);
    CHECK(srv->port == 25);
    CHECK(srv->target == "smtp.example");
    CHECK(parse_txt("\x05v=ST1\x03"s + "abc") == "v=ST1abc");
    CHECK(parse_txt("\x00"s) == "");
}

TEST_CASE("H4: RDATA with pointers, lengths that lie, long labels and names, and labels with dots in them is no record",
          "[net][dns][H4]")
{
    CHECK_FALSE(parse_name("\xc0\x0c"s));
    CHECK_FALSE(parse_name("\x40"s + std::string(64, 'a') + "\x00"s));
    CHECK_FALSE(parse_name("\x05"s + "abc"));
    CHECK_FALSE(parse_name("\x03"s + "abc"));
    CHECK_FALSE(parse_name("\x03"s + "abc\x00z"s));
    CHECK_FALSE(parse_name(""));
    CHECK_FALSE(parse_name("\x03"s + "a.b\x00"s));
    CHECK_FALSE(parse_name("\x03"s + "a\nb\x00"s));
    std::string longest;
    for (int i = 0; i < 3; ++i) longest += "\x3f"s + std::string(63, 'a');
    CHECK(parse_name(longest + "\x3d"s + std::string(61, 'b') + "\x00"s)->size() == 253);
    CHECK_FALSE(parse_name(longest + "\x3e"s + std::string(62, 'b') + "\x00"s));
    CHECK_FALSE(parse_mx("\x00\x0a"s));
    CHECK_FALSE(parse_tlsa("\x03\x01\x01"s));
    CHECK_FALSE(parse_txt(""));
    CHECK_FALSE(parse_txt("\x05"s + "abc"));
    CHECK_FALSE(parse_address_record("12345"));
    CHECK(describe_record(DnsType::mx, "\x00\x0a\xc0\x0c"s) == "\\# 4 000ac00c");
    CHECK(describe_record(DnsType::txt, "\x03"s + "a\nb") == "\"a\\x0ab\"");
}

TEST_CASE("only what can be a name in the DNS is asked for", "[net][dns]")
{
    for (const char* good : {"example.org", "example.org.", "_25._tcp.mx.example", "1.0/24.2.0.192.in-addr.arpa", "a"}) {
        CAPTURE(good);
        CHECK(is_dns_name(good));
    }
    for (const auto& bad : {""s, "."s, "a..b"s, ".a"s, "a b"s, "a\\.b"s, "b\xc3\xbc" + "cher.example"s, "a\0b"s,
                            std::string(64, 'a'), std::string(127, 'a').replace(63, 1, ".") + "." + std::string(63, 'b') +
                                                      "." + std::string(63, 'c')}) {
        CAPTURE(bad);
        CHECK_FALSE(is_dns_name(bad));
    }
    CHECK(parse_dns_type("tlsa") == DnsType::tlsa);
    CHECK_FALSE(parse_dns_type("ANY"));
}

TEST_CASE("the cache gives an answer for as long as it holds, and no failure", "[net][dns]")
{
    DnsCache cache(100'000);
    const SteadyTime start{std::chrono::hours(1)};
    DnsAnswer answer;
    answer.outcome = DnsOutcome::found;
    answer.records = {"1234"};
    answer.ttl = std::chrono::seconds(60);
    cache.put("a.example", DnsType::a, answer, start);
    CHECK(cache.find("a.example", DnsType::a, start + std::chrono::seconds(59))->ttl == std::chrono::seconds(1));
    CHECK_FALSE(cache.find("a.example", DnsType::aaaa, start));
    CHECK_FALSE(cache.find("a.example", DnsType::a, start + std::chrono::seconds(60)));
    CHECK(cache.size() == 0);
    answer.outcome = DnsOutcome::failure;
    cache.put("a.example", DnsType::a, answer, start);
    CHECK(cache.size() == 0);
    answer.outcome = DnsOutcome::no_such_name;
    answer.ttl = std::chrono::hours(100);
    cache.put("a.example", DnsType::a, answer, start);
    CHECK(cache.find("a.example", DnsType::a, start + std::chrono::minutes(59)));
    CHECK_FALSE(cache.find("a.example", DnsType::a, start + std::chrono::minutes(61)));
}

TEST_CASE("the cache stays within its memory: what was used last stays", "[net][dns]")
{
    DnsCache cache(100'000);
    const SteadyTime now{std::chrono::hours(1)};
    DnsAnswer answer;
    answer.outcome = DnsOutcome::found;
    answer.records = {std::string(500, 'x')};
    answer.ttl = std::chrono::hours(1);
    cache.put("kept.example", DnsType::a, answer, now);
    for (int i = 0; i < 1000; ++i) {
        cache.put("n" + std::to_string(i) + ".example", DnsType::a, answer, now);
        CHECK(cache.find("kept.example", DnsType::a, now));
    }
    CHECK(cache.bytes() <= 100'000);
    CHECK(cache.size() > 50);
    CHECK_FALSE(cache.find("n0.example", DnsType::a, now));
    CHECK(cache.find("n999.example", DnsType::a, now));
    answer.records = {std::string(60'000, 'x')};
    cache.put("huge.example", DnsType::a, answer, now);
    CHECK_FALSE(cache.find("huge.example", DnsType::a, now));
}

}  // namespace mbx::net
