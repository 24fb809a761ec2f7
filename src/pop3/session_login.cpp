// STLS (RFC 2595), USER and PASS (RFC 1939 section 7), AUTH (RFC 5034). Refusals carry the codes of RFC 3206.
#include <algorithm>
#include <utility>

#include "auth/password.hpp"
#include "base/codec.hpp"
#include "pop3/session.hpp"

namespace mbx::pop3 {

bool Session::may_log_in() const
{
    if (!stream_) return false;
    if (stream_->is_encrypted()) return true;
    const auto& peer = stream_->peer();
    if (peer.is_unix) return true;
    for (const auto& network : options_->plaintext_login_networks) {
        if (network.contains(peer.remote.address)) return true;
    }
    return false;
}

co::Task<void> Session::start_tls()
{
    if (stream_->is_encrypted()) {
        bad("TLS is active already");
        co_return;
    }
    if (!services_.tls.is_ready()) {
        bad("TLS is not available");
        co_return;
    }
    ok("begin TLS negotiation");
    const bool written = co_await out_.flush(true);
    open_ = false;  // until the new stream stands
    if (!written) co_return;
    if (lines_.buffered() != 0) {
        services_.log.notice("plaintext behind STLS dropped", {{"peer", peer_}, {"bytes", lines_.buffered()}});
    }
    out_.attach(nullptr);
    std::vector<std::string> alpn;
    alpn.emplace_back("pop3");
    const auto deadline = net::Deadline::after(options_->handshake_timeout);
    auto plain = std::move(stream_);
    auto secured = co_await services_.tls.accept(std::move(plain), std::move(alpn), deadline);
    if (!secured) co_return;
    stream_ = std::move(*secured);
    // Whatever came in clear behind the command is dropped, never executed (HOSTILE row B1), and what was said before is
    // forgotten (RFC 2595 section 4).
    lines_.restart(*stream_);
    out_.attach(stream_.get());
    user_.clear();
    utf8_ = false;
    bad_commands_ = 0;
    open_ = true;
}

void Session::user(std::string name)
{
    if (!may_log_in()) return bad("[AUTH] log in after STLS only");
    // Whoever it names: strangers do not learn who has an account (HOSTILE row J2).
    user_ = std::move(name);
    ok("now the password");
}

co::Task<void> Session::pass(std::string password)
{
    auth::Secret secret(std::move(password));
    if (user_.empty()) {
        bad("USER comes first");
        co_return;
    }
    auto user = std::exchange(user_, {});
    std::string service = "pop3";
    auto peer = stream_->peer();
    auto login =
        co_await services_.authenticator.log_in(std::move(service), std::move(user), secret.text(), std::move(peer));
    if (login) {
        co_await open_account(std::move(*login));
    } else {
        refuse(login.error());
    }
}

std::vector<auth::SaslMechanism> Session::mechanisms() const
{
    if (!stream_) return {};
    return auth::offered_mechanisms(services_.authenticator, *stream_, may_log_in());
}

co::Task<void> Session::auth(Command command)
{
    const auto offered = mechanisms();
    if (command.text.empty()) {
        // No RFC has it, and yet there are clients that ask so for the mechanisms (RFC 5034 made CAPA the way).
        ok("mechanisms:");
        for (const auth::SaslMechanism each : offered) out_.add(std::string(name_of(each)) + "\r\n");
        out_.add(".\r\n");
        co_return;
    }
    const auto mechanism = auth::find_mechanism(command.text);
    if (!mechanism || std::ranges::count(offered, *mechanism) == 0) {
        if (may_log_in()) refuse(auth::SaslError::not_offered);
        else bad("[AUTH] log in after STLS only");
        co_return;
    }
    auth::SaslStart start;
    start.service = "pop3";
    start.mechanism = *mechanism;
    start.initial = std::move(command.initial);
    auto outcome = co_await auth::run_sasl(services_.authenticator, *this, *stream_, std::move(start));
    if (auto* login = std::get_if<auth::Login>(&outcome)) {
        auth::Login who = std::move(*login);
        co_await open_account(std::move(who));
    } else if (const auto* failure = std::get_if<auth::LoginFailure>(&outcome)) {
        refuse(*failure);
    } else if (const auto* error = std::get_if<auth::SaslError>(&outcome)) {
        refuse(*error);
    }
}

void Session::refuse(auth::SaslError error)
{
    switch (error) {
    case auth::SaslError::malformed: return bad("malformed response");
    case auth::SaslError::not_authorized: return bad("[AUTH] not authorised to act as that user");
    case auth::SaslError::cancelled: return bad("authentication cancelled");  // RFC 5034 section 4
    case auth::SaslError::channel_binding: return bad("[AUTH] channel binding does not match");
    case auth::SaslError::not_offered: return bad("mechanism not supported");
    }
}

void Session::refuse(auth::LoginFailure failure)
{
    switch (failure) {
    case auth::LoginFailure::wrong: error("[AUTH] wrong user name or password"); break;
    case auth::LoginFailure::slowed_down: error("[SYS/TEMP] too many failed log-ins; try again later"); break;
    case auth::LoginFailure::unavailable: error("[SYS/TEMP] the password cannot be checked now; try again"); break;
    }
    // A guesser pays with his connections too.
    ++bad_commands_;
}

// One challenge and its answer; none: the client gave up or left, and all is said.
co::Task<std::optional<std::string>> Session::ask_client(std::string challenge)
{
    out_.add("+ " + encode_base64(challenge) + "\r\n");
    (void)co_await out_.flush(true);
    if (stopping_) {
        open_ = false;
        co_return std::nullopt;
    }
    const auto line = co_await lines_.line(auth::kMaxSaslResponse, login_deadline_);
    if (!line) {
        end_input(line.error());
        co_return std::nullopt;
    }
    co_return std::string(*line);
}

co::Task<void> Session::open_account(auth::Login login)
{
    auth::LiveSessions::Entry entry;
    entry.service = "pop3";
    entry.login = login;
    entry.peer = peer_;
    entry.since = services_.clock.wall();
    entry.stream = stream_.get();
    // From here a changed password or a disabled account closes the stream.
    registration_.emplace(services_.live_sessions, std::move(entry));

    const auto snapshot = services_.directory.snapshot();
    const auto* found = auth::find_current(*snapshot, login);
    if (found == nullptr) {
        registration_.reset();
        error("[AUTH] wrong user name or password");
        co_return;
    }
    hold_ = locks_.take(login.account);
    if (!hold_) {
        registration_.reset();
        services_.log.notice("maildrop is in use", {{"account", login.address}, {"peer", peer_}});
        error("[IN-USE] another session has the maildrop; try again later");  // RFC 2449 section 8.1.2
        co_return;
    }
    store::AccountKey key;
    key.id = found->id.value;
    key.local_part = found->local_part;
    key.domain = found->domain;
    auto account = co_await services_.store.account(std::move(key));
    if (account) account_ = std::move(*account);
    bool is_there = false;
    if (account_) is_there = co_await open_maildrop();
    if (!is_there) {
        account_.reset();
        hold_ = {};
        registration_.reset();
        services_.log.error("maildrop not opened", {{"account", login.address}, {"peer", peer_}});
        error("[SYS/TEMP] the mail of this account cannot be opened now; try again");
        co_return;
    }
    login_ = std::move(login);
    ok(std::to_string(maildrop_.left()) + " messages (" + std::to_string(maildrop_.left_bytes()) + " octets)");
}

}  // namespace mbx::pop3
