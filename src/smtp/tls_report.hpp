// What befell TLS on the way to other domains, gathered by day for their reports (TLSRPT, RFC 8460). Bounded; the composer
// and the reader of records are pure. TlsReports: loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "net/tls.hpp"

namespace mbx::smtp {

enum class TlsPolicyType : std::uint8_t { no_policy_found, sts, tlsa };

// RFC 8460 section 4.3.
enum class TlsFailure : std::uint8_t {
    starttls_not_supported,
    certificate_host_mismatch,
    certificate_expired,
    certificate_not_trusted,
    validation_failure,
    tlsa_invalid,
    dnssec_invalid,
    sts_policy_fetch_error,
    sts_policy_invalid,
    sts_webpki_invalid,
};
std::string_view describe(TlsFailure failure);
TlsFailure failure_of(net::TlsFault fault, TlsPolicyType type);

struct TlsPolicyFacts {
    TlsPolicyType type = TlsPolicyType::no_policy_found;
    std::vector<std::string> lines;     // of the policy as published, or the TLSA records
    std::vector<std::string> mx_hosts;  // patterns of an MTA-STS policy
    auto operator<=>(const TlsPolicyFacts&) const = default;
};

// One session, or an attempt at one, with whom TLS was wanted. In clear it is a failure, whatever the policy (section 4.3.1).
struct TlsObservation {
    std::string domain;
    TlsPolicyFacts policy;
    std::optional<TlsFailure> failure;  // none: it went well
    std::string own_address;
    std::string mx_host;
    std::string mx_address;
    std::string reason;                 // in words
};

struct TlsFailureDetail {
    TlsFailure failure{};
    std::string own_address;
    std::string mx_host;
    std::string mx_address;
    std::string reason;
    std::uint64_t count = 0;
};
struct TlsPolicySummary {
    TlsPolicyFacts policy;
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::vector<TlsFailureDetail> details;  // the first hundred that differ
};
struct TlsDay {
    std::string domain;
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;  // not of it any more
    std::vector<TlsPolicySummary> policies;
};

class TlsReports {
public:
    static constexpr std::chrono::seconds kDay{86'400};
    // Days of domains at most; what is beyond is counted in dropped().
    explicit TlsReports(std::size_t most_days = 5'000) : most_days_(most_days) {}
    // For tests: a "day" that is over sooner.
    void set_length(std::chrono::seconds length) { length_ = length; }
    void note(TlsObservation observation, WallTime now);
    // What an earlier run had gathered.
    void put_back(std::vector<TlsDay> days);
    std::vector<TlsDay> all() const;
    // All days (UTC) that are over at `now`, which are then gone from here: for who sends them, after a look at each
    // domain's record (_smtp._tls.DOMAIN, parse_tlsrpt_record).
    std::vector<TlsDay> take_finished(WallTime now);
    std::size_t size() const { return days_.size(); }
    std::uint64_t dropped() const { return dropped_; }

private:
    std::size_t most_days_;
    std::chrono::seconds length_ = kDay;
    std::map<std::pair<std::chrono::sys_seconds, std::string>, TlsDay> days_;
    std::uint64_t dropped_ = 0;
};

// Where reports shall go: the URIs of the one record "v=TLSRPTv1; rua=…" (section 3); empty: nowhere.
std::vector<std::string> parse_tlsrpt_record(const std::vector<std::string>& texts);

struct TlsReportSender {
    std::string organisation;
    std::string contact;    // an address
    std::string report_id;
};
// The JSON document of section 4.4.
std::string compose_tls_report(const TlsDay& day, const TlsReportSender& sender);

// What outlives a restart, as a file of ours. Reading is total for any bytes and bounded; none: not ours, or damaged.
std::string write_tls_days(const std::vector<TlsDay>& days);
std::optional<std::vector<TlsDay>> read_tls_days(std::string_view bytes);

}  // namespace mbx::smtp
