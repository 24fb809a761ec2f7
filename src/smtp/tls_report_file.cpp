// What was gathered for reports, over a restart.
#include "base/crc32c.hpp"
#include "base/record_bytes.hpp"
#include "smtp/tls_report.hpp"

namespace mbx::smtp {
namespace {

constexpr std::string_view kFileMark = "mailboxd TLS reports 1\n";
constexpr std::size_t kMostText = 4'096;
constexpr std::size_t kMostDays = 10'000;
constexpr std::size_t kMostLines = 100;

void write(RecordWriter& out, const std::vector<std::string>& lines)
{
    out.number(lines.size());
    for (const std::string& line : lines) out.text(line);
}

void write(RecordWriter& out, const TlsPolicySummary& summary)
{
    out.number(static_cast<std::uint64_t>(summary.policy.type));
    write(out, summary.policy.lines);
    write(out, summary.policy.mx_hosts);
    out.number(summary.successes);
    out.number(summary.failures);
    out.number(summary.details.size());
    for (const TlsFailureDetail& detail : summary.details) {
        out.number(static_cast<std::uint64_t>(detail.failure));
        for (const std::string* text : {&detail.own_address, &detail.mx_host, &detail.mx_address, &detail.reason}) out.text(*text);
        out.number(detail.count);
    }
}

// False: too many, or no such thing.
bool read(RecordReader& in, std::vector<std::string>& lines)
{
    const auto count = in.number();
    if (count > kMostLines) return false;
    for (std::uint64_t n = 0; n < count && in.is_good(); ++n) lines.emplace_back(in.text(kMostText));
    return in.is_good();
}

bool read(RecordReader& in, TlsPolicySummary& summary)
{
    const auto type = in.number();
    if (type > static_cast<std::uint64_t>(TlsPolicyType::tlsa)) return false;
    summary.policy.type = static_cast<TlsPolicyType>(type);
    if (!read(in, summary.policy.lines) || !read(in, summary.policy.mx_hosts)) return false;
    summary.successes = in.number();
    summary.failures = in.number();
    const auto details = in.number();
    if (details > kMostLines) return false;
    for (std::uint64_t n = 0; n < details && in.is_good(); ++n) {
        TlsFailureDetail& detail = summary.details.emplace_back();
        const auto failure = in.number();
        if (failure > static_cast<std::uint64_t>(TlsFailure::sts_webpki_invalid)) return false;
        detail.failure = static_cast<TlsFailure>(failure);
        for (std::string* text : {&detail.own_address, &detail.mx_host, &detail.mx_address, &detail.reason}) *text = in.text(kMostText);
        detail.count = in.number();
    }
    return in.is_good();
}

bool read(RecordReader& in, TlsDay& day)
{
    day.domain = in.text(kMostText);
    day.begin = std::chrono::sys_seconds{std::chrono::seconds{in.signed_number()}};
    day.end = std::chrono::sys_seconds{std::chrono::seconds{in.signed_number()}};
    const auto policies = in.number();
    if (policies > kMostLines) return false;
    for (std::uint64_t n = 0; n < policies && in.is_good(); ++n) {
        if (!read(in, day.policies.emplace_back())) return false;
    }
    return in.is_good() && !day.domain.empty();
}

}  // namespace

std::string write_tls_days(const std::vector<TlsDay>& days)
{
    RecordWriter out;
    out.number(days.size());
    for (const TlsDay& day : days) {
        out.text(day.domain);
        out.signed_number(day.begin.time_since_epoch().count());
        out.signed_number(day.end.time_since_epoch().count());
        out.number(day.policies.size());
        for (const TlsPolicySummary& summary : day.policies) write(out, summary);
    }
    RecordWriter head;
    head.number(crc32c(out.bytes()));
    return std::string(kFileMark) + head.bytes() + out.bytes();
}

std::optional<std::vector<TlsDay>> read_tls_days(std::string_view bytes)
{
    if (!bytes.starts_with(kFileMark)) return std::nullopt;
    bytes.remove_prefix(kFileMark.size());
    RecordReader head(bytes);
    const auto crc = head.number();
    RecordWriter again;
    again.number(crc);
    if (!head.is_good() || crc32c(bytes.substr(again.bytes().size())) != crc) return std::nullopt;
    RecordReader in(bytes.substr(again.bytes().size()));
    const auto count = in.number();
    if (!in.is_good() || count > kMostDays) return std::nullopt;
    std::vector<TlsDay> days;
    for (std::uint64_t n = 0; n < count; ++n) {
        if (!read(in, days.emplace_back())) return std::nullopt;
    }
    if (!in.is_at_end()) return std::nullopt;
    return days;
}

}  // namespace mbx::smtp
