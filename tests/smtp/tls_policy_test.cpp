#include "smtp/tls_policy.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

namespace mbx::smtp {
namespace {

using Need = TlsPlan::Need;
const std::string kHash(32, 'h');

TlsGround ground()
{
    TlsGround made;
    made.domain = "example.org";
    made.host = "mx.example.org";
    made.ca_file = "/ca.pem";
    made.is_mx_secure = true;
    return made;
}

StsPolicy policy(StsMode mode, std::string mx = "mx.example.org")
{
    StsPolicy made;
    made.mode = mode;
    made.mx = {std::move(mx)};
    made.max_age = std::chrono::hours(1);
    return made;
}

}  // namespace

TEST_CASE("a domain that promises nothing gets TLS where it is offered", "[smtp][tls-policy]")
{
    const TlsDecision decision = decide_tls(ground());
    CHECK(decision.is_allowed);
    CHECK(decision.plan.need == Need::opportunistic);
    CHECK(decision.plan.tls.ca_file.empty());
    CHECK(decision.plan.tls.tlsa.empty());
    CHECK(decision.plan.tls.server_name == "mx.example.org");
    CHECK(decision.plan.label == "unverified");
}

TEST_CASE("B5: DANE makes TLS a must, goes before MTA-STS, and its records are what is verified", "[smtp][tls-policy][B5]")
{
    TlsGround known = ground();
    known.tlsa = {{3, 1, 1, kHash}};
    known.sts = policy(StsMode::enforce, "other.example");
    const TlsDecision decision = decide_tls(known);
    CHECK(decision.is_allowed);
    CHECK(decision.basis == TlsBasis::dane);
    CHECK(decision.plan.need == Need::required);
    CHECK(decision.plan.tls.tlsa.size() == 1);
    CHECK(decision.plan.tls.other_names == std::vector<std::string>{"example.org"});
    CHECK(decision.plan.label == "DANE");
    CHECK_FALSE(decision.may_unverify);
}

TEST_CASE("H5: records that DNSSEC does not vouch for are as if they were not there", "[smtp][tls-policy][H5]")
{
    TlsGround known = ground();
    known.tlsa = {{3, 1, 1, kHash}};
    known.is_mx_secure = false;
    CHECK(decide_tls(known).plan.need == Need::opportunistic);
    CHECK(decide_tls(known).plan.tls.tlsa.empty());
}

TEST_CASE("H5: where all TLSA records are unusable TLS is a must, without a look at the certificate", "[smtp][tls-policy][H5]")
{
    TlsGround known = ground();
    known.tlsa = {{1, 1, 1, kHash}, {3, 1, 9, kHash}};
    const TlsDecision decision = decide_tls(known);
    CHECK(decision.basis == TlsBasis::dane_unusable);
    CHECK(decision.plan.need == Need::required);
    CHECK(decision.plan.tls.tlsa.empty());
    CHECK(decision.plan.tls.ca_file.empty());
    // An enforced policy asks for more than that.
    known.sts = policy(StsMode::enforce);
    CHECK(decide_tls(known).basis == TlsBasis::mta_sts);
}

TEST_CASE("H5: while it is not known whether a host has TLSA records it is not used", "[smtp][tls-policy][H5]")
{
    TlsGround unknown = ground();
    unknown.is_tlsa_unknown = true;
    const TlsDecision decision = decide_tls(unknown);
    CHECK_FALSE(decision.is_allowed);
    CHECK_FALSE(decision.is_permanent);
    CHECK(decision.enhanced == "4.7.5");
}

TEST_CASE("B5: an enforced MTA-STS policy makes TLS with the right name a must, and other hosts are not used", "[smtp][tls-policy][B5]")
{
    TlsGround known = ground();
    known.is_mx_secure = false;
    known.sts = policy(StsMode::enforce);
    const TlsDecision decision = decide_tls(known);
    CHECK(decision.plan.need == Need::required);
    CHECK(decision.plan.tls.ca_file == "/ca.pem");
    CHECK(decision.plan.label == "MTA-STS");
    CHECK_FALSE(decision.may_unverify);
    known.host = "mx.evil.example";
    CHECK_FALSE(decide_tls(known).is_allowed);
    CHECK_FALSE(decide_tls(known).is_permanent);
}

TEST_CASE("a policy in test mode never keeps mail from going", "[smtp][tls-policy]")
{
    TlsGround known = ground();
    known.sts = policy(StsMode::testing);
    const TlsDecision listed = decide_tls(known);
    CHECK(listed.plan.need == Need::opportunistic);
    CHECK(listed.plan.tls.ca_file == "/ca.pem");
    CHECK(listed.may_unverify);
    known.host = "mx.other.example";
    CHECK(decide_tls(known).is_allowed);
    CHECK(decide_tls(known).plan.tls.ca_file.empty());
    known.sts = policy(StsMode::none);
    CHECK(decide_tls(known).basis == TlsBasis::opportunistic);
}

TEST_CASE("RFC 8689 4.2.1: REQUIRETLS goes only where DNSSEC or MTA-STS vouches for the host", "[smtp][tls-policy]")
{
    TlsGround known = ground();
    known.require_tls = true;
    const TlsDecision by_dnssec = decide_tls(known);
    CHECK(by_dnssec.plan.need == Need::required);
    CHECK(by_dnssec.plan.tls.ca_file == "/ca.pem");
    known.is_mx_secure = false;
    const TlsDecision refused = decide_tls(known);
    CHECK_FALSE(refused.is_allowed);
    CHECK(refused.is_permanent);
    CHECK(refused.enhanced == "5.7.30");
    known.sts = policy(StsMode::testing);
    CHECK_FALSE(decide_tls(known).is_allowed);
    known.sts = policy(StsMode::enforce);
    CHECK(decide_tls(known).basis == TlsBasis::mta_sts);
    // Unusable TLSA records verify nothing: the authorities must.
    known = ground();
    known.require_tls = true;
    known.tlsa = {{1, 1, 1, kHash}};
    CHECK(decide_tls(known).plan.tls.ca_file == "/ca.pem");
}

TEST_CASE("a route says how its host is to be encrypted, and REQUIRETLS may only raise it", "[smtp][tls-policy]")
{
    Route route;
    TlsGround known = ground();
    known.is_mx_secure = false;
    known.route = &route;
    CHECK(decide_tls(known).plan.need == Need::opportunistic);
    route.tls = RouteTls::none;
    CHECK(decide_tls(known).plan.need == Need::none);
    route.tls = RouteTls::required;
    CHECK(decide_tls(known).plan.need == Need::required);
    CHECK(decide_tls(known).plan.tls.ca_file.empty());
    route.tls = RouteTls::verified;
    CHECK(decide_tls(known).plan.tls.ca_file == "/ca.pem");
    route.tls = RouteTls::implicit;
    CHECK(decide_tls(known).plan.is_implicit);
    CHECK(decide_tls(known).plan.need == Need::required);
    known.require_tls = true;
    route.tls = RouteTls::opportunistic;
    CHECK(decide_tls(known).plan.need == Need::required);
    CHECK(decide_tls(known).plan.tls.ca_file == "/ca.pem");
    route.tls = RouteTls::none;
    CHECK_FALSE(decide_tls(known).is_allowed);
}

TEST_CASE("RFC 7671 9: of one usage and selector the strongest hash counts alone", "[smtp][tls-policy]")
{
    const std::string long_hash(64, 'l');
    const auto chosen = choose_tlsa({{3, 1, 1, kHash}, {3, 1, 2, long_hash}, {3, 0, 1, kHash}, {2, 1, 1, kHash}, {0, 0, 1, kHash}, {3, 1, 0, "k"}});
    CHECK(chosen.size() == 4);
    CHECK(std::ranges::find(chosen, net::TlsaRecord{3, 1, 1, kHash}) == chosen.end());
}

}  // namespace mbx::smtp
