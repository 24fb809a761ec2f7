#include "smtp/tls_report.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::smtp {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPolicies = 10;
constexpr std::size_t kMostDetails = 100;
constexpr std::size_t kMostUris = 10;
constexpr std::size_t kMostUri = 1'000;

std::string_view type_text(TlsPolicyType type)
{
    switch (type) {
    case TlsPolicyType::no_policy_found: return "no-policy-found";
    case TlsPolicyType::sts: return "sts";
    case TlsPolicyType::tlsa: return "tlsa";
    }
    return "no-policy-found";
}

std::string time_text(std::chrono::sys_seconds at)
{
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const auto second = (at - day).count();
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), second / 3600, second / 60 % 60, second % 60);
}

void add_detail(TlsPolicySummary& summary, TlsObservation& seen)
{
    const auto same = [&seen](const TlsFailureDetail& detail) {
        return detail.failure == *seen.failure && detail.mx_host == seen.mx_host && detail.mx_address == seen.mx_address &&
               detail.own_address == seen.own_address;
    };
    const auto known = std::ranges::find_if(summary.details, same);
    if (known != summary.details.end()) {
        ++known->count;
    } else if (summary.details.size() < kMostDetails) {
        summary.details.push_back({*seen.failure, std::move(seen.own_address), std::move(seen.mx_host),
                                   std::move(seen.mx_address), ascii::printable(seen.reason, 300), 1});
    }
}

Json policy_json(const TlsPolicySummary& summary, const std::string& domain)
{
    Json policy{{"policy-type", type_text(summary.policy.type)}};
    if (!summary.policy.lines.empty()) policy["policy-string"] = summary.policy.lines;
    policy["policy-domain"] = domain;
    if (!summary.policy.mx_hosts.empty()) policy["mx-host"] = summary.policy.mx_hosts;
    Json entry{{"policy", std::move(policy)},
               {"summary", {{"total-successful-session-count", summary.successes},
                            {"total-failure-session-count", summary.failures}}}};
    for (const TlsFailureDetail& detail : summary.details) {
        Json item{{"result-type", describe(detail.failure)}};
        if (!detail.own_address.empty()) item["sending-mta-ip"] = detail.own_address;
        if (!detail.mx_host.empty()) item["receiving-mx-hostname"] = detail.mx_host;
        if (!detail.mx_address.empty()) item["receiving-ip"] = detail.mx_address;
        item["failed-session-count"] = detail.count;
        if (!detail.reason.empty()) item["failure-reason-code"] = detail.reason;
        entry["failure-details"].push_back(std::move(item));
    }
    return entry;
}

}  // namespace

std::string_view describe(TlsFailure failure)
{
    switch (failure) {
    case TlsFailure::starttls_not_supported: return "starttls-not-supported";
    case TlsFailure::certificate_host_mismatch: return "certificate-host-mismatch";
    case TlsFailure::certificate_expired: return "certificate-expired";
    case TlsFailure::certificate_not_trusted: return "certificate-not-trusted";
    case TlsFailure::validation_failure: return "validation-failure";
    case TlsFailure::tlsa_invalid: return "tlsa-invalid";
    case TlsFailure::dnssec_invalid: return "dnssec-invalid";
    case TlsFailure::sts_policy_fetch_error: return "sts-policy-fetch-error";
    case TlsFailure::sts_policy_invalid: return "sts-policy-invalid";
    case TlsFailure::sts_webpki_invalid: return "sts-webpki-invalid";
    }
    return "validation-failure";
}

TlsFailure failure_of(net::TlsFault fault, TlsPolicyType type)
{
    switch (fault) {
    case net::TlsFault::expired: return TlsFailure::certificate_expired;
    case net::TlsFault::wrong_name: return TlsFailure::certificate_host_mismatch;
    case net::TlsFault::untrusted: return TlsFailure::certificate_not_trusted;
    case net::TlsFault::no_tlsa_match:
        return type == TlsPolicyType::tlsa ? TlsFailure::tlsa_invalid : TlsFailure::validation_failure;
    case net::TlsFault::none:
    case net::TlsFault::network:
    case net::TlsFault::protocol:
    case net::TlsFault::no_authorities: break;
    }
    return TlsFailure::validation_failure;
}

