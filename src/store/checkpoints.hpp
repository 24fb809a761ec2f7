// What lets the journal forget: everything up to a number is applied to files and indexes of all accounts, then synced
// with its file systems, then the journal is told (STORE.md 3, docs/journal.md). Loop thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "co/event.hpp"
#include "co/scope.hpp"
#include "journal/commit_waiters.hpp"
#include "net/workers.hpp"

namespace mbx::store {

// Numbers that no checkpoint may reach yet: of a message that is owed, of an account whose replay has not run. It
// outlives its holds. Loop thread.
class CheckpointFloor {
public:
    class Hold {
    public:
        Hold() = default;
        Hold(Hold&& other) noexcept : floor_(std::exchange(other.floor_, nullptr)), lsn_(other.lsn_) {}
        Hold& operator=(Hold&& other) noexcept
        {
            std::swap(floor_, other.floor_);
            std::swap(lsn_, other.lsn_);
            return *this;
        }
        ~Hold()
        {
            if (floor_ != nullptr) floor_->held_.erase(floor_->held_.find(lsn_));
        }

    private:
        friend class CheckpointFloor;
        Hold(CheckpointFloor* floor, journal::Lsn lsn) : floor_(floor), lsn_(lsn) {}
        CheckpointFloor* floor_ = nullptr;
        journal::Lsn lsn_ = 0;
    };

    // No checkpoint reaches `lsn` while the hold lives.
    [[nodiscard]] Hold hold(journal::Lsn lsn)
    {
        held_.insert(lsn);
        return {this, lsn};
    }
    // The highest number up to `last` that nobody holds.
    journal::Lsn bound(journal::Lsn last) const
    {
        return held_.empty() ? last : std::min(last, *held_.begin() - std::min<journal::Lsn>(*held_.begin(), 1));
    }
    std::size_t size() const { return held_.size(); }

private:
    std::multiset<journal::Lsn> held_;
};

struct CheckpointOptions {
    std::chrono::milliseconds interval{1000};
    // A checkpoint does not wait for its interval with that much above the last one …
    journal::Journal::Backlog hurry{64ULL << 20U, 5'000};
    // … and accept() waits for a checkpoint with that much.
    journal::Journal::Backlog most{256ULL << 20U, 20'000};
};

class Checkpoints {
public:
    // What outlives them. `volumes`: of every file system that holds mail or spool, held open since the start.
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        const Clock& clock;
        Metrics& metrics;
        Log log;
        journal::Journal& journal;
        journal::CommitWaiters& waiters;
        std::vector<std::shared_ptr<Volume>> volumes;
    };
    // Has every account commit to its index what it applied until now. False: one of them could not.
    using Commit = std::function<co::Task<bool>()>;
    // `failed` is called once when a sync or the journal failed: the process is to end.
    Checkpoints(Ground ground, Commit commit, CheckpointOptions options, std::function<void()> failed);
    ~Checkpoints();  // after stop(), and with nobody waiting
    Checkpoints(const Checkpoints&) = delete;
    Checkpoints& operator=(const Checkpoints&) = delete;

    // A checkpoint that covers what was applied before the call, as far as nothing is owed; answers the number that is
    // applied, synced and recorded as such. After a failure the number of the last good one.
    co::Task<journal::Lsn> run_now();
    journal::Lsn reached() const { return reached_; }

    // `call` runs on the loop once a checkpoint has passed `lsn`; never when the process ends before.
    void after(journal::Lsn lsn, std::function<void()> call);

    // From start() on checkpoints happen by themselves when something was appended: once in an interval, sooner when
    // nudge() finds much of it. stop() ends that and waits for what is under way.
    void start();
    // Something was appended: cheap, looks at the backlog now and then.
    void nudge();
    co::Task<void> stop();

    // Whether there is room for another acceptance below `most`; waits for checkpoints for it. False: the journal has
    // failed, or the wait took longer than `most`.
    co::Task<bool> wait_for_room(std::chrono::milliseconds most);
    bool has_room() const;
    // Half of what is allowed stands above the last checkpoint: what cannot be applied must get out of its way.
    bool is_half_full() const;
    bool has_failed() const { return has_failed_; }
    // Nothing may be acknowledged any more: as after a failed sync.
    void give_up(std::string_view what);
    CheckpointFloor& floor() { return floor_; }

private:
    co::Task<void> run_once();
    co::Task<void> keep_running();
    Result<void, FileError> sync_volumes() const;  // worker
    void call_those_below();
    bool exceeds(const journal::Journal::Backlog& limit) const;

    Ground ground_;
    Commit commit_;
    CheckpointFloor floor_;
    CheckpointOptions options_;
    std::function<void()> failed_;
    journal::Lsn reached_ = 0;
    std::uint64_t begun_ = 0;     // runs
    std::uint64_t ended_ = 0;
    bool is_running_ = false;
    bool is_started_ = false;
    bool is_stopping_ = false;
    bool has_failed_ = false;
    std::vector<std::pair<journal::Lsn, std::function<void()>>> calls_;
    net::Timer timer_;
    co::Event run_ended_;
    co::Event room_;
    co::Scope tasks_;
    unsigned nudges_ = 0;
    Counter& runs_;
    Histogram& seconds_;
    Gauge& backlog_records_;
    Gauge& backlog_bytes_;
};

}  // namespace mbx::store
