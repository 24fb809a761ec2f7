#include "auth/url_token.hpp"

#include <sodium.h>

#include <array>

#include "base/codec.hpp"

namespace mbx::auth {

namespace {

constexpr std::string_view kHmacSha256 = "01";

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string url_token(std::string_view key, std::string_view rump)
{
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
    crypto_auth_hmacsha256_state state;
    (void)crypto_auth_hmacsha256_init(&state, octets_of(key), key.size());
    (void)crypto_auth_hmacsha256_update(&state, octets_of(rump), rump.size());
    (void)crypto_auth_hmacsha256_final(&state, mac.data());
    return std::string(kHmacSha256) + encode_hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

bool is_url_token(std::string_view key, std::string_view rump, std::string_view token)
{
    const auto expected = url_token(key, rump);
    if (token.size() != expected.size()) return false;
    const bool is_same = sodium_memcmp(expected.data(), token.data(), expected.size()) == 0;
    return is_same && !key.empty();
}

}  // namespace mbx::auth
