// IDLE (RFC 9051 section 6.3.13): changes are told as they happen.
#include <algorithm>

#include "base/ascii.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

// Where the store could not be asked, and where nobody tells of other tools' changes.
constexpr std::chrono::milliseconds kLookAgain{30'000};
// News that never end must not keep DONE from being read.
constexpr std::chrono::milliseconds kBetweenIdleNews{100};

bool is_earlier(net::Deadline a, net::Deadline b) { return a.at < b.at; }

}  // namespace

// On the loop, when the selected mailbox's feed has news. Must not wait.
void Session::on_news()
{
    if (idling_ || listening_) stream_->interrupt_read();
}

co::Task<void> Session::handle(const Idle&)
{
    out_.add("+ idling\r\n");
    if (selected_ && std::exchange(exists_told_in_fetch_, false)) {
        // Thunderbird ignored the one inside its UID FETCH (CLIENTS.md); the same number again harms nobody.
        out_.add("* " + std::to_string(selected_->view().size()) + " EXISTS\r\n");
    }
    if (selected_ && !mailbox_->watch() && std::exchange(metrics_.all_watched, false)) {
        services_.log.warning("mailboxes cannot be watched for other tools' changes: raise fs.inotify.max_user_watches and "
                              "max_user_instances; they are looked at every 30 s instead",
                              {{"mailbox", selected_->id().value}});
    }
    if (selected_) co_await announce(true, true);
    if (!open_) co_return;
    exists_told_in_fetch_ = false;
    (void)co_await out_.flush(true);
    const auto end = net::Deadline::after(options_->inactivity_timeout);
    auto sign_of_life = net::Deadline::after(options_->idle_keepalive);
    bool waiting = true;
    while (waiting && open_ && !out_.is_broken()) waiting = co_await wait_in_idle(end, sign_of_life);
    exists_told_in_fetch_ = false;
}

// One wait: for DONE, for a change, or for the time of a sign of life. False: IDLE is over.
co::Task<bool> Session::wait_in_idle(net::Deadline end, net::Deadline& sign_of_life)
{
    if (has_news() || has_notified()) {
        if (has_news()) co_await announce(true, false);
        if (open_) co_await tell_notified();
        (void)co_await out_.flush(true);
        if (!open_ || (has_news() && !news_failed_)) co_return open_;
    }
    while ((!metadata_news_.empty() || is_key_reset_) && !out_.is_broken()) {
        if (!metadata_news_.empty()) tell_metadata();
        if (is_key_reset_) tell_reset();
        (void)co_await out_.flush(true);
    }
    auto until = sign_of_life;
    // A store that cannot say what changed is asked again after a while: asked at once, it would be asked for ever.
    const bool looks_again = news_failed_ || (mailbox_ && !mailbox_->is_watched());
    const auto again = net::Deadline::after(kLookAgain);
    if (looks_again && again.at < until.at) until = again;
    if (has_notified()) until = std::min(until, net::Deadline::after(kBetweenIdleNews), is_earlier);
    if (until.at > end.at) until = end;
    idling_ = true;
    if (selected_) selected_->wait(true);
    const auto line = co_await lines_.line(options_->max_line, until);
    if (selected_) selected_->wait(false);
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
        co_await pass_time_in_idle(until, end, sign_of_life);
        co_return open_;
    case net::ReadFailure::too_long:
        co_await say_goodbye("line too long");
        co_return false;
    case net::ReadFailure::end:
    case net::ReadFailure::broken: break;
    }
    open_ = false;
    co_return false;
}

// A wait in IDLE ended at `until`.
co::Task<void> Session::pass_time_in_idle(net::Deadline until, net::Deadline end, net::Deadline& sign_of_life)
{
    if (std::chrono::steady_clock::now() >= end.at) {
        co_await say_goodbye("autologout; idle for too long");
        co_return;
    }
    if (selected_ && !mailbox_->is_watched()) co_await announce(true, true);
    if (!open_) co_return;
    if (until.at >= sign_of_life.at) {
        out_.add("* OK still here\r\n");
        sign_of_life = net::Deadline::after(options_->idle_keepalive);
    }
    (void)co_await out_.flush(true);
}

}  // namespace mbx::imap
