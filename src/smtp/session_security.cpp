// STARTTLS (RFC 3207) and AUTH (RFC 4954) of a session.
#include <algorithm>
#include <utility>

#include "auth/sasl.hpp"
#include "base/ascii.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

bool Session::may_log_in_here() const
{
    if (stream_->is_encrypted()) return true;
    const net::PeerInfo& peer = stream_->peer();
    if (peer.is_unix) return false;
    return std::ranges::any_of(options_->clear_text_login_from, [&peer](const net::IpNetwork& network) {
        return network.contains(peer.remote.address);
    });
}

const directory::Account* Session::own_account(const directory::Snapshot& snapshot) const
{
    const directory::Account* account = snapshot.find(login_->account);
    if (account == nullptr || !account->enabled) return nullptr;
    return account->credential_version == login_->credential_version ? account : nullptr;
}

void Session::on_starttls(std::string_view /*argument*/)
{
    if (stream_->is_encrypted()) return refuse(ReplyId::tls_already_active);
    if (!deps_.tls.is_ready()) return refuse(ReplyId::tls_unavailable);
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
    // RFC 3207 section 4.2: whatever was learned before is forgotten.
    registration_.reset();
    login_.reset();
    transaction_.reset();
    phase_ = Phase::connected;
    extended_ = false;
    greeting_name_.clear();

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
    if (!may_log_in_here()) return refuse(ReplyId::auth_needs_tls);
    const std::string_view mechanism = argument.substr(0, argument.find(' '));
    if (!ascii::same(mechanism, "PLAIN") && !ascii::same(mechanism, "LOGIN")) {
        return refuse(ReplyId::auth_unknown_mechanism);
    }
    step_argument_ = argument;
    step_ = Step::log_in;
}

co::Task<void> Session::log_in()
{
    const std::string argument = std::exchange(step_argument_, {});
    const auto space = argument.find(' ');
    std::string initial;
    if (space != std::string::npos) initial = ascii::trim(std::string_view(argument).substr(space));
    if (initial.size() > kMaxAuthResponse) {
        refuse(ReplyId::auth_line_too_long);
    } else if (ascii::starts_with(argument, "PLAIN")) {
        co_await log_in_plain(std::move(initial));
    } else {
        co_await log_in_login(std::move(initial));
    }
}

// Sends a challenge and gives the client's answer; none when there is none to go on with, then the reply is given.
co::Task<std::optional<std::string>> Session::ask(std::string_view challenge)
{
    reply(ReplyId::auth_challenge, challenge);
    if (!lines_.has_line()) co_await flush();
    if (!open_) co_return std::nullopt;
    const auto line = co_await lines_.line(kMaxReadLine, deadline(options_->command_time));
    if (!line) {
        end_input(line.error());
        co_return std::nullopt;
    }
    if (*line == "*") {
        refuse(ReplyId::auth_cancelled);
        co_return std::nullopt;
    }
    if (line->size() > kMaxAuthResponse) {
        refuse(ReplyId::auth_line_too_long);
        co_return std::nullopt;
    }
    co_return std::string(*line);
}

co::Task<void> Session::log_in_plain(std::string response)
{
    if (response.empty()) {
        std::optional<std::string> answer = co_await ask("");
        if (!answer) co_return;
        response = std::move(*answer);
    }
    auto credentials = auth::parse_plain(response);
    if (!credentials) {
        const bool is_malformed = credentials.error() == auth::SaslError::malformed;
        refuse(is_malformed ? ReplyId::auth_malformed : ReplyId::auth_wrong);
        co_return;
    }
    co_await check_password(std::move(credentials->login), std::move(credentials->password));
}

co::Task<void> Session::log_in_login(std::string user)
{
    if (user.empty()) {
        std::optional<std::string> answer = co_await ask("VXNlcm5hbWU6"); // "Username:"
        if (!answer) co_return;
        user = std::move(*answer);
    }
    auto login = auth::parse_login_step(user);
    if (!login) {
        refuse(ReplyId::auth_malformed);
        co_return;
    }
    const std::optional<std::string> answer = co_await ask("UGFzc3dvcmQ6"); // "Password:"
    if (!answer) co_return;
    auto password = auth::parse_login_step(*answer);
    if (!password) {
        refuse(ReplyId::auth_malformed);
        co_return;
    }
    co_await check_password(std::move(*login), std::move(*password));
}

co::Task<void> Session::check_password(std::string login, std::string password)
{
    std::string service = "submission";
    net::PeerInfo peer = stream_->peer();
    auto result =
        co_await deps_.authenticator.log_in(std::move(service), std::move(login), std::move(password), std::move(peer));
    if (!result) {
        const bool is_wrong = result.error() == auth::LoginFailure::wrong;
        if (++failed_logins_ > options_->max_failed_logins) {
            hang_up(ReplyId::too_many_failed_logins);
        } else {
            refuse(is_wrong ? ReplyId::auth_wrong : ReplyId::auth_unavailable);
        }
        co_return;
    }
    login_ = std::move(*result);
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
