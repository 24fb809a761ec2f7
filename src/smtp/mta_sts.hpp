// What a domain promises about TLS by MTA-STS (RFC 8461): its TXT record, its policy, and how our cache keeps one. Pure,
// total for any bytes, linear (HOSTILE row H11). Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace mbx::smtp {

inline constexpr std::size_t kMaxStsPolicy = 64UL * 1024;  // RFC 8461 section 3.3 suggests this limit

enum class StsMode : std::uint8_t { none, testing, enforce };
std::string_view describe(StsMode mode);

struct StsPolicy {
    StsMode mode = StsMode::none;
    std::chrono::seconds max_age{0};  // at most a year (section 3.2)
    std::vector<std::string> mx;      // "mail.example.org", "*.example.net"; lower case
    bool operator==(const StsPolicy&) const = default;
};

// The id of the one record among these texts of _mta-sts.DOMAIN; none when there is none, or more than one (section 3.1).
std::optional<std::string> parse_sts_record(const std::vector<std::string>& texts);

// The error says in words what is wrong. Unknown fields are passed over, of a field that is there twice the first counts.
Result<StsPolicy, std::string> parse_sts_policy(std::string_view text);

// Whether a host may take the domain's mail: a name, or "*." for exactly one label (section 4.1).
bool sts_allows(const StsPolicy& policy, std::string_view host);

// A policy with what our cache must know besides, as it stands on the disk.
struct StoredPolicy {
    std::string id;
    WallTime fetched{};
    std::string text;  // the policy as it was served: what the reports quote
    StsPolicy policy;

    WallTime expires() const { return fetched + policy.max_age; }
};
std::string write_stored_policy(const StoredPolicy& stored);
std::optional<StoredPolicy> read_stored_policy(std::string_view bytes);

}  // namespace mbx::smtp
