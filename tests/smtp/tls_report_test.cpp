#include "smtp/tls_report.hpp"

#include <catch2/catch_test_macros.hpp>

#include <nlohmann/json.hpp>

namespace mbx::smtp {
namespace {

const WallTime kNoon{std::chrono::sys_days(std::chrono::year(2027) / 1 / 15) + std::chrono::hours(12)};

TlsObservation seen(const std::string& domain, std::optional<TlsFailure> failure = std::nullopt)
{
    TlsObservation made;
    made.domain = domain;
    made.policy.type = TlsPolicyType::sts;
    made.policy.lines = {"version: STSv1", "mode: enforce"};
    made.policy.mx_hosts = {"*.example.org"};
    made.mx_host = "mx.example.org";
    made.mx_address = "192.0.2.1";
    made.failure = failure;
    if (failure) made.reason = "it has expired\n";
    return made;
}

}  // namespace

TEST_CASE("RFC 8460 4.4: a day's report counts sessions by policy and tells each kind of failure once", "[smtp][tlsrpt]")
{
    TlsReports reports;
    for (int i = 0; i < 5; ++i) reports.note(seen("example.org"), kNoon);
    for (int i = 0; i < 3; ++i) reports.note(seen("example.org", TlsFailure::certificate_expired), kNoon);
    reports.note(seen("example.org", TlsFailure::starttls_not_supported), kNoon);
    CHECK(reports.take_finished(kNoon + std::chrono::hours(11)).empty());
    const auto days = reports.take_finished(kNoon + std::chrono::hours(12));
    REQUIRE(days.size() == 1);
    CHECK(reports.size() == 0);
    const auto report = nlohmann::json::parse(compose_tls_report(days[0], {"Us", "postmaster@us.example", "id-1"}));
    CHECK(report["date-range"]["start-datetime"] == "2027-01-15T00:00:00Z");
    CHECK(report["date-range"]["end-datetime"] == "2027-01-15T23:59:59Z");
    CHECK(report["organization-name"] == "Us");
    const auto& policy = report["policies"][0];
    CHECK(policy["policy"]["policy-type"] == "sts");
    CHECK(policy["policy"]["policy-domain"] == "example.org");
    CHECK(policy["policy"]["mx-host"][0] == "*.example.org");
    CHECK(policy["summary"]["total-successful-session-count"] == 5);
    CHECK(policy["summary"]["total-failure-session-count"] == 4);
    REQUIRE(policy["failure-details"].size() == 2);
    CHECK(policy["failure-details"][0]["result-type"] == "certificate-expired");
    CHECK(policy["failure-details"][0]["failed-session-count"] == 3);
    CHECK(policy["failure-details"][0]["failure-reason-code"] == "it has expired\\x0a");
}

TEST_CASE("what is gathered for reports is bounded", "[smtp][tlsrpt]")
{
    TlsReports reports(10);
    for (int i = 0; i < 100; ++i) reports.note(seen("d" + std::to_string(i) + ".example"), kNoon);
    CHECK(reports.size() == 10);
    CHECK(reports.dropped() == 90);
    for (int i = 0; i < 1000; ++i) {
        TlsObservation each = seen("d0.example", TlsFailure::validation_failure);
        each.mx_address = "192.0.2." + std::to_string(i);
        reports.note(std::move(each), kNoon);
    }
    const auto days = reports.take_finished(kNoon + std::chrono::hours(24));
    CHECK(days[0].policies[0].details.size() == 100);
    CHECK(days[0].policies[0].failures == 1000);
}

TEST_CASE("RFC 8460 3: the record says where reports go, in ways that we know", "[smtp][tlsrpt]")
{
    using Uris = std::vector<std::string>;
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1;rua=mailto:reports@example.com"}) == Uris{"mailto:reports@example.com"});
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1; rua=https://r.example/v1, mailto:a@example.com ; ext=1"}) ==
          Uris{"https://r.example/v1", "mailto:a@example.com"});
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1; rua=ftp://x,http://y"}).empty());
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d"}).empty());
    CHECK(parse_tlsrpt_record({"v=spf1 -all"}).empty());
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1"}).empty());
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1; rua="}).empty());
}

}  // namespace mbx::smtp
