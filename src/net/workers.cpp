#include "net/workers.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace mbx::net {
namespace {

constexpr std::size_t kClasses = 4;
// Every so many picks the order of the classes behind delivery is turned round, so that a steady stream of interactive
// work cannot keep expiry and rebuilds waiting for ever.
constexpr std::uint64_t kTurnEvery = 16;

constexpr std::size_t index_of(WorkClass work_class) { return static_cast<std::size_t>(work_class); }

struct Job {
    std::function<void()> work;
    std::function<void()> done;
};

}  // namespace

struct Workers::State {
    Loop& loop;
    mutable std::mutex mutex;  // of all below
    std::condition_variable wake;
    std::array<std::deque<Job>, kClasses> queues;
    std::array<unsigned, kClasses> running{};
    std::array<unsigned, kClasses> most{};  // threads that a class may hold
    unsigned most_of_others = 0;            // threads that all classes but delivery may hold together
    std::uint64_t picks = 0;
    unsigned idle = 0;  // threads that wait
    bool stopping = false;
    std::vector<std::thread> threads;

    explicit State(Loop& on) : loop(on) {}

    bool may_run(std::size_t of) const
    {
        if (queues[of].empty()) return false;
        if (of == index_of(WorkClass::delivery)) return true;
        const unsigned others = running[1] + running[2] + running[3];
        return running[of] < most[of] && others < most_of_others;
    }

    // The class to serve next, or kClasses.
    std::size_t next_class()
    {
        if (may_run(index_of(WorkClass::delivery))) return index_of(WorkClass::delivery);
        // Only a pick that found work counts: a thread woken in vain must not use up the turn.
        const bool turned = (picks + 1) % kTurnEvery == 0;
        for (std::size_t i = 1; i < kClasses; ++i) {
            const std::size_t candidate = turned ? kClasses - i : i;
            if (!may_run(candidate)) continue;
            ++picks;
            return candidate;
        }
        return kClasses;
    }

    bool has_runnable() const
    {
        for (std::size_t of = 0; of < kClasses; ++of) {
            if (may_run(of)) return true;
        }
        return false;
    }

    // A thread that ends a job looks for the next one itself, in the place that the job gave back, so nobody is woken for
    // that: each wake-up in vain costs two changes of thread. Who takes a job wakes the next one if there is more to take.
    void serve()
    {
        std::unique_lock lock(mutex);
        while (true) {
            const std::size_t of = next_class();
            if (of == kClasses) {
                if (stopping) return;
                ++idle;
                wake.wait(lock);
                --idle;
                continue;
            }
            Job job = std::move(queues[of].front());
            queues[of].pop_front();
            ++running[of];
            const bool is_more = idle != 0 && has_runnable();
            lock.unlock();
            if (is_more) wake.notify_one();
            job.work();
            job.work = nullptr;
            finish(std::move(job.done));
            lock.lock();
            --running[of];
        }
    }

    void finish(std::function<void()> done)
    {
        loop.post([&on = loop, call = std::move(done)] {
            on.release();
            call();
        });
    }
};

Workers::Workers(Loop& loop, unsigned threads, unsigned hashing_slots) : state_(std::make_unique<State>(loop))
{
    const unsigned count = std::max(threads, 2U);
    state_->most_of_others = count - 1;
    state_->most = {count, count - 1, std::clamp(hashing_slots, 1U, count - 1), std::max(count - 1, 2U) - 1};
    for (unsigned i = 0; i < count; ++i) state_->threads.emplace_back([state = state_.get()] { state->serve(); });
}

Workers::~Workers()
{
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_all();
    for (std::thread& thread : state_->threads) thread.join();
}

void Workers::submit(WorkClass work_class, std::function<void()> job, std::function<void()> done)
{
    state_->loop.hold();
    {
        const std::lock_guard lock(state_->mutex);
        state_->queues[index_of(work_class)].push_back({std::move(job), std::move(done)});
    }
    state_->wake.notify_one();
}

Loop& Workers::loop() const { return state_->loop; }

std::size_t Workers::waiting(WorkClass work_class) const
{
    const std::lock_guard lock(state_->mutex);
    return state_->queues[index_of(work_class)].size();
}

namespace {

// Runs `body` through `submit` (of Workers or of a Strand) and resumes the awaiter on the loop.
template <typename Submit>
class JobAwaiter {
public:
    JobAwaiter(Submit submit, std::function<void()> body) : submit_(std::move(submit)), body_(std::move(body)) {}
    JobAwaiter(const JobAwaiter&) = delete;
    JobAwaiter& operator=(const JobAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller)
    {
        auto work = [this] {
            try {
                body_();
            } catch (...) {
                error_ = std::current_exception();
            }
        };
        submit_(std::move(work), [caller] { caller.resume(); });
    }
    void await_resume()
    {
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    }

private:
    Submit submit_;
    std::function<void()> body_;
    std::exception_ptr error_;
};

}  // namespace

co::Task<void> Workers::execute(WorkClass work_class, std::function<void()> body)
{
    auto door = [this, work_class](std::function<void()> work, std::function<void()> done) {
        submit(work_class, std::move(work), std::move(done));
    };
    JobAwaiter job(std::move(door), std::move(body));
    co_await job;
}

struct Strand::State {
    struct Entry {
        WorkClass work_class;
        Job job;
    };
    Workers& workers;
    std::deque<Entry> entries;  // the first one runs
    bool is_running = false;

    explicit State(Workers& with) : workers(with) {}

    static void start_next(const std::shared_ptr<State>& state)
    {
        if (state->is_running || state->entries.empty()) return;
        state->is_running = true;
        Entry& next = state->entries.front();
        auto done = [state] { finish_first(state); };
        state->workers.submit(next.work_class, std::move(next.job.work), std::move(done));
    }

    static void finish_first(const std::shared_ptr<State>& state)
    {
        const std::function<void()> done = std::move(state->entries.front().job.done);
        state->entries.pop_front();
        state->is_running = false;
        // Before the waiter goes on: it may be the last one and destroy the strand.
        start_next(state);
        done();
    }
};

Strand::Strand(Workers& workers) : state_(std::make_shared<State>(workers)) {}

Strand::~Strand() { assert(state_->entries.empty() && "a Strand was destroyed with jobs left"); }

std::size_t Strand::waiting() const { return state_->entries.size(); }

co::Task<void> Strand::execute(WorkClass work_class, std::function<void()> body)
{
    auto door = [this, work_class](std::function<void()> work, std::function<void()> done) {
        state_->entries.push_back({work_class, {std::move(work), std::move(done)}});
        State::start_next(state_);
    };
    JobAwaiter job(std::move(door), std::move(body));
    co_await job;
}

}  // namespace mbx::net
