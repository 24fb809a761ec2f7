#include "smtp/mta_sts.hpp"

#include <catch2/catch_test_macros.hpp>

namespace mbx::smtp {
namespace {

const std::string kGood = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

std::string complaint(const std::string& text)
{
    const auto policy = parse_sts_policy(text);
    return policy ? "" : policy.error();
}

}  // namespace

TEST_CASE("RFC 8461 3.2: a policy is read with either line end, unknown fields and odd spaces", "[smtp][mta-sts]")
{
    const auto policy = parse_sts_policy(kGood);
    REQUIRE(policy);
    CHECK(policy->mode == StsMode::enforce);
    CHECK(policy->max_age == std::chrono::seconds(604800));
    CHECK(policy->mx == std::vector<std::string>{"mail.example.com", "*.example.net"});
    const auto odd = parse_sts_policy("version:STSv1\nmode:testing \nfuture: thing\nmode: enforce\nmx:\tA.Example\nmax_age: 0");
    REQUIRE(odd);
    CHECK(odd->mode == StsMode::testing);
    CHECK(odd->mx == std::vector<std::string>{"a.example"});
    CHECK(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 1\n"));
}

TEST_CASE("H11: a policy with an absurd age counts a year, and one that is wrong or too long does not count", "[smtp][mta-sts][H11]")
{
    CHECK(parse_sts_policy("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 9999999999\n")->max_age == std::chrono::seconds(31'557'600));
    CHECK(complaint("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1000000000000\n") == "the policy has no max_age");
    CHECK(complaint("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n") == "the policy has no max_age");
    CHECK(complaint("version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n") == "the policy is not of version STSv1");
    CHECK(complaint("version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1\n") == "the policy has no mode that is known");
    CHECK(complaint("version: STSv1\nmode: enforce\nmax_age: 1\n") == "the policy names no mx");
    for (const char* mx : {"*", "*.", "a.*.example", "**.example", "a b", ""}) {
        CAPTURE(mx);
        CHECK(complaint(std::string("version: STSv1\nmode: enforce\nmax_age: 1\nmx: ") + mx + "\n") ==
              "the policy names an mx that is no host name");
    }
    CHECK(complaint(kGood + std::string(64UL * 1024, 'x')) == "the policy is longer than 64 KiB");
    CHECK_FALSE(complaint("<html><head>").empty());
    CHECK_FALSE(complaint("").empty());
}

TEST_CASE("H11: an asterisk in a policy stands for exactly one label", "[smtp][mta-sts][H11]")
{
    const auto policy = parse_sts_policy(kGood);
    REQUIRE(policy);
    CHECK(sts_allows(*policy, "mail.example.com"));
    CHECK(sts_allows(*policy, "MAIL.example.COM"));
    CHECK(sts_allows(*policy, "mx1.example.net"));
    CHECK_FALSE(sts_allows(*policy, "a.mx1.example.net"));
    CHECK_FALSE(sts_allows(*policy, "example.net"));
    CHECK_FALSE(sts_allows(*policy, ".example.net"));
    CHECK_FALSE(sts_allows(*policy, "badexample.net"));
    CHECK_FALSE(sts_allows(*policy, "mail.example.com.evil.example"));
}

TEST_CASE("RFC 8461 3.1: of the TXT records exactly one may be the policy's", "[smtp][mta-sts]")
{
    CHECK(parse_sts_record({"v=STSv1; id=20160831085700Z;"}) == "20160831085700Z");
    CHECK(parse_sts_record({"v=spf1 -all", "v=STSv1;id=abc"}) == "abc");
    CHECK(parse_sts_record({"v=STSv1 ; more=x; id = abc ;"}) == "abc");
    CHECK_FALSE(parse_sts_record({"v=STSv1; id=a;", "v=STSv1; id=b;"}));
    CHECK_FALSE(parse_sts_record({}));
    CHECK_FALSE(parse_sts_record({"v=STSv1"}));
    CHECK_FALSE(parse_sts_record({"v=STSv1; id=;"}));
    CHECK_FALSE(parse_sts_record({"v=STSv1; id=with space"}));
    CHECK_FALSE(parse_sts_record({"v=STSv1; id=" + std::string(33, 'a')}));
    CHECK_FALSE(parse_sts_record({"v=STSv12; id=a"}));
}

TEST_CASE("a policy comes back from the disk as it went there, and a damaged file is none", "[smtp][mta-sts]")
{
    StoredPolicy stored;
    stored.id = "abc1";
    stored.fetched = WallTime(std::chrono::seconds(1'800'000'000));
    stored.text = kGood;
    stored.policy = *parse_sts_policy(kGood);
    const std::string bytes = write_stored_policy(stored);
    const auto back = read_stored_policy(bytes);
    REQUIRE(back);
    CHECK(back->id == "abc1");
    CHECK(back->fetched == stored.fetched);
    CHECK(back->policy == stored.policy);
    CHECK(back->text == kGood);
    CHECK(back->expires() == stored.fetched + std::chrono::seconds(604800));
    for (std::size_t cut = 0; cut + 30 < bytes.size(); cut += 7) {
        CAPTURE(cut);
        CHECK_FALSE(read_stored_policy(bytes.substr(0, cut)));
    }
    CHECK_FALSE(read_stored_policy("mailboxd-mta-sts 2" + bytes.substr(18)));
}

}  // namespace mbx::smtp
