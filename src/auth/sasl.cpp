#include "auth/sasl.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "auth/password.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::auth {
namespace {

constexpr std::size_t kMostIdentity = 1024;  // RFC 4616 section 2 wants 255 at least

struct MechanismName {
    SaslMechanism mechanism;
    std::string_view name;
};

constexpr std::array kMechanismNames{
    MechanismName{SaslMechanism::scram_sha_256_plus, "SCRAM-SHA-256-PLUS"},
    MechanismName{SaslMechanism::scram_sha_256, "SCRAM-SHA-256"},
    MechanismName{SaslMechanism::plain, "PLAIN"},
    MechanismName{SaslMechanism::login, "LOGIN"},
    MechanismName{SaslMechanism::oauthbearer, "OAUTHBEARER"},
    MechanismName{SaslMechanism::xoauth2, "XOAUTH2"},
};

bool is_identity(std::string_view text)
{
    return text.size() <= kMostIdentity && ascii::is_utf8(text) && text.find('\0') == std::string_view::npos;
}

}  // namespace

std::string_view name_of(SaslMechanism mechanism)
{
    const auto* found = std::ranges::find(kMechanismNames, mechanism, &MechanismName::mechanism);
    return found == kMechanismNames.end() ? std::string_view() : found->name;
}

std::optional<SaslMechanism> find_mechanism(std::string_view name)
{
    const auto* found = std::ranges::find_if(kMechanismNames, [name](const auto& each) { return ascii::same(each.name, name); });
    if (found == kMechanismNames.end()) return std::nullopt;
    return found->mechanism;
}

std::optional<std::string> decode_sasl_response(std::string_view response)
{
    if (response.size() > kMaxSaslResponse) return std::nullopt;
    // RFC 4954 section 4: a single "=" is a response of no bytes.
    if (response == "=") return std::string();
    return decode_base64(response);
}

// RFC 4616 section 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
Result<PlainCredentials, SaslError> parse_plain(std::string_view response)
{
    auto decoded = decode_sasl_response(response);
    if (!decoded) return SaslError::malformed;
    const Secret message(std::move(*decoded));
    const std::string_view text = message.text();
    const auto first = text.find('\0');
    const auto second = first == std::string_view::npos ? first : text.find('\0', first + 1);
    if (second == std::string_view::npos) return SaslError::malformed;

    const std::string_view authorization_id = text.substr(0, first);
    const std::string_view login = text.substr(first + 1, second - first - 1);
    const std::string_view password = text.substr(second + 1);
    if (login.empty() || !is_identity(login) || !is_identity(authorization_id) || !is_acceptable_password(password))
        return SaslError::malformed;
    if (!authorization_id.empty() && !ascii::same(authorization_id, login)) return SaslError::not_authorized;
    return PlainCredentials{std::string(authorization_id), std::string(login), std::string(password)};
}

Result<std::string, SaslError> parse_login_step(std::string_view response)
{
    auto decoded = decode_sasl_response(response);
    if (!decoded || !is_acceptable_password(*decoded)) return SaslError::malformed;
    return std::move(*decoded);
}

}  // namespace mbx::auth
