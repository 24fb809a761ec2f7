#include "admin/index_tasks.hpp"

#include <utility>

#include "admin/answers.hpp"

namespace mbx::admin {
namespace {

constexpr std::chrono::milliseconds kStep{10};  // then the account's strand serves others
constexpr std::size_t kRemembered = 16;
constexpr std::size_t kMostTold = 100;
constexpr std::size_t kMostFailures = 100;

}  // namespace

IndexTasks::IndexTasks(store::Store& store, Log log) : store_(store), log_(std::move(log)) {}

const IndexTask* IndexTasks::start(bool rebuild, std::vector<store::AccountKey> accounts)
{
    if (is_stopping_ || (!tasks_.empty() && tasks_.back().is_running)) return nullptr;
    if (tasks_.size() == kRemembered) tasks_.pop_front();
    IndexTask& task = tasks_.emplace_back();
    task.id = next_id_++;
    task.rebuild = rebuild;
    task.accounts = accounts.size();
    scope_.spawn(run(task, std::move(accounts)));
    return &task;
}

const IndexTask* IndexTasks::find(std::uint64_t id) const
{
    for (const auto& task : tasks_) {
        if (task.id == id) return &task;
    }
    return nullptr;
}

co::Task<void> IndexTasks::run(IndexTask& task, std::vector<store::AccountKey> accounts)
{
    for (auto& key : accounts) {
        if (is_stopping_) break;
        co_await run_one(task, std::move(key));
        if (!is_stopping_) ++task.accounts_done;
    }
    task.was_stopped = task.accounts_done < task.accounts;
    task.is_running = false;
    log_.notice(task.rebuild ? "indexes were rebuilt" : "indexes were checked",
                {{"accounts", task.accounts_done}, {"messages", task.messages_done}, {"differences", task.differences},
                 {"failures", task.failures.size()}, {"stopped", task.was_stopped}});
}

co::Task<void> IndexTasks::run_one(IndexTask& task, store::AccountKey key)
{
    using Run = std::unique_ptr<store::IndexRun>;
    const std::string address = key.local_part + "@" + key.domain;
    const auto opened = co_await store_.account(std::move(key));
    if (!opened) {
        if (task.failures.size() < kMostFailures) {
            task.failures.push_back(address + ": " + std::string(describe(opened.error())));
        }
        co_return;
    }
    const std::shared_ptr<store::Account> account = *opened;
    const bool rebuild = task.rebuild;
    auto begin = [rebuild](store::AccountStore& store) -> Run {
        return rebuild ? store.rebuild_index() : store.check_index();
    };
    Run run = co_await account->run(net::WorkClass::bulk, std::move(begin));
    const IndexTask before = task;
    while (!run->progress().is_done && !is_stopping_) {
        auto step = [&run](store::AccountStore&) { return run->step(kStep); };
        const auto done = co_await account->run(net::WorkClass::bulk, std::move(step));
        const auto& progress = run->progress();
        task.messages = before.messages + progress.all;
        task.messages_done = before.messages_done + progress.done;
        if (done) continue;
        task.failures.push_back(address + ": " + std::string(describe(done.error())));
        break;
    }
    account->undone() = {};
    take(task, address, run->progress());
}

void IndexTasks::take(IndexTask& task, const std::string& address, const store::IndexProgress& progress)
{
    task.differences += progress.differences;
    for (const auto& difference : progress.told) {
        if (task.told.size() < kMostTold) task.told.push_back(address + ": " + difference);
    }
}

}  // namespace mbx::admin
