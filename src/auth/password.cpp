#include "auth/password.hpp"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "base/ascii.hpp"

namespace mbx::auth {
namespace {

constexpr std::uint64_t kMostKiB = 256 * 1024;  // of an imported Argon2 hash
constexpr std::uint64_t kMostPasses = 16;
constexpr std::uint64_t kMostRounds = 1'000'000;  // of SHA-crypt
constexpr std::uint64_t kMostBlowfish = 14;       // powers of two

void start_sodium()
{
    // Returns -1 only without a source of randomness, on which nothing here may go on (HOSTILE row G15).
    static const int started = sodium_init();
    if (started < 0) std::abort();
}

std::string_view without_scheme(std::string_view hash)
{
    for (const std::string_view scheme : {"{CRYPT}", "{SHA512-CRYPT}", "{SHA256-CRYPT}", "{BLF-CRYPT}", "{ARGON2ID}", "{ARGON2I}"}) {
        if (ascii::starts_with(hash, scheme)) return hash.substr(scheme.size());
    }
    return hash;
}

bool verify_crypt(const std::string& hash, const std::string& password)
{
    // 32 KiB that hold parts of the password: neither on the stack nor left behind.
    const auto data = std::make_unique<crypt_data>();
    const char* computed = crypt_r(password.c_str(), hash.c_str(), data.get());
    // crypt answers a hash that it does not know with one that begins with '*'.
    const bool same = computed && computed[0] != '*' && std::strlen(computed) == hash.size() &&
                      sodium_memcmp(computed, hash.data(), hash.size()) == 0;
    sodium_memzero(data.get(), sizeof(crypt_data));
    return same;
}

// The number behind `name` in "$argon2id$v=19$m=19456,t=2,p=1$…" or "rounds=5000$…".
std::optional<std::uint64_t> find_parameter(std::string_view hash, std::string_view name)
{
    const auto at = hash.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = hash.substr(at + name.size());
    return ascii::parse_number(rest.substr(0, rest.find_first_not_of("0123456789")));
}

bool is_cheap_enough(std::string_view hash)
{
    if (is_argon2(hash)) {
        const auto memory = find_parameter(hash, "$m=");
        const auto passes = find_parameter(hash, ",t=");
        return memory && passes && *memory <= kMostKiB && *passes <= kMostPasses;
    }
    if (hash.starts_with("$2")) {
        const auto cost = hash.size() > 6 ? ascii::parse_number(hash.substr(4, 2)) : std::nullopt;
        return cost && *cost <= kMostBlowfish;
    }
    if (hash.starts_with("$5$") || hash.starts_with("$6$")) {
        if (hash.find("$rounds=") == std::string_view::npos) return true;
        return find_parameter(hash, "$rounds=").value_or(kMostRounds + 1) <= kMostRounds;
    }
    // yescrypt writes its cost as one letter of a table, '9' being 16 MiB and each next one twice that.
    if (hash.starts_with("$y$")) return hash.size() > 5 && hash[3] == 'j' && hash[4] >= '.' && hash[4] <= 'C';
    return false;
}

// Whether the part behind the last '$' is there in its full length; a shorter one could never be matched.
bool has_whole_digest(std::string_view hash)
{
    const std::size_t digest = hash.size() - 1 - hash.rfind('$');
    if (is_argon2(hash)) return digest >= 22 && std::ranges::count(hash, '$') == 5;
    if (hash.starts_with("$2")) return digest == 53;
    if (hash.starts_with("$6$")) return digest == 86;
    return digest == 43;  // $5$ and $y$
}

}  // namespace

bool is_acceptable_password(std::string_view password)
{
    return !password.empty() && password.size() <= kMaxPassword && password.find('\0') == std::string_view::npos;
}

void wipe(std::string& secret)
{
    // Growing to the capacity does not move the bytes, and makes those behind the end ours to overwrite.
    secret.resize(secret.capacity());
    sodium_memzero(secret.data(), secret.size());
    secret.clear();
}

Result<std::string, Error> make_password_hash(std::string_view password, HashCost cost)
{
    start_sodium();
    std::array<char, crypto_pwhash_STRBYTES> out{};
    const int failed = crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.passes, cost.memory,
                                             crypto_pwhash_ALG_ARGON2ID13);
    if (failed != 0) return Error{"hashing a password", "there is not enough memory", "give the service more memory"};
    return std::string(out.data());
}

bool verify_password(std::string_view hash, std::string_view password)
{
    start_sodium();
    const std::string bare(without_scheme(hash));
    if (is_argon2(bare)) {
        if (bare.size() >= crypto_pwhash_STRBYTES) return false;
        return crypto_pwhash_str_verify(bare.c_str(), password.data(), password.size()) == 0;
    }
    if (!bare.starts_with("$")) return false;  // the two letters of DES count no more
    const Secret terminated{std::string(password)};
    return verify_crypt(bare, terminated.text());
}

bool needs_upgrade(std::string_view hash, HashCost cost)
{
    start_sodium();
    const std::string bare(hash);
    if (!bare.starts_with("$argon2id$") || bare.size() >= crypto_pwhash_STRBYTES) return true;
    return crypto_pwhash_str_needs_rehash(bare.c_str(), cost.passes, cost.memory) != 0;
}

bool is_argon2(std::string_view hash) { return without_scheme(hash).starts_with("$argon2i"); }

Result<void, Error> check_imported_hash(std::string_view hash)
{
    const std::string attempted = "reading an imported password hash";
    const std::string_view bare = without_scheme(hash);
    const bool is_clean = std::ranges::none_of(bare, [](char c) { return ascii::is_control(c) || ascii::is_eight_bit(c) || c == ' '; });
    const bool is_known = is_argon2(bare) || bare.starts_with("$2") || bare.starts_with("$5$") || bare.starts_with("$6$") ||
                          bare.starts_with("$y$");
    if (!is_clean || !is_known || bare.size() >= crypto_pwhash_STRBYTES * 2)
        return Error{attempted, "its kind is not known",
                     "Argon2 ($argon2id$), SHA-crypt ($6$, $5$), yescrypt ($y$) and bcrypt ($2b$) are; set a new password"};
    if (!has_whole_digest(bare) || !is_cheap_enough(bare))
        return Error{attempted, "it is damaged, or costs so much that checking it would hold up the server",
                     "set a new password"};
    return {};
}

std::string make_unmatchable_hash(HashCost cost)
{
    start_sodium();
    constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    std::array<unsigned char, 48> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    std::array<char, sodium_base64_ENCODED_LEN(16, kVariant)> salt{};
    std::array<char, sodium_base64_ENCODED_LEN(32, kVariant)> output{};
    sodium_bin2base64(salt.data(), salt.size(), bytes.data(), 16, kVariant);
    sodium_bin2base64(output.data(), output.size(), bytes.data() + 16, 32, kVariant);
    return "$argon2id$v=19$m=" + std::to_string(cost.memory / 1024) + ",t=" + std::to_string(cost.passes) + ",p=1$" +
           salt.data() + "$" + output.data();
}

}  // namespace mbx::auth
