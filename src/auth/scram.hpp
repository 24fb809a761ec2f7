// The arithmetic of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677) and what is stored of a password for it. Pure but for the
// salt of a new verifier. make_scram_verifier costs milliseconds on purpose: worker threads only; the rest is microseconds.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::auth {

// RFC 7677 section 4 wants 4,096 at least.
constexpr unsigned kLeastScramIterations = 4096;
// Ours: a client computes as many. Cyrus SASL, which mbsync and others use, refuses more than 65,536.
constexpr unsigned kScramIterations = 50'000;
constexpr unsigned kMostScramIterations = 1'000'000;
// Of one account: its password, and 25 app passwords in two spellings each.
constexpr std::size_t kMostScramVerifiers = 51;

// Whoever has it can check a client's proof, but cannot make one without the password.
struct ScramVerifier {
    std::string salt;
    unsigned iterations = 0;
    std::string stored_key;  // 32 bytes
    std::string server_key;  // 32 bytes

    // "SCRAM-SHA-256$50000:salt$StoredKey:ServerKey", in base64: as RFC 5803 has it and PostgreSQL writes it.
    std::string text() const;
};

// Of what text() wrote; none for anything else.
std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);

struct ScramParameters {
    std::string salt;
    unsigned iterations = 0;
};

// `password` is prepared by saslprep.
ScramVerifier make_scram_verifier(std::string_view password, std::string_view salt, unsigned iterations);
// With a fresh random salt, as text; empty when the password cannot be used with SCRAM (saslprep says no).
std::string new_scram_verifier(std::string_view password, unsigned iterations);
// The same with the salt that is given; a fresh one where it is empty.
std::string new_scram_verifier(std::string_view password, ScramParameters parameters);
std::string new_scram_salt();
// HMAC-SHA-256, 32 bytes.
std::string keyed_hash(std::string_view key, std::string_view message);

// For a name that nobody has, or that has none stored: always the same salt for the same name, so that asking twice
// tells nothing (RFC 5802 section 9; HOSTILE row J2). No proof fits it.
ScramVerifier make_fake_scram_verifier(std::string_view secret, std::string_view name, unsigned iterations);

// What a client proves, and what the server shows in turn, over `message` (the AuthMessage of RFC 5802 section 3).
bool is_right_proof(const ScramVerifier& verifier, std::string_view message, std::string_view proof);
std::string server_signature(const ScramVerifier& verifier, std::string_view message);
// The client's side, for the tests and for a client of ours.
std::string make_client_proof(std::string_view salted_password, std::string_view message);
std::string salt_password(std::string_view password, std::string_view salt, unsigned iterations);

}  // namespace mbx::auth
