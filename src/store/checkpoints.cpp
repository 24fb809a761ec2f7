#include "store/checkpoints.hpp"

#include <utility>

namespace mbx::store {

namespace {

// Looking at the backlog takes a lock of the journal.
constexpr unsigned kLookEvery = 32;

}  // namespace

Checkpoints::Checkpoints(Ground ground, Commit commit, CheckpointOptions options, std::function<void()> failed)
    : ground_(std::move(ground)), commit_(std::move(commit)), options_(options), failed_(std::move(failed)),
      reached_(ground_.journal.recovery().checkpoint), timer_(ground_.loop),
      runs_(ground_.metrics.counter("mailboxd_store_checkpoints_total", "Checkpoints of the journal")),
      seconds_(ground_.metrics.histogram("mailboxd_store_checkpoint_seconds",
                                         "From the choice of a checkpoint's number to its record on the disk",
                                         {0.005, 0.02, 0.1, 0.5, 1, 2, 5, 20})),
      backlog_records_(ground_.metrics.gauge("mailboxd_store_backlog_records", "Journal records above the last checkpoint")),
      backlog_bytes_(ground_.metrics.gauge("mailboxd_store_backlog_bytes", "Journal bytes above the last checkpoint"))
{
}

Checkpoints::~Checkpoints() = default;

bool Checkpoints::exceeds(const journal::Journal::Backlog& limit) const
{
    const auto backlog = ground_.journal.backlog();
    backlog_records_.set(static_cast<std::int64_t>(backlog.records));
    backlog_bytes_.set(static_cast<std::int64_t>(backlog.bytes));
    return backlog.records >= limit.records || backlog.bytes >= limit.bytes;
}

bool Checkpoints::has_room() const { return !exceeds(options_.most); }

bool Checkpoints::is_half_full() const { return exceeds({options_.most.bytes / 2, options_.most.records / 2}); }

void Checkpoints::give_up(std::string_view what)
{
    if (has_failed_) return;
    has_failed_ = true;
    ground_.log.error("store: a checkpoint failed; nothing is acknowledged any more", {{"what", what}});
    failed_();
}

Result<void, FileError> Checkpoints::sync_volumes() const
{
    for (const auto& volume : ground_.volumes) {
        if (auto done = volume->sync(); !done) return done;
    }
    return {};
}

// The number is taken first: whatever is applied while the disk works is the next checkpoint's.
co::Task<void> Checkpoints::run_once()
{
    is_running_ = true;
    const auto run = ++begun_;
    const auto begin = ground_.clock.steady();
    const journal::Lsn bound = floor_.bound(ground_.journal.last());
    bool is_good = co_await commit_();
    if (is_good && bound > reached_) {
        is_good = co_await ground_.waiters.durable(bound);
        if (!is_good) give_up("the journal");
        if (is_good) {
            auto sync = [this] { return sync_volumes(); };
            const auto synced = co_await ground_.workers.run(net::WorkClass::delivery, std::move(sync));
            if (!synced) give_up("syncing the file system: " + synced.error().name());
            is_good = static_cast<bool>(synced);
        }
        if (is_good) {
            auto mark = [this, bound] { return ground_.journal.checkpoint(bound); };
            is_good = co_await ground_.workers.run(net::WorkClass::delivery, std::move(mark));
            if (!is_good) give_up("the journal");
        }
        if (is_good) {
            reached_ = bound;
            runs_.add();
            seconds_.observe(std::chrono::duration<double>(ground_.clock.steady() - begin).count());
            call_those_below();
        }
    }
    (void)has_room();  // for the gauges
    ended_ = run;
    is_running_ = false;
    run_ended_.notify_all();
    room_.notify_all();
}

void Checkpoints::call_those_below()
{
    std::vector<std::function<void()>> due;
    for (auto& [lsn, call] : calls_) {
        if (lsn <= reached_) due.push_back(std::move(call));
    }
    std::erase_if(calls_, [this](const auto& call) { return call.first <= reached_; });
    for (const auto& call : due) call();
}

void Checkpoints::after(journal::Lsn lsn, std::function<void()> call)
{
    if (lsn <= reached_) {
        call();
    } else {
        calls_.emplace_back(lsn, std::move(call));
    }
}

// One that began before the call may have chosen its number before what the caller means.
co::Task<journal::Lsn> Checkpoints::run_now()
{
    const auto wanted = begun_ + 1;
    while (ended_ < wanted && !has_failed_) {
        if (is_running_) {
            co_await run_ended_.wait();
        } else {
            co_await run_once();
        }
    }
    co_return reached_;
}

void Checkpoints::start()
{
    if (is_started_) return;
    is_started_ = true;
    tasks_.spawn(keep_running());
}

co::Task<void> Checkpoints::keep_running()
{
    while (!is_stopping_ && !has_failed_) {
        (void)co_await timer_.wait(options_.interval);
        if (is_stopping_ || has_failed_ || is_running_) continue;
        if (ground_.journal.has_failed()) {
            give_up("the journal");
        } else if (ground_.journal.last() > reached_) {
            co_await run_once();
        }
    }
    is_started_ = false;
    room_.notify_all();
}

void Checkpoints::nudge()
{
    if (++nudges_ % kLookEvery != 0 || is_running_ || !is_started_) return;
    if (exceeds(options_.hurry)) timer_.cancel();
}

co::Task<void> Checkpoints::stop()
{
    is_stopping_ = true;
    timer_.cancel();
    co_await tasks_.finished();
    while (is_running_) co_await run_ended_.wait();
}

co::Task<bool> Checkpoints::wait_for_room(std::chrono::milliseconds most)
{
    const auto end = ground_.clock.steady() + most;
    bool is_first = true;
    while (!has_failed_ && !has_room()) {
        if (ground_.clock.steady() >= end) co_return false;
        if (is_started_) {
            // Once: what cannot be applied is not applied sooner by asking again and again.
            if (std::exchange(is_first, false)) timer_.cancel();
            co_await room_.wait();
        } else {
            (void)co_await run_now();
            if (!has_room()) co_return false;
        }
    }
    co_return !has_failed_;
}

}  // namespace mbx::store
