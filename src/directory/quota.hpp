// What an account may hold, with the configuration's defaults where it says nothing itself. Pure.
#pragma once

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

}  // namespace mbx::directory
