#include "auth/scram.hpp"

#include <sodium.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "auth/password.hpp"
#include "auth/saslprep.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::auth {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kMostSaltBytes = 64;
constexpr std::size_t kDigestBytes = crypto_hash_sha256_BYTES;
constexpr std::string_view kScheme = "SCRAM-SHA-256$";

using Digest = std::array<unsigned char, kDigestBytes>;

const unsigned char* bytes_of(std::string_view text)
{
    return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

std::string text_of_digest(const Digest& digest)
{
    return {static_cast<const char*>(static_cast<const void*>(digest.data())), digest.size()};
}

std::string hash_of(std::string_view message)
{
    Digest out{};
    crypto_hash_sha256(out.data(), bytes_of(message), message.size());
    return text_of_digest(out);
}

std::string exclusive_or(std::string_view a, std::string_view b)
{
    std::string out(a);
    for (std::size_t i = 0; i < out.size() && i < b.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
    return out;
}

ScramVerifier verifier_of(std::string_view salted, std::string_view salt, unsigned iterations)
{
    ScramVerifier made;
    made.salt = salt;
    made.iterations = iterations;
    const Secret client_key(keyed_hash(salted, "Client Key"));
    made.stored_key = hash_of(client_key.text());
    made.server_key = keyed_hash(salted, "Server Key");
    return made;
}

}  // namespace

std::string keyed_hash(std::string_view key, std::string_view message)
{
    crypto_auth_hmacsha256_state state;
    Digest out{};
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
    crypto_auth_hmacsha256_update(&state, bytes_of(message), message.size());
    crypto_auth_hmacsha256_final(&state, out.data());
    sodium_memzero(&state, sizeof state);
    return text_of_digest(out);
}

std::string ScramVerifier::text() const
{
    return std::string(kScheme) + std::to_string(iterations) + ":" + encode_base64(salt) + "$" + encode_base64(stored_key) +
           ":" + encode_base64(server_key);
}

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text)
{
    if (!text.starts_with(kScheme)) return std::nullopt;
    text.remove_prefix(kScheme.size());
    const auto colon = text.find(':');
    const auto dollar = text.find('$');
    if (colon == std::string_view::npos || dollar == std::string_view::npos || dollar < colon) return std::nullopt;
    const auto keys = text.substr(dollar + 1);
    const auto middle = keys.find(':');
    if (middle == std::string_view::npos) return std::nullopt;
    const auto iterations = ascii::parse_number(text.substr(0, colon));
    auto salt = decode_base64(text.substr(colon + 1, dollar - colon - 1));
    auto stored_key = decode_base64(keys.substr(0, middle));
    auto server_key = decode_base64(keys.substr(middle + 1));
    const bool is_sound = iterations && *iterations >= kLeastScramIterations && *iterations <= kMostScramIterations && salt &&
                          !salt->empty() && salt->size() <= kMostSaltBytes && stored_key && server_key &&
                          stored_key->size() == kDigestBytes && server_key->size() == kDigestBytes;
    if (!is_sound) return std::nullopt;
    return ScramVerifier{std::move(*salt), static_cast<unsigned>(*iterations), std::move(*stored_key),
                         std::move(*server_key)};
}

// RFC 5802 section 2.2: Hi() is PBKDF2 with one block of output.
std::string salt_password(std::string_view password, std::string_view salt, unsigned iterations)
{
    crypto_auth_hmacsha256_state keyed;
    crypto_auth_hmacsha256_init(&keyed, bytes_of(password), password.size());
    const std::array<unsigned char, 4> first_block{0, 0, 0, 1};
    auto state = keyed;
    Digest last{};
    crypto_auth_hmacsha256_update(&state, bytes_of(salt), salt.size());
    crypto_auth_hmacsha256_update(&state, first_block.data(), first_block.size());
    crypto_auth_hmacsha256_final(&state, last.data());
    Digest sum = last;
    for (unsigned i = 1; i < iterations; ++i) {
        state = keyed;
        crypto_auth_hmacsha256_update(&state, last.data(), last.size());
        crypto_auth_hmacsha256_final(&state, last.data());
        for (std::size_t at = 0; at < sum.size(); ++at) sum[at] = static_cast<unsigned char>(sum[at] ^ last[at]);
    }
    sodium_memzero(&state, sizeof state);
    sodium_memzero(&keyed, sizeof keyed);
    std::string out = text_of_digest(sum);
    sodium_memzero(sum.data(), sum.size());
    return out;
}

ScramVerifier make_scram_verifier(std::string_view password, std::string_view salt, unsigned iterations)
{
    const Secret salted(salt_password(password, salt, iterations));
    return verifier_of(salted.text(), salt, iterations);
}

std::string new_scram_verifier(std::string_view password, unsigned iterations)
{
    return new_scram_verifier(password, ScramParameters{{}, iterations});
}

std::string new_scram_verifier(std::string_view password, ScramParameters parameters)
{
    auto prepared = saslprep(password);
    if (!prepared) return {};
    const Secret secret(std::move(*prepared));
    if (parameters.salt.empty()) parameters.salt = new_scram_salt();
    return make_scram_verifier(secret.text(), parameters.salt, parameters.iterations).text();
}

std::string new_scram_salt()
{
    // -1 only without a source of randomness, on which nothing here may go on (HOSTILE row G15).
    if (sodium_init() < 0) std::abort();
    std::string salt(kSaltBytes, '\0');
    randombytes_buf(salt.data(), salt.size());
    return salt;
}

ScramVerifier make_fake_scram_verifier(std::string_view secret, std::string_view name, unsigned iterations)
{
    const std::string salted = keyed_hash(secret, name);
    return verifier_of(salted, keyed_hash(salted, "Salt").substr(0, kSaltBytes), iterations);
}

bool is_right_proof(const ScramVerifier& verifier, std::string_view message, std::string_view proof)
{
    if (proof.size() != kDigestBytes || verifier.stored_key.size() != kDigestBytes) return false;
    const Secret client_key(exclusive_or(proof, keyed_hash(verifier.stored_key, message)));
    const std::string hashed = hash_of(client_key.text());
    return sodium_memcmp(hashed.data(), verifier.stored_key.data(), kDigestBytes) == 0;
}

std::string server_signature(const ScramVerifier& verifier, std::string_view message)
{
    return keyed_hash(verifier.server_key, message);
}

std::string make_client_proof(std::string_view salted_password, std::string_view message)
{
    const Secret client_key(keyed_hash(salted_password, "Client Key"));
    return exclusive_or(client_key.text(), keyed_hash(hash_of(client_key.text()), message));
}

}  // namespace mbx::auth
