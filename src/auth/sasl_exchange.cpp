#include "auth/sasl_exchange.hpp"

#include <utility>

#include "auth/bearer.hpp"

namespace mbx::auth {
namespace {

SaslError sasl_error_of(ScramError error)
{
    switch (error) {
    case ScramError::malformed: break;
    case ScramError::not_authorized: return SaslError::not_authorized;
    case ScramError::channel_binding: return SaslError::channel_binding;
    }
    return SaslError::malformed;
}

}  // namespace

SaslExchange::SaslExchange(SaslMechanism mechanism, SaslChannel channel, std::string nonce)
    : mechanism_(mechanism), scram_(mechanism == SaslMechanism::scram_sha_256_plus, std::move(channel), std::move(nonce))
{
    switch (mechanism) {
    case SaslMechanism::plain: break;
    case SaslMechanism::login: expects_ = Expects::user; break;
    case SaslMechanism::scram_sha_256:
    case SaslMechanism::scram_sha_256_plus: expects_ = Expects::first; break;
    case SaslMechanism::oauthbearer:
    case SaslMechanism::xoauth2: expects_ = Expects::token; break;
    }
}

SaslStep SaslExchange::begin(std::optional<std::string_view> initial)
{
    if (initial) return respond(*initial);
    // Some clients insist on a text to look at (CLIENTS.md, Outlook).
    if (expects_ == Expects::user) return SaslChallenge{"Username:"};
    return SaslChallenge{};
}

SaslStep SaslExchange::respond(std::string_view response)
{
    // Whatever a client says to the error of its token, that is the end (RFC 7628 section 3.2.3).
    if (expects_ == Expects::token_abort) return SaslDone{};
    if (response == "*") return SaslError::cancelled;
    if (expects_ == Expects::response) {
        auto credentials = parse_plain(response);
        expects_ = Expects::nothing;
        if (!credentials) return credentials.error();
        return std::move(*credentials);
    }
    if (expects_ == Expects::user) return take_user(response);
    if (expects_ == Expects::password) return take_password(response);
    const auto message = decode_sasl_response(response);
    if (!message) return SaslError::malformed;
    if (expects_ == Expects::first) return take_first(*message);
    if (expects_ == Expects::final) return take_final(*message);
    if (expects_ == Expects::token) return take_token(*message);
    // RFC 5802 section 5: the client has nothing to add to our signature.
    if (expects_ == Expects::acknowledgement && message->empty()) return SaslDone{};
    return SaslError::malformed;
}

SaslStep SaslExchange::take_user(std::string_view response)
{
    auto user = parse_login_step(response);
    if (!user) return user.error();
    user_ = std::move(*user);
    expects_ = Expects::password;
    return SaslChallenge{"Password:"};
}

SaslStep SaslExchange::take_password(std::string_view response)
{
    auto password = parse_login_step(response);
    expects_ = Expects::nothing;
    if (!password) return password.error();
    return PlainCredentials{{}, std::move(user_), std::move(*password)};
}

SaslStep SaslExchange::take_first(std::string_view message)
{
    auto name = scram_.take_first(message);
    expects_ = Expects::nothing;
    if (!name) return sasl_error_of(name.error());
    return SaslName{std::move(*name)};
}

SaslStep SaslExchange::supply(std::vector<ScramVerifier> verifiers)
{
    expects_ = Expects::final;
    return SaslChallenge{scram_.answer_first(std::move(verifiers))};
}

SaslStep SaslExchange::take_final(std::string_view message)
{
    const auto is_right = scram_.take_final(message);
    expects_ = Expects::nothing;
    if (!is_right) return sasl_error_of(is_right.error());
    return SaslProof{*is_right, scram_.proved()};
}

SaslStep SaslExchange::take_token(std::string_view message)
{
    auto bearer = mechanism_ == SaslMechanism::xoauth2 ? parse_xoauth2(message) : parse_oauthbearer(message);
    expects_ = Expects::nothing;
    if (!bearer) return SaslError::malformed;
    return SaslToken{std::move(bearer->login), std::move(bearer->token)};
}

SaslStep SaslExchange::conclude(bool accepted, std::string token_error)
{
    const bool is_scram =
        mechanism_ == SaslMechanism::scram_sha_256 || mechanism_ == SaslMechanism::scram_sha_256_plus;
    if (accepted && is_scram) {
        expects_ = Expects::acknowledgement;
        return SaslChallenge{scram_.answer_final()};
    }
    if (!accepted && !token_error.empty()) {
        expects_ = Expects::token_abort;
        return SaslChallenge{std::move(token_error)};
    }
    return SaslDone{};
}

}  // namespace mbx::auth
