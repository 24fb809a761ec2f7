// Remembers for some minutes that a password was right, as a keyed hash in memory: mail programs reconnect all the time.
// The key is random and lives as long as the process; the hash covers the account's id, its credential version and the
// password, each with its length, so that entries of one user or of an older password can never serve another
// (HOSTILE row J5, CVE-2025-30189). One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "auth/lru_table.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

namespace mbx::auth {

using LoginDigest = std::array<unsigned char, 32>;

struct LoginDigestHash {
    std::size_t operator()(const LoginDigest& digest) const noexcept
    {
        std::size_t start = 0;
        std::memcpy(&start, digest.data(), sizeof start);  // the bytes are as good as random
        return start;
    }
};

// What a log-in is about. `name` is the name as it was given where there is no account (id 0).
struct LoginIdentity {
    std::int64_t account = 0;
    std::uint64_t credential_version = 0;
    std::string_view name;
};

class LoginCache {
public:
    static constexpr std::size_t kMost = 10'000;

    explicit LoginCache(Random& random) { random.fill(key_); }
    ~LoginCache();
    LoginCache(const LoginCache&) = delete;
    LoginCache& operator=(const LoginCache&) = delete;

    LoginDigest digest(const LoginIdentity& identity, std::string_view password) const;
    bool holds(const LoginDigest& digest, SteadyTime now);
    void remember(const LoginDigest& digest, SteadyTime until);
    void clear() { entries_.clear(); }

private:
    std::array<unsigned char, 32> key_{};
    LruTable<LoginDigest, SteadyTime, LoginDigestHash> entries_{kMost};
};

}  // namespace mbx::auth
