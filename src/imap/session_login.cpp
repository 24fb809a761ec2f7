// STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 section 6.2).
#include "auth/sasl.hpp"
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
}

// RFC 8437 section 3: everything is as it was before the log-in, but TLS stays. NO is not among its answers.
co::Task<void> Session::handle(const Unauthenticate&)
{
    deselect();
    forget_enabled();
    account_.reset();
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
    co_await log_in(command.user, command.password);
}

co::Task<void> Session::handle(const Authenticate& command)
{
    if (!may_log_in()) {
        no("[PRIVACYREQUIRED] log in after STARTTLS only");
        co_return;
    }
    if (command.mechanism == "PLAIN") {
        co_await authenticate_plain(command.initial);
    } else if (command.mechanism == "LOGIN") {
        co_await authenticate_login(command.initial);
    } else {
        no("[CANNOT] mechanism not supported");
    }
}

// One challenge and its answer; none: the answer was refused or the client left, and the reply is set.
co::Task<std::optional<std::string>> Session::ask(std::string_view challenge)
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
    if (*line == "*") {
        // RFC 9051 section 6.2.2: the client gives up.
        bad("authentication cancelled");
        co_return std::nullopt;
    }
    co_return std::string(*line);
}

co::Task<void> Session::authenticate_plain(std::optional<std::string> response)
{
    if (!response) response = co_await ask("");
    if (!response) co_return;
    auto credentials = auth::parse_plain(*response);
    if (!credentials && credentials.error() == auth::SaslError::not_authorized) {
        no("[AUTHORIZATIONFAILED] not authorised to act as that user");
        co_return;
    }
    if (!credentials) {
        bad("malformed response");
        co_return;
    }
    co_await log_in(std::move(credentials->login), std::move(credentials->password));
}

co::Task<void> Session::authenticate_login(std::optional<std::string> response)
{
    // Some clients insist on a text to look at (CLIENTS.md, Outlook).
    if (!response) response = co_await ask("Username:");
    if (!response) co_return;
    auto user = auth::parse_login_step(*response);
    if (!user) {
        bad("malformed response");
        co_return;
    }
    response = co_await ask("Password:");
    if (!response) co_return;
    auto password = auth::parse_login_step(*response);
    if (!password) {
        bad("malformed response");
        co_return;
    }
    co_await log_in(std::move(*user), std::move(*password));
}

co::Task<void> Session::log_in(std::string user, std::string password)
{
    const auto peer = stream_->peer();
    auto login = co_await services_.authenticator.log_in("imap", std::move(user), std::move(password), peer);
    if (login) {
        co_await open_account(std::move(*login));
        co_return;
    }
    switch (login.error()) {
    case auth::LoginFailure::wrong: no("[AUTHENTICATIONFAILED] wrong user name or password"); break;
    case auth::LoginFailure::slowed_down: no("[LIMIT] too many failed log-ins; try again later"); break;
    case auth::LoginFailure::unavailable: no("[UNAVAILABLE] the password cannot be checked now; try again"); break;
    }
    // A guesser pays with his connections too.
    ++bad_commands_;
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
    const auto* found = snapshot->find(login.account);
    const bool is_current = found != nullptr && found->enabled && found->credential_version == login.credential_version;
    if (!is_current) {
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
