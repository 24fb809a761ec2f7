#include "smtp/tls_report.hpp"

#include <catch2/catch_test_macros.hpp>

#include <nlohmann/json.hpp>

#include "base/codec.hpp"
#include "net/gzip.hpp"
#include "smtp/tls_report_mail.hpp"

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
    // Fields that this version does not know may stand before it.
    CHECK(parse_tlsrpt_record({"v=TLSRPTv1; ext=1; rua=mailto:a@example.com;"}) == Uris{"mailto:a@example.com"});
}

TEST_CASE("what is gathered outlives a restart, and a damaged file is none", "[smtp][tlsrpt][hostile]")
{
    TlsReports reports;
    reports.note(seen("example.org"), kNoon);
    reports.note(seen("example.org", TlsFailure::certificate_expired), kNoon);
    reports.note(seen("example.net", TlsFailure::sts_webpki_invalid), kNoon);
    const std::string file = write_tls_days(reports.all());
    auto days = read_tls_days(file);
    REQUIRE(days);
    CHECK(write_tls_days(*days) == file);
    TlsReports again;
    again.put_back(std::move(*days));
    again.note(seen("example.org"), kNoon);
    const auto finished = again.take_finished(kNoon + std::chrono::hours(12));
    REQUIRE(finished.size() == 2);
    CHECK(finished[1].policies[0].successes == 2);
    CHECK(finished[1].policies[0].details[0].reason == "it has expired\\x0a");
    for (std::size_t at = 0; at < file.size(); ++at) {
        std::string bad = file;
        bad[at] = static_cast<char>(bad[at] ^ 0x41);
        CHECK_FALSE(read_tls_days(bad));
        CHECK_FALSE(read_tls_days(file.substr(0, at)));
    }
    CHECK_FALSE(read_tls_days(file + "x"));
}

TEST_CASE("the time of one report can be shorter for tests", "[smtp][tlsrpt]")
{
    TlsReports reports;
    reports.set_length(std::chrono::seconds(10));
    reports.note(seen("example.org"), kNoon + std::chrono::seconds(13));
    CHECK(reports.take_finished(kNoon + std::chrono::seconds(19)).empty());
    const auto days = reports.take_finished(kNoon + std::chrono::seconds(20));
    REQUIRE(days.size() == 1);
    const auto report = nlohmann::json::parse(compose_tls_report(days[0], {"Us", "postmaster@us.example", "id-1"}));
    CHECK(report["date-range"]["start-datetime"] == "2027-01-15T12:00:10Z");
    CHECK(report["date-range"]["end-datetime"] == "2027-01-15T12:00:19Z");
}

TEST_CASE("RFC 8460 5.3: a report's mail has its fields, its name and its file", "[smtp][tlsrpt]")
{
    TlsDay day;
    day.domain = "example.net";
    day.begin = std::chrono::sys_seconds(std::chrono::seconds(1'470'009'600));
    day.end = day.begin + std::chrono::hours(24);
    CHECK(tls_report_filename(day, "mail.us.example") == "mail.us.example!example.net!1470009600!1470096000.json.gz");
    const std::string gzipped = net::gzip(std::string(100'000, 'x') + "end");
    const std::string text = compose_tls_report_mail({"tlsrpt@mail.us.example", "r@example.net", "example.net", "ab12@mail.us.example",
                                                      tls_report_filename(day, "mail.us.example"), gzipped, {0, 0}});
    const auto header = text.substr(0, text.find("\r\n\r\n") + 2);
    CHECK(header.find("Subject: Report Domain: example.net\r\n Submitter: mail.us.example\r\n Report-ID: <ab12@mail.us.example>\r\n") != std::string::npos);
    CHECK(header.find("\r\nTLS-Report-Domain: example.net\r\n") != std::string::npos);
    CHECK(header.find("\r\nTLS-Report-Submitter: mail.us.example\r\n") != std::string::npos);
    CHECK(header.find("multipart/report; report-type=\"tlsrpt\"") != std::string::npos);
    CHECK(text.find("Content-Type: application/tlsrpt+gzip\r\n") != std::string::npos);
    const std::string marker = "filename=\"mail.us.example!example.net!1470009600!1470096000.json.gz\"\r\n\r\n";
    const auto at = text.find(marker);
    REQUIRE(at != std::string::npos);
    std::string base64 = text.substr(at + marker.size());
    base64.resize(base64.find("\r\n\r\n"));
    std::erase_if(base64, [](char c) { return c == '\r' || c == '\n'; });
    const auto unpacked = decode_base64(base64);
    REQUIRE(unpacked);
    CHECK(*unpacked == gzipped);
    CHECK(gzipped.starts_with("\x1f\x8b"));
    std::size_t longest = 0;
    for (std::size_t from = 0; from < text.size(); from = text.find("\r\n", from) + 2) longest = std::max(longest, text.find("\r\n", from) - from);
    CHECK(longest <= 100);
}

TEST_CASE("where reports go is read from its URI, and nothing else is", "[smtp][tlsrpt][hostile]")
{
    const auto mailbox = parse_mailto("mailto:a%2Bb@example.org?subject=x");
    REQUIRE(mailbox);
    CHECK(mail::format_mailbox(*mailbox) == "a+b@example.org");
    for (const char* bad : {"mailto:", "mailto:a", "mailto:a@b.example,c@d.example", "mailto:a%0d%0aX@b.example", "mailto:%zz@b.example", "http://a@b.example"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_mailto(bad));
    }
    const auto place = parse_https("https://R.example.org:8443/v1?x=1#y");
    REQUIRE(place);
    CHECK(place->host == "r.example.org");
    CHECK(place->port == 8443);
    CHECK(place->target == "/v1?x=1");
    CHECK(parse_https("https://r.example.org")->target == "/");
    CHECK(parse_https("https://r.example.org?x")->target == "/?x");
    for (const char* bad : {"https://", "https://u@r.example.org/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://r.example:0/",
                            "https://r.example:99999/", "https://r..example/", "http://r.example/"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_https(bad));
    }
}

}  // namespace mbx::smtp
