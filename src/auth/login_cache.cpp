#include "auth/login_cache.hpp"

#include <sodium.h>

namespace mbx::auth {
namespace {

void add(crypto_generichash_state& state, std::uint64_t number)
{
    std::array<unsigned char, 8> bytes{};
    std::memcpy(bytes.data(), &number, bytes.size());
    crypto_generichash_update(&state, bytes.data(), bytes.size());
}

void add(crypto_generichash_state& state, std::string_view text)
{
    add(state, text.size());
    crypto_generichash_update(&state, static_cast<const unsigned char*>(static_cast<const void*>(text.data())), text.size());
}

}  // namespace

LoginCache::~LoginCache() { sodium_memzero(key_.data(), key_.size()); }

LoginDigest LoginCache::digest(const LoginIdentity& identity, std::string_view password) const
{
    crypto_generichash_state state;
    LoginDigest out{};
    crypto_generichash_init(&state, key_.data(), key_.size(), out.size());
    add(state, static_cast<std::uint64_t>(identity.account));
    add(state, identity.credential_version);
    add(state, identity.name);
    add(state, password);
    crypto_generichash_final(&state, out.data(), out.size());
    sodium_memzero(&state, sizeof state);
    return out;
}

bool LoginCache::holds(const LoginDigest& digest, SteadyTime now)
{
    const SteadyTime* until = entries_.find(digest);
    if (!until) return false;
    if (now < *until) return true;
    entries_.erase(digest);
    return false;
}

void LoginCache::remember(const LoginDigest& digest, SteadyTime until) { entries_.find_or_insert(digest) = until; }

}  // namespace mbx::auth
