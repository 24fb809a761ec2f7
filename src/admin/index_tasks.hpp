// Checks and rebuilds of accounts' indexes, which take longer than a request: each is started, goes on by itself, and can
// be asked how far it is. One at a time. Loop thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "co/scope.hpp"
#include "store/store.hpp"

namespace mbx::admin {

struct IndexTask {
    std::uint64_t id = 0;
    bool rebuild = false;  // else a check
    bool is_running = true;
    bool was_stopped = false;  // by the server's end, before it was done
    std::uint64_t accounts = 0;
    std::uint64_t accounts_done = 0;
    std::uint64_t messages = 0;  // of the accounts that were opened so far
    std::uint64_t messages_done = 0;
    std::uint64_t differences = 0;
    std::vector<std::string> told;      // the first of them, with the account before
    std::vector<std::string> failures;  // accounts that could not be looked at
};

class IndexTasks {
public:
    IndexTasks(store::Store& store, Log log);

    // None: another one is under way.
    const IndexTask* start(bool rebuild, std::vector<store::AccountKey> accounts);
    // The newest sixteen are remembered.
    const IndexTask* find(std::uint64_t id) const;
    void stop() { is_stopping_ = true; }

private:
    co::Task<void> run(IndexTask& task, std::vector<store::AccountKey> accounts);
    co::Task<void> run_one(IndexTask& task, store::AccountKey key);
    static void take(IndexTask& task, const std::string& address, const store::IndexProgress& progress);

    store::Store& store_;
    Log log_;
    std::deque<IndexTask> tasks_;  // their places stay while they run
    std::uint64_t next_id_ = 1;
    bool is_stopping_ = false;
    co::Scope scope_;
};

}  // namespace mbx::admin
