#include "pop3/session.hpp"

#include <array>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::pop3 {

namespace {

// A web browser was sent here (ALPACA, HOSTILE row B9).
bool is_http(std::string_view line)
{
    constexpr std::array<std::string_view, 9> kVerbs{"GET ",     "POST ",  "HEAD ",  "PUT ", "OPTIONS ",
                                                     "CONNECT ", "DELETE ", "PATCH ", "PRI "};
    if (line.find(" HTTP/") == std::string_view::npos) return false;
    for (const auto verb : kVerbs) {
        if (line.starts_with(verb)) return true;
    }
    return false;
}

// RFC 4647 section 3.4, lookup: we speak English.
bool means_english(std::string_view range)
{
    return range == "*" || ascii::same(range, "en") || ascii::starts_with(range, "en-");
}

}  // namespace

Session::Session(Services& services, std::shared_ptr<const Options> options, Pop3Metrics& metrics, MaildropLocks& locks,
                 std::unique_ptr<net::ByteStream> stream)
    : services_(services), options_(std::move(options)), metrics_(metrics), locks_(locks), stream_(std::move(stream)),
      peer_(stream_->peer().text()), lines_(*stream_), out_(options_->write_timeout),
      login_deadline_(net::Deadline::after(options_->login_timeout))
{
    out_.attach(stream_.get());
}

co::Task<void> Session::run()
{
    // No time stamp: APOP (RFC 1939 section 7) would need passwords that can be read.
    ok(options_->hostname + " ready");
    (void)co_await out_.flush(true);
    while (open_ && !out_.is_broken() && (!stopping_ || lines_.has_line())) co_await serve_command();
    if (hold_) {
        // Without QUIT the marks for deletion count for nothing (RFC 1939 section 6).
        maildrop_.restore_all();
        co_await close_maildrop();
    }
    (void)co_await out_.flush(true);
    if (stream_ && !out_.is_broken()) {
        const auto deadline = net::Deadline::after(std::chrono::seconds(5));
        (void)co_await stream_->shutdown_write(deadline);
    }
}

void Session::stop()
{
    stopping_ = true;
    if (stream_) stream_->interrupt_read();
}

co::Task<void> Session::say_internal_error()
{
    open_ = false;
    error("[SYS/TEMP] internal error; the administrator's log says more");
    (void)co_await out_.flush(true);
}

void Session::ok(std::string_view text)
{
    out_.add("+OK ");
    out_.add(text);
    out_.add("\r\n");
    if (login_) bad_commands_ = 0;
}

void Session::error(std::string_view text)
{
    out_.add("-ERR ");
    out_.add(text);
    out_.add("\r\n");
}

void Session::bad(std::string_view text)
{
    error(text);
    ++bad_commands_;
    metrics_.bad_commands.add();
}

void Session::refuse(SyntaxError why)
{
    switch (why) {
    case SyntaxError::unknown_command: return bad("unknown command");
    case SyntaxError::bad_argument: return bad("wrong or missing argument");
    case SyntaxError::bad_bytes: return bad("only printable characters in UTF-8 are allowed");
    }
}

net::Deadline Session::read_deadline() const
{
    return login_ ? net::Deadline::after(options_->inactivity_timeout) : login_deadline_;
}

co::Task<void> Session::serve_command()
{
    const auto deadline = read_deadline();
    const auto line = co_await lines_.line(options_->max_line, deadline);
    if (!line) {
        end_input(line.error());
        co_return;
    }
    if (std::exchange(first_line_, false) && is_http(*line)) {
        open_ = false;
        co_return;
    }
    metrics_.commands.add();
    auto command = parse_command(*line);
    if (command) {
        co_await execute(std::move(*command));
    } else {
        refuse(command.error());
    }
    const auto most = login_ ? options_->max_bad : options_->max_bad_before_login;
    if (open_ && bad_commands_ >= most) {
        error("too many bad commands");
        open_ = false;
    }
    // RFC 2449 section 6.6: answers to commands that came together may go together.
    if (!open_ || out_.is_full() || !lines_.has_line()) (void)co_await out_.flush(true);
}

void Session::end_input(net::ReadFailure failure)
{
    // RFC 1939 section 3: after a time-out the connection is closed without a word, and nothing is deleted.
    open_ = false;
    // Past the limit we no longer know where a command begins.
    if (failure == net::ReadFailure::too_long) bad("line too long");
}

co::Task<void> Session::execute(Command command)
{
    switch (command.verb) {
    case Verb::capa: capa(); co_return;
    case Verb::lang: lang(command.text); co_return;
    case Verb::quit: co_await quit(); co_return;
    case Verb::auth:
    case Verb::pass:
    case Verb::stls:
    case Verb::user:
    case Verb::utf8: co_await execute_before_login(std::move(command)); co_return;
    case Verb::dele:
    case Verb::list:
    case Verb::noop:
    case Verb::retr:
    case Verb::rset:
    case Verb::stat:
    case Verb::top:
    case Verb::uidl: co_await execute_on_maildrop(std::move(command)); co_return;
    }
}

// The AUTHORIZATION state (RFC 1939 section 4).
co::Task<void> Session::execute_before_login(Command command)
{
    if (login_) {
        bad("you are logged in already");
        co_return;
    }
    if (command.verb == Verb::stls) {
        co_await start_tls();
    } else if (command.verb == Verb::auth) {
        co_await auth(std::move(command));
    } else if (command.verb == Verb::user) {
        user(std::move(command.text));
    } else if (command.verb == Verb::pass) {
        co_await pass(std::move(command.text));
    } else {
        utf8_ = true;  // RFC 6856 section 2.1
        ok("UTF-8 from here on");
    }
}

// The TRANSACTION state (RFC 1939 section 5).
co::Task<void> Session::execute_on_maildrop(Command command)
{
    if (!login_) {
        bad("log in first");
        co_return;
    }
    const auto number = command.message.value_or(0);
    switch (command.verb) {
    case Verb::stat: stat(); break;
    case Verb::list: co_await list(command.message); break;
    case Verb::uidl: co_await uidl(command.message); break;
    case Verb::retr: co_await retrieve(number, std::nullopt); break;
    case Verb::top: co_await retrieve(number, command.lines); break;
    case Verb::dele: dele(number); break;
    case Verb::rset: rset(); break;
    case Verb::noop: ok("nothing done"); break;
    case Verb::auth:
    case Verb::capa:
    case Verb::lang:
    case Verb::pass:
    case Verb::quit:
    case Verb::stls:
    case Verb::user:
    case Verb::utf8: break;
    }
}

// RFC 2449 section 5. No version: it would tell strangers which holes to try.
void Session::capa()
{
    ok("what this server can do");
    out_.add("TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\n");
    if (may_log_in()) out_.add("USER\r\n");
    const auto offered = mechanisms();
    if (!offered.empty()) out_.add("SASL" + auth::list_mechanisms(offered, " ") + "\r\n");
    // RFC 2595 section 4: in the AUTHORIZATION state only.
    const bool offers_tls = !login_ && stream_ && !stream_->is_encrypted() && services_.tls.is_ready();
    if (offers_tls) out_.add("STLS\r\n");
    out_.add("IMPLEMENTATION mailboxd\r\n.\r\n");
}

// RFC 6856 section 3.2.
void Session::lang(const std::string& range)
{
    if (range.empty()) {
        ok("languages:");
        out_.add("en English\r\n.\r\n");
    } else if (means_english(range)) {
        ok("en the language is English");
    } else {
        error("there is no such language here");
    }
}

}  // namespace mbx::pop3
