// The queue in its place: the journal as its ledger, intake as the way of its reports, what the last run left. Loop thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "config/settings.hpp"
#include "daemon/report_intake.hpp"
#include "intake/queue_ledger.hpp"
#include "queue/queue.hpp"

namespace mbx::daemon {

class OutgoingQueue {
public:
    // All outlive it.
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        FileSystem& files;
        const Clock& clock;
        Random& random;
        Metrics& metrics;
        const Log& log;
        store::Store& store;
        intake::Intake& intake;
        directory::Directory& directory;
        const policy::Srs& srs;
        queue::Transport& transport;
        trace::Recorder& recorder;
        std::function<void()> failed;  // nothing may be acknowledged any more: the process is to end
    };
    // Blocking (opens the schedule). From here on intake hands over what goes elsewhere, and checkpoints ask.
    OutgoingQueue(Ground ground, const config::Settings& settings);
    OutgoingQueue(const OutgoingQueue&) = delete;
    OutgoingQueue& operator=(const OutgoingQueue&) = delete;

    // Before the store starts: takes what the journal left for the queue, which keeps it there.
    void take_over();
    // Puts that into files, and begins to deliver; tried again while the disk does not allow it: what came and what is left stays
    // in the journal meanwhile, and everything else goes on.
    co::Task<void> start();
    // Ends start() where it waits; before stop().
    void give_up_waiting();
    co::Task<void> stop();
    void set_options(const config::Settings& settings);
    queue::Queue& queue() { return queue_; }
    // For reports about mail that was not the queue's; their record is empty.
    ReportIntake& reports() { return reports_; }
    // Sentences for health and status; empty: all is well.
    std::vector<std::string> complaints() const;

private:
    co::Task<void> look_after_unread();
    Log log_;
    net::Timer again_;
    intake::QueueLedger ledger_;
    ReportIntake reports_;
    queue::Queue queue_;
    std::vector<queue::RecoveredArrival> arrivals_;
    std::vector<std::string> changes_;
    std::vector<queue::Ledger::Hold> holds_;  // of the changes
    std::vector<std::string> unread_;         // ids of messages that this version cannot read
    bool is_late_ = false;                    // what the last run left could not be put into its place yet
    bool is_started_ = false;
    bool is_stopping_ = false;
};

}  // namespace mbx::daemon
