// What an account may hold, with the configuration's defaults where it says nothing itself. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "config/settings.hpp"
#include "directory/account.hpp"

namespace mbx::directory {

struct Quota {
    std::uint64_t bytes = 0;     // 0: no limit
    std::uint64_t messages = 0;
};

// An account that shall have no limit where there is a default has the largest quota (kUnlimitedQuota).
inline constexpr std::uint64_t kUnlimitedQuota = 9'223'372'036'854'775'807;

inline Quota quota_of(const Account& account, const config::QuotaSettings& defaults)
{
    const auto effective = [](std::uint64_t own, std::uint64_t fallback) {
        const std::uint64_t limit = own == 0 ? fallback : own;
        return limit == kUnlimitedQuota ? 0 : limit;
    };
    return {effective(account.quota_bytes, defaults.default_bytes),
            effective(account.quota_messages, defaults.default_messages)};
}

// Of the limit that is nearer, rounded down; 0 without a limit.
inline std::uint64_t percent_used(const Quota& quota, std::uint64_t bytes, std::uint64_t messages)
{
    const auto percent = [](std::uint64_t used, std::uint64_t limit) {
        if (limit == 0) return std::uint64_t{0};
        return static_cast<std::uint64_t>(static_cast<double>(used) * 100.0 / static_cast<double>(limit));
    };
    return std::max(percent(bytes, quota.bytes), percent(messages, quota.messages));
}

}  // namespace mbx::directory
