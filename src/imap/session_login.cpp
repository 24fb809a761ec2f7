// STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 section 6.2).
#include <algorithm>

#include "base/codec.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

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

co::Task<void> Session::handle(const StartTls&)
{
    if (stream_->is_encrypted()) {
        bad("TLS is active already");
        co_return;
    }
    if (!services_.tls.is_ready()) {
        bad("TLS is not available");
        co_return;
    }
    out_.add(tag_ + " OK begin TLS negotiation now\r\n");
    const bool written = co_await out_.flush(true);
    open_ = false;  // until the new stream stands
    if (!written) co_return;
    out_.attach(nullptr);
    std::vector<std::string> alpn;
    alpn.emplace_back("imap");
    const auto deadline = net::Deadline::after(options_->handshake_timeout);
    auto plain = std::move(stream_);
    auto secured = co_await services_.tls.accept(std::move(plain), std::move(alpn), deadline);
    if (!secured) co_return;
    stream_ = std::move(*secured);
    // Whatever came in clear behind the command is dropped, never executed (HOSTILE row B1, CVE-2021-33515).
    lines_.restart(*stream_);
    out_.attach(stream_.get());
    forget_enabled();
    bad_commands_ = 0;
    open_ = true;
}

void Session::forget_enabled()
{
    rev2_ = false;
    utf8_ = false;
    utf8_accept_ = false;
    condstore_ = false;
    qresync_ = false;
    notify_.reset();
    enabled_metadata_ = false;
    metadata_.reset();
    metadata_news_.clear();
}

// RFC 8437 section 3: everything is as it was before the log-in, but TLS stays. NO is not among its answers.
co::Task<void> Session::handle(const Unauthenticate&)
{
    if (compresses_) {
        // Its layers would have to end in the middle of what was received (section 3); it is not offered any more.
        bad("not while COMPRESS is active");
        co_return;
    }
    deselect();
    forget_enabled();
    account_.reset();
    told_rights_ = 0;
    last_target_.clear();
    registration_.reset();
    login_.reset();
    login_deadline_ = net::Deadline::after(options_->login_timeout);
    ok("UNAUTHENTICATE completed");
    co_return;
}

co::Task<void> Session::handle(const Login& command)
{
    if (!may_log_in()) {
        no("[PRIVACYREQUIRED] log in after STARTTLS only");
        co_return;
    }
    const auto peer = stream_->peer();
    auto login = co_await services_.authenticator.log_in("imap", command.user, command.password, peer);
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

co::Task<void> Session::handle(const Authenticate& command)
{
    const auto mechanism = auth::find_mechanism(command.mechanism);
    if (!mechanism || std::ranges::count(mechanisms(), *mechanism) == 0) {
        if (may_log_in()) refuse(auth::SaslError::not_offered);
        else no("[PRIVACYREQUIRED] log in after STARTTLS only");
        co_return;
    }
    auth::SaslStart start;
    start.service = "imap";
    start.mechanism = *mechanism;
    start.initial = command.initial;
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
    case auth::SaslError::not_authorized: return no("[AUTHORIZATIONFAILED] not authorised to act as that user");
    case auth::SaslError::cancelled: return bad("authentication cancelled");  // RFC 9051 section 6.2.2
    case auth::SaslError::channel_binding: return no("[AUTHENTICATIONFAILED] channel binding does not match");
    case auth::SaslError::not_offered: return no("[CANNOT] mechanism not supported");
    }
}

void Session::refuse(auth::LoginFailure failure)
{
    switch (failure) {
    case auth::LoginFailure::wrong: no("[AUTHENTICATIONFAILED] wrong user name or password"); break;
    case auth::LoginFailure::slowed_down: no("[LIMIT] too many failed log-ins; try again later"); break;
    case auth::LoginFailure::unavailable: no("[UNAVAILABLE] the password cannot be checked now; try again"); break;
    }
    // A guesser pays with his connections too.
    ++bad_commands_;
}

// One challenge and its answer; none: the answer was refused or the client left, and the reply is set.
co::Task<std::optional<std::string>> Session::ask_client(std::string challenge)
{
    out_.add("+ " + encode_base64(challenge) + "\r\n");
    (void)co_await out_.flush(true);
    const auto line = co_await lines_.line(auth::kMaxSaslResponse, login_deadline_);
    if (!line) {
        const bool too_long = line.error() == net::ReadFailure::too_long;
        const bool timed_out = line.error() == net::ReadFailure::timed_out;
        reply_.clear();
        open_ = false;
        if (too_long) out_.add(tag_ + " BAD [TOOBIG] response too long\r\n");
        if (too_long) co_await say_goodbye("response too long");
        if (timed_out) co_await say_goodbye("log-in took too long");
        co_return std::nullopt;
    }
    co_return std::string(*line);
}

co::Task<void> Session::open_account(auth::Login login)
{
    if (services_.live_sessions.count(login.account, "imap") >= options_->max_sessions_per_account) {
        no("[LIMIT] too many connections of this account");
        co_return;
    }
    auth::LiveSessions::Entry entry;
    entry.service = "imap";
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
        no("[AUTHENTICATIONFAILED] wrong user name or password");
        co_return;
    }
    store::AccountKey key;
    key.id = found->id.value;
    key.local_part = found->local_part;
    key.domain = found->domain;
    auto account = co_await services_.store.account(std::move(key));
    if (!account) {
        registration_.reset();
        services_.log.error("account not opened", {{"account", login.address}, {"peer", peer_}});
        no("[UNAVAILABLE] the mail of this account cannot be opened now; try again");
        co_return;
    }
    account_ = std::move(*account);
    login_ = std::move(login);
    bad_commands_ = 0;
    ok("[CAPABILITY " + capabilities() + "] logged in");
}

}  // namespace mbx::imap
