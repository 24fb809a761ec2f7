// Blocking work off the loop: fsync, SQLite, Argon2, TLS handshakes. A job runs on a worker thread; the coroutine that
// awaits it resumes on the loop. Classes of priority, so that mail delivery is never queued behind bulk work.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "co/event.hpp"
#include "co/task.hpp"
#include "net/loop.hpp"

namespace mbx::net {

enum class WorkClass : std::uint8_t {
    delivery,     // accepting and storing mail; never waits behind the others
    interactive,  // a person waits: IMAP, console, handshakes
    hashing,      // Argon2: bounded in number, because each costs memory (HOSTILE row J3)
    bulk,         // rebuilds, scans, expiry
};

class Workers {
public:
    // `threads` in all; one thread at least always stays for `delivery`; `hashing` uses at most `hashing_slots`.
    Workers(Loop& loop, unsigned threads, unsigned hashing_slots);
    // Waits for running jobs; every run() must have been awaited to its end before.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Runs `job` on a worker and returns what it returned; an exception of the job is rethrown to the awaiter.
    // The job must own what it uses, or the awaiting coroutine must keep it alive (it does while it waits).
    template <typename Job>
    co::Task<std::invoke_result_t<Job>> run(WorkClass work_class, Job job)
    {
        using Value = std::invoke_result_t<Job>;
        if constexpr (std::is_void_v<Value>) {
            std::function<void()> body = [&job] { job(); };
            co_await execute(work_class, std::move(body));
        } else {
            std::optional<Value> value;
            std::function<void()> body = [&job, &value] { value.emplace(job()); };
            co_await execute(work_class, std::move(body));
            co_return std::move(*value);
        }
    }

    // The door for Strand: runs `job` on a worker, then `done` on the loop. Loop thread.
    void submit(WorkClass work_class, std::function<void()> job, std::function<void()> done);
    std::size_t waiting(WorkClass work_class) const;
    // On which the awaiters go on.
    Loop& loop() const;

private:
    co::Task<void> execute(WorkClass work_class, std::function<void()> body);
    struct State;
    std::unique_ptr<State> state_;
};

// Jobs of one strand run one after another, in the order in which they were submitted, each on some worker
// (docs/architecture.md rule 3: one writer per account). Loop thread.
class Strand {
public:
    explicit Strand(Workers& workers);
    ~Strand();  // no job may be left
    Strand(const Strand&) = delete;
    Strand& operator=(const Strand&) = delete;

    template <typename Job>
    co::Task<std::invoke_result_t<Job>> run(WorkClass work_class, Job job)
    {
        using Value = std::invoke_result_t<Job>;
        if constexpr (std::is_void_v<Value>) {
            std::function<void()> body = [&job] { job(); };
            co_await execute(work_class, std::move(body));
        } else {
            std::optional<Value> value;
            std::function<void()> body = [&job, &value] { value.emplace(job()); };
            co_await execute(work_class, std::move(body));
            co_return std::move(*value);
        }
    }
    std::size_t waiting() const;

private:
    co::Task<void> execute(WorkClass work_class, std::function<void()> body);
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace mbx::net
