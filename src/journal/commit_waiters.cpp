#include "journal/commit_waiters.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <coroutine>
#include <map>
#include <utility>
#include <vector>

namespace mbx::journal {

struct CommitWaiters::State : std::enable_shared_from_this<State> {
    State(net::Loop& on, Journal& of, std::function<void()> call) : loop(on), journal(of), failed(std::move(call)) {}

    // A thread of the journal: one job for all that became durable until the loop comes to it.
    void notify()
    {
        // Mostly nobody waits yet: a store's file is still being made beside the commit. add() looks again for the same reason.
        if (!has_waiters.load() && !journal.has_failed()) return;
        if (is_posted.exchange(true)) return;
        auto self = shared_from_this();
        loop.post([self] { self->turn(); });
    }

    void turn()
    {
        is_posted.store(false);  // before the look below, so that what comes after it is posted anew
        if (!is_open) return;
        const bool has_failed = journal.has_failed();
        const Lsn durable = journal.durable();
        const auto end = has_failed ? waiting.end() : waiting.upper_bound(durable);
        std::vector<std::coroutine_handle<>> ready;
        for (auto at = waiting.begin(); at != end; ++at) ready.push_back(at->second);
        waiting.erase(waiting.begin(), end);
        has_waiters.store(!waiting.empty());
        if (!ready.empty() && waiting.empty()) loop.release();
        for (const auto handle : ready) handle.resume();
        if (has_failed && !std::exchange(told_failure, true) && failed) failed();
    }

    void add(Lsn lsn, std::coroutine_handle<> handle)
    {
        if (waiting.empty()) loop.hold();
        waiting.emplace(lsn, handle);
        // In this order: the journal stores what is durable and then looks whether anybody waits.
        has_waiters.store(true);
        if (journal.durable() >= lsn || journal.has_failed()) notify();
        if (std::exchange(wanted, std::max(wanted, lsn)) != 0) return;
        // Whoever else is ready in this turn comes first: one commit then serves them all, and it begins no later than the
        // loop would have slept.
        auto self = shared_from_this();
        loop.after_events([self] {
            if (self->is_open) self->journal.want(std::exchange(self->wanted, 0));
        });
    }

    net::Loop& loop;
    Journal& journal;
    std::function<void()> failed;
    std::multimap<Lsn, std::coroutine_handle<>> waiting;  // equal numbers in the order in which they came
    Lsn wanted = 0;  // to be asked for at the end of the turn
    std::atomic<bool> has_waiters{false};  // whether `waiting` holds anybody, for the journal's threads
    std::atomic<bool> is_posted{false};
    bool is_open = true;
    bool told_failure = false;
};

namespace {

template <typename State>
class CommitAwaiter {
public:
    CommitAwaiter(State& state, Lsn lsn) noexcept : state_(state), lsn_(lsn) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { state_.add(lsn_, caller); }
    void await_resume() const noexcept {}

private:
    State& state_;
    Lsn lsn_;
};

}  // namespace

CommitWaiters::CommitWaiters(net::Loop& loop, Journal& journal, std::function<void()> failed)
    : state_(std::make_shared<State>(loop, journal, std::move(failed)))
{
    journal.on_progress([state = state_.get()] { state->notify(); });
    if (journal.has_failed()) state_->notify();
}

CommitWaiters::~CommitWaiters()
{
    assert(state_->waiting.empty() && "CommitWaiters died under a waiter");
    state_->is_open = false;
    state_->journal.on_progress({});  // waits for a call under way
}

co::Task<bool> CommitWaiters::durable(Lsn lsn)
{
    const auto state = state_;
    // Who waits for less and is still to be resumed goes first.
    const bool is_next = state->waiting.empty() || state->waiting.begin()->first >= lsn;
    if (is_next && lsn <= state->journal.durable()) co_return true;
    if (state->journal.has_failed()) co_return false;
    CommitAwaiter<State> progress(*state, lsn);
    co_await progress;
    co_return lsn <= state->journal.durable();
}

}  // namespace mbx::journal
