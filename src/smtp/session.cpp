#include "smtp/session.hpp"

#include <exception>
#include <utility>

namespace mbx::smtp {

namespace {

// One write is a packet or few; more than that gains nothing, and a client that never reads must not fill memory.
constexpr std::size_t kReplyBatch = 16 * 1024;
constexpr std::chrono::seconds kPartingTime{5};
constexpr std::chrono::seconds kLingerTime{2};
constexpr int kLingerReads = 64;

} // namespace

Session::Session(Server& server, std::unique_ptr<net::ByteStream> stream, Role role)
    : server_(server), deps_(server.dependencies_), options_(server.options_), metrics_(server.metrics(role)),
      role_(role), stream_(std::move(stream)), lines_(*stream_), peer_(stream_->peer().text()),
      client_(stream_->peer())
{
    if (is_local()) peer_ = local_user();
    server_.sessions_.insert(this);
    metrics_.sessions.add(1);
}

Session::~Session()
{
    metrics_.sessions.add(-1);
    server_.sessions_.erase(this);
}

net::Deadline Session::deadline(std::chrono::milliseconds span) const
{
    return net::Deadline{deps_.clock.steady() + span};
}

co::Task<void> Session::run()
{
    std::optional<std::string> fault;
    try {
        co_await converse();
    } catch (const std::exception& error) {
        fault = error.what();
    }
    if (fault) {
        deps_.log.error("session failed", {{"peer", peer_}, {"error", *fault}});
        hang_up(ReplyId::internal_error);
    }
    fault.reset();
    try {
        co_await part();
    } catch (const std::exception& error) {
        fault = error.what();
    }
    if (fault) deps_.log.error("closing a session failed", {{"peer", peer_}, {"error", *fault}});
    deps_.log.debug("session ended", {{"peer", peer_}, {"messages", messages_}, {"errors", errors_}});
}

co::Task<void> Session::converse()
{
    const bool greeted = co_await greet();
    if (!greeted) co_return;
    while (open_) {
        // A part of a line does not count as input at hand: its sender may be waiting for us.
        if (!out_.empty() && (out_.size() >= kReplyBatch || !lines_.has_line())) co_await flush();
        if (!open_) break;
        if (server_.stopping_) {
            hang_up(ReplyId::shutting_down);
            break;
        }
        const auto line = co_await lines_.line(kMaxReadLine, deadline(options_->command_time));
        if (!line) {
            end_input(line.error());
            continue;
        }
        dispatch(*line);
        if (step_ != Step::none) co_await take_step();
    }
}

co::Task<bool> Session::greet()
{
    if (options_->greeting_wait.count() > 0 && !is_local()) {
        const auto early = co_await lines_.some(1, deadline(options_->greeting_wait));
        if (early) {
            lines_.give_back(early->size());
            metrics_.early_talkers.add();
            deps_.log.notice("client talks before the greeting", {{"peer", peer_}});
            if (options_->early_talkers == EarlyTalkers::refuse) {
                linger_ = true;
                hang_up(ReplyId::early_talker);
                co_return false;
            }
        } else if (early.error() != net::ReadFailure::timed_out) {
            end_input(early.error());
            co_return false;
        }
    }
    if (server_.stopping_) {
        hang_up(ReplyId::shutting_down);
        co_return false;
    }
    reply(ReplyId::greeting, greeting_words());
    co_await flush();
    if (!open_) co_return false;

    const auto first = co_await lines_.some(1, deadline(options_->command_time));
    if (!first) {
        end_input(first.error());
        co_return false;
    }
    // A TLS client hello may hold no line end, and would else wait for one (HOSTILE row B7).
    const bool is_tls_record = first->front() == '\x16';
    lines_.give_back(first->size());
    if (is_tls_record) {
        linger_ = true;
        hang_up(ReplyId::foreign_protocol);
    }
    co_return !is_tls_record;
}

std::string Session::greeting_words() const
{
    std::string words = options_->hostname + (role_ == Role::lmtp ? " LMTP" : " ESMTP");
    if (!options_->greeting.empty()) words += " " + options_->greeting;
    return words;
}

co::Task<void> Session::take_step()
{
    const Step step = std::exchange(step_, Step::none);
    switch (step) {
    case Step::none: break;
    case Step::receive_message: co_await receive_message(); break;
    case Step::receive_chunk: co_await receive_chunk(); break;
    case Step::start_tls: co_await start_tls(); break;
    case Step::log_in: co_await log_in(); break;
    case Step::judge_room: co_await judge_room(); break;
    }
}

co::Task<void> Session::flush()
{
    const auto written = co_await stream_->write(out_, deadline(options_->reply_time));
    out_.clear();
    if (!written) open_ = false;
}

// The last replies, the end of our side, and for a client that still sends a moment of listening: closing on unread
// bytes makes the kernel reset the connection, and the client would never see why.
co::Task<void> Session::part()
{
    open_ = false;
    if (!stream_) co_return;
    if (!out_.empty()) co_await flush();
    const auto ended = co_await stream_->shutdown_write(deadline(kPartingTime));
    if (!ended || !linger_) co_return;
    std::string dropped(4096, '\0');
    const net::Deadline end = deadline(kLingerTime);
    for (int i = 0; i < kLingerReads; ++i) {
        const auto count = co_await stream_->read_some(dropped, end);
        if (!count || *count == 0) co_return;
    }
}

void Session::interrupt()
{
    if (stream_) stream_->interrupt_read();
}

void Session::end_input(net::ReadFailure failure)
{
    switch (failure) {
    case net::ReadFailure::end: open_ = false; return;
    case net::ReadFailure::too_long:
        // We no longer know where a command begins.
        metrics_.errors.add();
        linger_ = true;
        hang_up(ReplyId::line_too_long);
        return;
    case net::ReadFailure::interrupted:
        if (server_.stopping_) hang_up(ReplyId::shutting_down);
        return;
    case net::ReadFailure::timed_out: hang_up(ReplyId::timed_out); return;
    case net::ReadFailure::broken:
        // Closed by us, or the client is gone: no word can reach it.
        deps_.log.info("connection lost", {{"peer", peer_}});
        open_ = false;
        return;
    }
}

void Session::refuse(ReplyId id)
{
    metrics_.errors.add();
    if (++errors_ > options_->max_errors) {
        linger_ = true;
        hang_up(ReplyId::too_many_errors);
        return;
    }
    reply(id);
}

void Session::hang_up(ReplyId id)
{
    deps_.log.info("hanging up", {{"peer", peer_}, {"code", find_reply(id).code}, {"reason", find_reply(id).text}});
    reply(id);
    open_ = false;
}

bool Session::count_idle_command()
{
    if (++idle_commands_ <= options_->max_idle_commands) return true;
    linger_ = true;
    hang_up(ReplyId::too_many_idle_commands);
    return false;
}

void Session::refuse_line(SyntaxError error, std::string_view line)
{
    deps_.log.info("bad command", {{"peer", peer_}, {"line", loggable(line, saw_auth_)}, {"bytes", line.size()}});
    switch (error) {
    case SyntaxError::stray_bytes: refuse(ReplyId::stray_bytes); return;
    case SyntaxError::too_long: refuse(ReplyId::line_too_long); return;
    case SyntaxError::unknown_verb: refuse(ReplyId::unknown_command); return;
    case SyntaxError::foreign_protocol:
        // A browser was made to talk to us: what it sends next could be anybody's commands (HOSTILE row B9).
        metrics_.errors.add();
        linger_ = true;
        hang_up(ReplyId::foreign_protocol);
        return;
    }
}

} // namespace mbx::smtp