void TlsReports::note(TlsObservation seen, WallTime now)
{
    const auto since = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
    const std::chrono::sys_seconds begin{since - since % length_};
    auto found = days_.find({begin, seen.domain});
    if (found == days_.end()) {
        if (days_.size() >= most_days_) {
            ++dropped_;
            return;
        }
        TlsDay fresh;
        fresh.domain = seen.domain;
        fresh.begin = begin;
        fresh.end = begin + length_;
        found = days_.emplace(std::pair(begin, seen.domain), std::move(fresh)).first;
    }
    auto& policies = found->second.policies;
    auto summary = std::ranges::find(policies, seen.policy, &TlsPolicySummary::policy);
    if (summary == policies.end()) {
        if (policies.size() >= kMostPolicies) {
            ++dropped_;
            return;
        }
        TlsPolicySummary fresh;
        fresh.policy = seen.policy;
        summary = policies.insert(policies.end(), std::move(fresh));
    }
    ++(seen.failure ? summary->failures : summary->successes);
    if (seen.failure) add_detail(*summary, seen);
}

std::vector<TlsDay> TlsReports::take_finished(WallTime now)
{
    std::vector<TlsDay> finished;
    for (auto day = days_.begin(); day != days_.end();) {
        if (day->second.end > now) {
            ++day;
            continue;
        }
        finished.push_back(std::move(day->second));
        day = days_.erase(day);
    }
    return finished;
}

void TlsReports::put_back(std::vector<TlsDay> days)
{
    for (TlsDay& day : days) {
        const auto key = std::pair(day.begin, day.domain);
        if (days_.size() < most_days_) days_.emplace(key, std::move(day));
    }
}

std::vector<TlsDay> TlsReports::all() const
{
    std::vector<TlsDay> days;
    for (const auto& [key, day] : days_) days.push_back(day);
    return days;
}

namespace {

// "mailto:a@b , https://c": those that are known, in their order.
void take_uris(std::string_view text, std::vector<std::string>& uris)
{
    while (!text.empty()) {
        const auto comma = text.find(',');
        const std::string_view uri = ascii::trim(text.substr(0, comma));
        const bool is_known = ascii::starts_with(uri, "mailto:") || ascii::starts_with(uri, "https://");
        const bool is_plain = std::ranges::all_of(uri, [](char c) { return c > ' ' && c < 0x7f; });
        if (is_known && is_plain && uri.size() <= kMostUri && uris.size() < kMostUris) uris.emplace_back(uri);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
}

}  // namespace

std::vector<std::string> parse_tlsrpt_record(const std::vector<std::string>& texts)
{
    std::vector<std::string> uris;
    bool has_one = false;
    for (std::string_view text : texts) {
        constexpr std::string_view kMark = "v=TLSRPTv1";
        if (!text.starts_with(kMark)) continue;
        text = ascii::trim(text.substr(kMark.size()));
        if (!text.starts_with(';')) continue;
        // Section 3: more than one is as good as none.
        if (std::exchange(has_one, true)) return {};
        while (!text.empty()) {
            text.remove_prefix(1);
            const auto end = std::min(text.find(';'), text.size());
            const std::string_view field = ascii::trim(text.substr(0, end));
            text.remove_prefix(end);
            const auto equals = field.find('=');
            if (equals == std::string_view::npos || ascii::trim(field.substr(0, equals)) != "rua") continue;
            take_uris(field.substr(equals + 1), uris);
        }
    }
    return uris;
}

std::string compose_tls_report(const TlsDay& day, const TlsReportSender& sender)
{
    Json report{{"organization-name", sender.organisation},
                {"date-range", {{"start-datetime", time_text(day.begin)}, {"end-datetime", time_text(day.end - std::chrono::seconds(1))}}},
                {"contact-info", sender.contact},
                {"report-id", sender.report_id},
                {"policies", Json::array()}};
    for (const TlsPolicySummary& summary : day.policies) report["policies"].push_back(policy_json(summary, day.domain));
    return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mbx::smtp
