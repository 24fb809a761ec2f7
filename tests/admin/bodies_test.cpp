#include "admin/bodies.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace mbx;

TEST_CASE("K8: JSON that is not exactly what is asked for is refused", "[admin][K8]")
{
    const std::string bad = GENERATE(
        as<std::string>{}, "", "null", "[]", "1", "\"x\"", "{", "{}", R"({"name":})", R"({"name":"a",})", R"({"name":1})",
        R"({"name":"a","name":"b"})", R"({"name":"a","catch_all":"x","catch_all":"y"})", R"({"name":"a","unknown":1})",
        R"({"name":"a","enabled":"true"})", R"({"name":"a","enabled":1})", R"({"name":"a"}x)", R"({"name":"\ud800"})",
        "{\"name\":\"\xff\"}", "{\"name\":\"\xc0\xaf\"}", R"({"name":"a","x":1e999})", "{'name':'a'}", "{\"name\":\"a\nb\"}",
        R"({"name":"a"} // comment)", "\xef\xbb\xbf", R"({"name":["a"]})", R"({"name":null})");
    CAPTURE(bad);
    const auto body = admin::parse_new_domain(bad);
    REQUIRE_FALSE(body);
    CHECK_FALSE(body.error().happened.empty());
}

TEST_CASE("K8: JSON a hundred thousand levels deep is refused, not followed", "[admin][K8]")
{
    const std::string open = GENERATE(as<std::string>{}, "[", "{\"a\":", "[{\"a\":");
    std::string deep = "{\"name\":";
    for (int level = 0; level < 100'000; ++level) deep += open;
    CHECK_FALSE(admin::parse_new_domain(deep));
    CHECK_FALSE(admin::parse_new_domain(deep + "1"));
    std::string closed = "{\"name\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    const auto body = admin::parse_new_domain(closed);
    REQUIRE_FALSE(body);
    CHECK(body.error().happened.find("deeper") != std::string::npos);
}

TEST_CASE("J10: a quota is a whole number that 63 bits hold", "[admin][J10]")
{
    const auto quota = [](const std::string& number) {
        return admin::parse_account_change("{\"quota_bytes\":" + number + "}");
    };
    CHECK(quota("0")->quota_bytes == 0U);
    CHECK(quota("2147483648")->quota_bytes == 2147483648U);
    CHECK(quota("4294967296")->quota_bytes == 4294967296U);
    CHECK(quota("9223372036854775807")->quota_bytes == 9223372036854775807U);
    const std::string bad = GENERATE(as<std::string>{}, "-1", "9223372036854775808", "18446744073709551615", "18446744073709551616",
                                     "1e3", "1.0", "1e308", "\"1\"", "true", "0x10", "01");
    CAPTURE(bad);
    CHECK_FALSE(quota(bad));
}

TEST_CASE("good bodies give what they say", "[admin]")
{
    const auto account = admin::parse_new_account(R"({"address":"a@b","generate_password":true,"administrator":true,"full_name":"Ä"})");
    REQUIRE(account);
    CHECK(account->password.generate);
    CHECK(account->is_administrator);
    CHECK(account->full_name == "Ä");
    const auto alias = admin::parse_new_alias(R"({"address":"s@b","targets":["a@b","c@d"]})");
    REQUIRE(alias);
    CHECK(alias->targets.size() == 2);
    CHECK_FALSE(admin::parse_new_alias(R"({"address":"s@b","targets":"a@b"})"));
    CHECK_FALSE(admin::parse_new_alias(R"({"address":"s@b","targets":[1]})"));
    CHECK_FALSE(admin::parse_new_account(R"({"address":"a@b"})"));
    CHECK_FALSE(admin::parse_password(R"({"password":"x","generate_password":true})"));
    CHECK_FALSE(admin::parse_account_change(R"({"password":"x"})"));
}

TEST_CASE("an act on the queue names mail that there can be", "[admin][queue]")
{
    const auto act = [](const std::string& which) { return admin::parse_queue_act(R"({"act":"delete",)" + which + "}"); };
    const std::string good = GENERATE(as<std::string>{}, R"("sender":"<>")", R"("sender":"@example.net")", R"("sender":"@[192.0.2.1]")",
                                      R"("sender":"anna@example.net")", R"("recipient":"Bob@Example.org")", R"("destination":"EXAMPLE.org")",
                                      R"("destination":"почта.рф")", R"("destination":"[IPv6:2001:db8::1]")", R"("ids":["0abc"])", R"("all":true)");
    CAPTURE(good);
    CHECK(act(good));
    const std::string bad = GENERATE(as<std::string>{}, R"("sender":"@")", R"("sender":"anna")", R"("sender":"@not a domain")", R"("sender":"<anna@example.net>")",
                                     R"("recipient":"not an address")", R"("recipient":"<>")", R"("recipient":"@example.org")",
                                     R"("destination":"not a domain!!")", R"("destination":"@example.org")", R"("destination":".")");
    CAPTURE(bad);
    const auto refused = act(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().happened.starts_with("the "));
    CHECK(admin::parse_queue_act(R"({"act":"release",)" + bad + "}"));
}

TEST_CASE("the final dot of a domain is none of an address", "[admin][queue]")
{
    const auto parsed = admin::parse_queue_act(R"({"act":"hold","destination":"gate.test.","sender":"@Example.net."})");
    REQUIRE(parsed);
    CHECK(parsed->selection.destination == "gate.test");
    CHECK(parsed->selection.sender == "@Example.net");
    CHECK_FALSE(admin::parse_queue_act(R"({"act":"hold","destination":"gate.test.."})"));
    CHECK_FALSE(admin::parse_queue_act(R"({"act":"hold","recipient":"a@gate.test."})"));
}

TEST_CASE("an empty filter of the queue does not let all through", "[admin][queue]")
{
    const std::string empty = GENERATE(as<std::string>{}, "destination", "sender", "recipient");
    const std::string other = empty == "destination" ? R"("recipient":"a@b.example")" : R"("destination":"b.example")";
    const auto refused = admin::parse_queue_act(R"({"act":"release",)" + other + ",\"" + empty + R"(":""})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().happened.find(empty + " is empty") != std::string::npos);
}
