#include "auth/app_password.hpp"

#include <sodium.h>

#include <array>
#include <optional>

#include "auth/new_password.hpp"
#include "auth/password.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "directory/directory.hpp"

namespace mbx::auth {
namespace {

static_assert(kMostScramVerifiers == 1 + 2 * directory::kMostAppPasswords);

constexpr std::size_t kLetters = 20;
constexpr std::size_t kGroup = 4;

std::string digest_of(std::string_view bare, std::string_view salt)
{
    return encode_base64(keyed_hash(salt, bare));
}

}  // namespace

std::string generate_app_password(Random& random) { return random_letters(random, kLetters, kGroup); }

std::string bare_app_password(std::string_view typed)
{
    std::string bare;
    for (const char c : typed) {
        if (c == ' ' || c == '-') continue;
        const char low = ascii::lower(c);
        if (bare.size() == kLetters || !is_password_letter(low)) return {};
        bare += low;
    }
    return bare.size() == kLetters ? bare : std::string();
}

directory::AppPassword make_app_password(std::string_view password, const ScramParameters& parameters)
{
    const Secret bare(bare_app_password(password));
    directory::AppPassword made;
    made.digest = digest_of(bare.text(), parameters.salt);
    made.scram_verifier = make_scram_verifier(password, parameters.salt, parameters.iterations).text();
    made.bare_scram_verifier = make_scram_verifier(bare.text(), parameters.salt, parameters.iterations).text();
    return made;
}

const directory::AppPassword* find_app_password(const directory::Account& account, std::string_view typed)
{
    const Secret bare(bare_app_password(typed));
    if (bare.text().empty() || account.app_passwords.empty()) return nullptr;
    const std::string digest = digest_of(bare.text(), scram_parameters_of(account).salt);
    const directory::AppPassword* found = nullptr;
    for (const directory::AppPassword& one : account.app_passwords) {
        const bool is_it = one.digest.size() == digest.size() && sodium_memcmp(one.digest.data(), digest.data(), digest.size()) == 0;
        if (is_it) found = &one;
    }
    return found;
}

ScramParameters scram_parameters_of(const directory::Account& account)
{
    const std::string& kept =
        account.app_passwords.empty() ? account.scram_verifier : account.app_passwords.front().scram_verifier;
    auto verifier = parse_scram_verifier(kept);
    if (!verifier) return {};
    return {std::move(verifier->salt), verifier->iterations};
}

ProvablePasswords provable_passwords(const directory::Account& account)
{
    ProvablePasswords all;
    const ScramParameters parameters = scram_parameters_of(account);
    const auto add = [&](const std::string& text, std::int64_t app_password) {
        auto verifier = parse_scram_verifier(text);
        // Of another salt it could never fit.
        const bool is_usable = verifier && verifier->salt == parameters.salt && verifier->iterations == parameters.iterations;
        if (!is_usable) return;
        all.verifiers.push_back(std::move(*verifier));
        all.app_passwords.push_back(app_password);
    };
    add(account.scram_verifier, 0);
    for (const directory::AppPassword& one : account.app_passwords) {
        add(one.scram_verifier, one.id);
        add(one.bare_scram_verifier, one.id);
    }
    return all;
}

}  // namespace mbx::auth
