// Makes behind delivery what messages do not need to be there: parsed columns soon, the index of texts when the box is
// idle. One step of a few milliseconds at a time, as bulk work on the account's strand. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "co/task.hpp"
#include "net/loop.hpp"
#include "store/store.hpp"

namespace mbx::store {

struct BackgroundFillOptions {
    std::chrono::milliseconds step{2};         // of work before the strand serves others: what a SELECT may have to wait
    std::chrono::milliseconds look{1000};      // how often an idle box is looked at
    std::chrono::milliseconds rest{30};        // between two steps while mail comes in: a tenth of one core at most
    std::chrono::milliseconds quiet{2000};     // without changes of any account: the box is idle
    std::chrono::milliseconds pause{50};       // since a session's last command: before, an account's steps wait,
    std::chrono::milliseconds most_pause{300};  // but not longer than this
    std::chrono::milliseconds patience{60'000};  // under load without an end, texts wait no longer than this
};

class BackgroundFill {
public:
    BackgroundFill(Store& store, net::Loop& loop, const Clock& clock, Metrics& metrics, BackgroundFillOptions options);

    // Until stop(); one at a time. What it fails at is logged by the store and tried again after the account's next change.
    co::Task<void> run();
    void stop();
    bool is_idle() const { return is_idle_; }  // the last look found nothing to do

private:
    co::Task<bool> round();
    co::Task<void> rest_if_busy();
    co::Task<bool> step(std::shared_ptr<Account> account, bool texts);
    void look_at_changes();
    bool is_to_wait(const Account& account);
    bool is_anything_undone() const;
    std::vector<std::weak_ptr<Account>> open_accounts() const;
    bool is_busy() const { return clock_.steady() - last_change_ < options_.quiet; }

    Store& store_;
    const Clock& clock_;
    Counter& steps_;
    Gauge& backlog_;
    BackgroundFillOptions options_;
    net::Timer timer_;
    bool is_stopping_ = false;
    bool is_idle_ = false;
    bool has_waited_ = false;  // in this round
    std::uint64_t changes_ = 0;
    SteadyTime last_change_;
    SteadyTime busy_since_;
};

}  // namespace mbx::store
