// IDLE (RFC 9051 section 6.3.13): changes are told as they happen.
#include "base/ascii.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::chrono::milliseconds kNewsAgain{30'000};

}  // namespace

// On the loop, after a job of any session changed the selected mailbox. Must not wait.
void Session::on_change()
{
    changed_ = true;
    if (idling_) stream_->interrupt_read();
}

co::Task<void> Session::handle(const Idle&)
{
    out_.add("+ idling\r\n");
    if (selected_ && std::exchange(exists_told_in_fetch_, false)) {
        // Thunderbird ignored the one inside its UID FETCH (CLIENTS.md); the same number again harms nobody.
        out_.add("* " + std::to_string(selected_->view().size()) + " EXISTS\r\n");
    }
    if (selected_) co_await announce(true, true);
    if (!open_) co_return;
    exists_told_in_fetch_ = false;
    (void)co_await out_.flush(true);
    const auto end = net::Deadline::after(options_->inactivity_timeout);
    bool waiting = true;
    while (waiting && open_ && !out_.is_broken()) waiting = co_await wait_in_idle(end);
    exists_told_in_fetch_ = false;
}

// One wait: for DONE, for a change, or for the time of a sign of life. False: IDLE is over.
co::Task<bool> Session::wait_in_idle(net::Deadline end)
{
    if (changed_ && selected_) {
        co_await announce(true, false);
        (void)co_await out_.flush(true);
        if (!open_ || (changed_ && !news_failed_)) co_return open_;
    }
    // A store that cannot say what changed is asked again after a while: asked at once, it would be asked for ever.
    auto until = net::Deadline::after(news_failed_ ? kNewsAgain : options_->idle_keepalive);
    if (until.at > end.at) until = end;
    idling_ = true;
    const auto line = co_await lines_.line(options_->max_line, until);
    idling_ = false;
    if (line) {
        if (ascii::same(*line, "DONE")) {
            ok("IDLE completed");
        } else {
            bad("expected DONE");
        }
        co_return false;
    }
    switch (line.error()) {
    case net::ReadFailure::interrupted: co_return !stopping_;
    case net::ReadFailure::timed_out:
        if (std::chrono::steady_clock::now() < end.at) {
            out_.add("* OK still here\r\n");
            (void)co_await out_.flush(true);
            co_return true;
        }
        co_await say_goodbye("autologout; idle for too long");
        co_return false;
    case net::ReadFailure::too_long:
        co_await say_goodbye("line too long");
        co_return false;
    case net::ReadFailure::end:
    case net::ReadFailure::broken: break;
    }
    open_ = false;
    co_return false;
}

}  // namespace mbx::imap
