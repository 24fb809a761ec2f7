// STARTTLS (RFC 3207) and AUTH (RFC 4954) of a session.
#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

bool Session::may_log_in_here() const
{
    if (stream_->is_encrypted()) return true;
    const net::PeerInfo& peer = client_;
    if (peer.is_unix) return false;
    return std::ranges::any_of(options_->clear_text_login_from, [&peer](const net::IpNetwork& network) {
        return network.contains(peer.remote.address);
    });
}

const directory::Account* Session::own_account(const directory::Snapshot& snapshot) const
{
    return auth::find_current(snapshot, *login_);
}

// Nothing is known of the client any more: behind STARTTLS (RFC 3207 section 4.2) and XCLIENT.
void Session::begin_anew()
{
    registration_.reset();
    login_.reset();
    transaction_.reset();
    incoming_.reset();
    phase_ = Phase::connected;
    extended_ = false;
    greeting_name_.clear();
}

void Session::on_starttls(std::string_view /*argument*/)
{
    if (stream_->is_encrypted()) return refuse(ReplyId::tls_already_active);
    if (!deps_.tls.is_ready() || is_local()) return refuse(ReplyId::tls_unavailable);
    step_ = Step::start_tls;
}

co::Task<void> Session::start_tls()
{
    reply(ReplyId::tls_ready);
    co_await flush();
    if (!open_) co_return;
    if (lines_.buffered() != 0) {
        deps_.log.notice("plaintext behind STARTTLS dropped", {{"peer", peer_}, {"bytes", lines_.buffered()}});
    }
    begin_anew();

    std::vector<std::string> alpn(1, "smtp");
    auto secured = co_await deps_.tls.accept(std::move(stream_), std::move(alpn), deadline(options_->handshake_time));
    if (!secured) {
        deps_.log.info("TLS handshake failed", {{"peer", peer_}, {"reason", net::describe(secured.error())}});
        open_ = false;
        co_return;
    }
    stream_ = std::move(*secured);
    lines_.restart(*stream_); // drops what came in clear (HOSTILE row B1)
}

void Session::on_auth(std::string_view argument)
{
    if (role_ != Role::submission) return refuse(ReplyId::not_implemented);
    if (login_) return refuse(ReplyId::auth_already_done);
    const auto mechanism = auth::find_mechanism(argument.substr(0, argument.find(' ')));
    const bool is_offered = mechanism && std::ranges::count(mechanisms(), *mechanism) != 0;
    if (!is_offered) {
        return refuse(may_log_in_here() ? ReplyId::auth_unknown_mechanism : ReplyId::auth_needs_tls);
    }
    step_argument_ = argument;
    step_ = Step::log_in;
}

std::vector<auth::SaslMechanism> Session::mechanisms() const
{
    auto offered = auth::offered_mechanisms(deps_.authenticator, *stream_, may_log_in_here());
    if (!options_->offers_scram_plus) std::erase(offered, auth::SaslMechanism::scram_sha_256_plus);
    return offered;
}

co::Task<void> Session::log_in()
{
    const std::string argument = std::exchange(step_argument_, {});
    const auto space = argument.find(' ');
    std::string initial;
    if (space != std::string::npos) initial = ascii::trim(std::string_view(argument).substr(space));
    if (initial.size() > kMaxAuthResponse) {
        refuse(ReplyId::auth_line_too_long);
        co_return;
    }
    auth::SaslStart start;
    start.service = "submission";
    start.offers_plus = options_->offers_scram_plus;
    start.mechanism = auth::find_mechanism(argument.substr(0, space)).value_or(auth::SaslMechanism::plain);
    if (!initial.empty()) start.initial = std::move(initial);
    auto outcome = co_await auth::run_sasl(deps_.authenticator, *this, *stream_, std::move(start));
    if (auto* login = std::get_if<auth::Login>(&outcome)) {
        let_in(std::move(*login));
    } else if (const auto* failure = std::get_if<auth::LoginFailure>(&outcome)) {
        refuse_login(*failure);
    } else if (const auto* error = std::get_if<auth::SaslError>(&outcome)) {
        refuse_login(*error);
    }
}

// Sends a challenge and gives the client's answer; none when there is none to go on with, then the reply is given.
co::Task<std::optional<std::string>> Session::ask_client(std::string challenge)
{
    reply(ReplyId::auth_challenge, encode_base64(challenge));
    if (!lines_.has_line()) co_await flush();
    if (!open_) co_return std::nullopt;
    const auto line = co_await lines_.line(kMaxReadLine, deadline(options_->command_time));
    if (!line) {
        end_input(line.error());
        co_return std::nullopt;
    }
    if (line->size() > kMaxAuthResponse) {
        refuse(ReplyId::auth_line_too_long);
        co_return std::nullopt;
    }
    co_return std::string(*line);
}

void Session::refuse_login(auth::SaslError error)
{
    switch (error) {
    case auth::SaslError::malformed: return refuse(ReplyId::auth_malformed);
    case auth::SaslError::cancelled: return refuse(ReplyId::auth_cancelled);
    case auth::SaslError::not_offered: return refuse(ReplyId::auth_unknown_mechanism);
    case auth::SaslError::not_authorized:
    case auth::SaslError::channel_binding: return refuse(ReplyId::auth_wrong);
    }
}

void Session::refuse_login(auth::LoginFailure failure)
{
    if (++failed_logins_ > options_->max_failed_logins) return hang_up(ReplyId::too_many_failed_logins);
    refuse(failure == auth::LoginFailure::wrong ? ReplyId::auth_wrong : ReplyId::auth_unavailable);
}

void Session::let_in(auth::Login login)
{
    login_ = std::move(login);
    auth::LiveSessions::Entry entry;
    entry.service = "submission";
    entry.login = *login_;
    entry.peer = peer_;
    entry.since = deps_.clock.wall();
    entry.stream = stream_.get();
    registration_.emplace(deps_.live_sessions, std::move(entry));
    idle_commands_ = 0;
    deps_.log.info("logged in", {{"peer", peer_}, {"account", login_->address}});
    reply(ReplyId::auth_succeeded);
}

} // namespace mbx::smtp
