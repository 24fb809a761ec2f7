#include "auth/sasl_dialogue.hpp"

#include <algorithm>
#include <utility>

namespace mbx::auth {
namespace {

bool is_plain_json(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
}

void add_member(std::string& json, std::string_view name, std::string_view value)
{
    if (value.empty() || !is_plain_json(value)) return;
    json += ",\"" + std::string(name) + "\":\"" + std::string(value) + "\"";
}

// RFC 7628 section 3.2.2; XOAUTH2's clients know an HTTP status instead.
std::string token_error(SaslMechanism mechanism, const TokenVerifier* verifier)
{
    const bool is_old = mechanism == SaslMechanism::xoauth2;
    if (!is_old && mechanism != SaslMechanism::oauthbearer) return {};
    std::string json = is_old ? R"({"status":"401","schemes":"bearer")" : R"({"status":"invalid_token")";
    if (verifier) {
        add_member(json, "scope", verifier->scope());
        if (!is_old) add_member(json, "openid-configuration", verifier->configuration_url());
    }
    return json + "}";
}

SaslChannel channel_of(const net::ByteStream& stream)
{
    return {stream.channel_binding(net::ChannelBinding::tls_exporter),
            stream.channel_binding(net::ChannelBinding::tls_server_end_point)};
}

// One dialogue under way.
class Dialogue {
public:
    Dialogue(Authenticator& authenticator, SaslWire& wire, const net::ByteStream& stream, SaslStart start)
        : authenticator_(authenticator), wire_(wire), peer_(stream.peer()), start_(std::move(start)),
          exchange_(start_.mechanism, start_.offers_plus ? channel_of(stream) : SaslChannel(), authenticator.make_nonce())
    {
    }

    co::Task<SaslOutcome> run()
    {
        SaslStep step = exchange_.begin(start_.initial);
        while (true) {
            if (auto* challenge = std::get_if<SaslChallenge>(&step)) {
                std::string text = std::move(challenge->text);
                const auto line = co_await wire_.ask_client(std::move(text));
                if (!line) co_return SaslLost{};
                step = exchange_.respond(*line);
            } else if (auto* name = std::get_if<SaslName>(&step)) {
                account_ = authenticator_.find_scram(std::move(name->login));
                step = exchange_.supply(account_.passwords.verifiers);
            } else if (std::holds_alternative<SaslDone>(step)) {
                if (verdict_) co_return std::move(*verdict_);
                co_return failure_;
            } else if (const auto* error = std::get_if<SaslError>(&step)) {
                co_return refused(*error);
            } else {
                co_await judge(step);
                const bool accepted = verdict_.has_value();
                // An unreachable verifier is no fault of the token.
                const bool is_told = !accepted && failure_ == LoginFailure::wrong;
                step = exchange_.conclude(
                    accepted, is_told ? token_error(start_.mechanism, authenticator_.token_verifier()) : std::string());
            }
        }
    }

private:
    SaslOutcome refused(SaslError error) const
    {
        if (error == SaslError::channel_binding) authenticator_.report_other_channel(start_.service, peer_);
        return error;
    }

    co::Task<void> judge(SaslStep& step)
    {
        Result<Login, LoginFailure> result = LoginFailure::wrong;
        std::string service = start_.service;
        net::PeerInfo peer = peer_;
        if (auto* plain = std::get_if<PlainCredentials>(&step)) {
            std::string login = std::move(plain->login);
            std::string password = std::move(plain->password);
            result = co_await authenticator_.log_in(std::move(service), std::move(login), std::move(password),
                                                    std::move(peer));
        } else if (const auto* proof = std::get_if<SaslProof>(&step)) {
            std::optional<std::size_t> proved;
            if (proof->is_right) proved = proof->which;
            result = co_await authenticator_.log_in_by_proof(std::move(service), std::move(account_), proved,
                                                             std::move(peer));
        } else if (auto* token = std::get_if<SaslToken>(&step)) {
            std::string login = std::move(token->login);
            std::string text = std::move(token->token);
            result = co_await authenticator_.log_in_by_token(std::move(service), std::move(login), std::move(text),
                                                             std::move(peer));
        }
        if (result) verdict_.emplace(std::move(*result));
        else failure_ = result.error();
    }

    Authenticator& authenticator_;
    SaslWire& wire_;
    net::PeerInfo peer_;
    SaslStart start_;
    SaslExchange exchange_;
    ScramAccount account_;
    std::optional<Login> verdict_;
    LoginFailure failure_ = LoginFailure::wrong;
};

}  // namespace

std::vector<SaslMechanism> offered_mechanisms(const Authenticator& authenticator, const net::ByteStream& stream,
                                              bool may_log_in)
{
    const AuthenticatorOptions& options = authenticator.options();
    std::vector<SaslMechanism> offered;
    if (options.scram && may_log_in && channel_of(stream).can_bind()) offered.push_back(SaslMechanism::scram_sha_256_plus);
    if (options.scram && (may_log_in || options.scram_in_clear)) offered.push_back(SaslMechanism::scram_sha_256);
    if (!may_log_in) return offered;
    offered.push_back(SaslMechanism::plain);
    offered.push_back(SaslMechanism::login);
    if (!authenticator.token_verifier()) return offered;
    offered.push_back(SaslMechanism::oauthbearer);
    offered.push_back(SaslMechanism::xoauth2);
    return offered;
}

std::string list_mechanisms(const std::vector<SaslMechanism>& mechanisms, std::string_view before_each)
{
    std::string list;
    for (const SaslMechanism each : mechanisms) {
        list += before_each;
        list += name_of(each);
    }
    return list;
}

co::Task<SaslOutcome> run_sasl(Authenticator& authenticator, SaslWire& wire, const net::ByteStream& stream,
                               SaslStart start)
{
    Dialogue dialogue(authenticator, wire, stream, std::move(start));
    co_return co_await dialogue.run();
}

}  // namespace mbx::auth
