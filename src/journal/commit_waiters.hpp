// The journal's progress on the loop: coroutines wait here until their record is on the disk. Loop thread.
#pragma once

#include <functional>
#include <memory>

#include "co/task.hpp"
#include "journal/journal.hpp"
#include "net/loop.hpp"

namespace mbx::journal {

class CommitWaiters {
public:
    // `failed` is called once on the loop when the journal fails, after all waiters went on.
    CommitWaiters(net::Loop& loop, Journal& journal, std::function<void()> failed);
    ~CommitWaiters();  // nobody waits any more
    CommitWaiters(const CommitWaiters&) = delete;
    CommitWaiters& operator=(const CommitWaiters&) = delete;

    // True when everything up to `lsn` is on the disk (at once when it is already, without a turn of the loop); false
    // when the journal has failed. Waiters go on in the order of their numbers.
    co::Task<bool> durable(Lsn lsn);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::journal
