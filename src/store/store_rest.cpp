// Store: accounts that are open while nobody asks them anything. Sessions in IDLE keep theirs open for hours, and what
// SQLite holds of an open index is nine tenths of it: so the index is closed, and the next job opens it again.
#include <algorithm>
#include <optional>
#include <utility>

// Behind a standard header, which says whose library it is.
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "store/store.hpp"
#include "store/store_state.hpp"

namespace mbx::store {

namespace {

constexpr std::chrono::milliseconds kLook{500};
// Of the time of one worker that the closing may take: a fifth.
constexpr int kPauseTimes = 4;
constexpr std::chrono::seconds kBetweenTrims{5};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

// Those without a job for a while; what is under way has told of itself when it was asked for.
std::vector<std::string> Store::State::due_to_rest()
{
    std::vector<std::string> due;
    const auto at = now();
    for (auto& [place, entry] : entries) {
        if (entry.is_busy()) continue;
        const auto jobs = entry.account->jobs();
        if (jobs == entry.rested_jobs) continue;
        if (jobs != entry.seen_jobs) {
            entry.seen_jobs = jobs;
            entry.seen_at = at;
        }
        if (at - entry.seen_at >= options.rest_after && entry.account->is_quiet()) due.push_back(place);
    }
    return due;
}

// Answers how long a worker had to do with it; none: it was not tried. The wait for a worker does not count: behind much mail it
// is long, and so would be the pause that follows.
co::Task<std::optional<std::chrono::milliseconds>> Store::State::rest_one(std::string place)
{
    struct Outcome {
        bool rests = false;
        std::chrono::milliseconds took{0};
    };
    const auto it = entries.find(place);
    if (it == entries.end() || it->second.is_busy()) co_return std::nullopt;
    const std::shared_ptr<Account> account = it->second.account;
    const auto jobs = account->jobs();
    if (jobs != it->second.seen_jobs || !account->is_quiet()) co_return std::nullopt;
    auto rest = [](AccountStore& store) {
        const auto begin = now();
        const bool rests = store.rest();
        return Outcome{rests, std::chrono::duration_cast<std::chrono::milliseconds>(now() - begin)};
    };
    const Outcome outcome = co_await account->run(net::WorkClass::interactive, std::move(rest));
    if (outcome.rests) {
        rests_counter.add();
        has_freed = true;
    }
    const auto after = entries.find(place);
    const bool is_same = after != entries.end() && after->second.account == account;
    // With its own job; any other one that came meanwhile has opened it again.
    if (!is_same || account->jobs() != jobs + 1) co_return outcome.took;
    after->second.rested_jobs = jobs + 1;
    if (outcome.rests) after->second.committed_jobs = jobs + 1;
    co_return outcome.took;
}

// One at a time, with rests in between: hundreds that fall silent together must not be felt by mail that comes in.
co::Task<void> Store::State::rest_idle()
{
    const auto due = due_to_rest();
    for (const auto& place : due) {
        if (is_stopping || journal.journal().has_failed()) co_return;
        const auto took = co_await rest_one(place);
        if (!took || is_stopping) continue;
        const auto pause = std::max(options.rest_pause, *took * kPauseTimes);
        (void)co_await rest_timer.wait(pause);
        co_await give_memory_back();
    }
    if (!is_stopping) co_await give_memory_back();
}

// What was freed lies between blocks that live on; the allocator keeps such pages until it is asked for them.
co::Task<void> Store::State::give_memory_back()
{
    if (!has_freed || now() - gave_back < kBetweenTrims) co_return;
    has_freed = false;
    gave_back = now();
#ifdef __GLIBC__
    auto trim = [] { return malloc_trim(0) != 0; };
    (void)co_await workers.run(net::WorkClass::bulk, std::move(trim));
#endif
    co_return;
}

co::Task<void> Store::State::keep_resting()
{
    while (!is_stopping) {
        (void)co_await rest_timer.wait(kLook);
        if (!is_stopping) co_await rest_idle();
    }
}

co::Task<void> Store::rest_idle() { co_await state_->rest_idle(); }

}  // namespace mbx::store
