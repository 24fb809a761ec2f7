// Takes in what sendmail left in the drop directory while the daemon did not run or could not take it: at the start, whenever
// something appears there, and now and then (docs/sendmail.md). Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "co/scope.hpp"
#include "sendmail/drop_files.hpp"
#include "sendmail/drop_verdict.hpp"
#include "daemon/report_intake.hpp"
#include "net/directory_watch.hpp"
#include "net/loop.hpp"
#include "net/workers.hpp"
#include "queue/report.hpp"
#include "smtp/server.hpp"

namespace mbx::daemon {

class DropPickup {
public:
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        const Clock& clock;
        Metrics& metrics;
        Log log;
        smtp::Server& smtp;
        ReportIntake& reports;
        queue::ComposeReport compose;
    };
    struct Options {
        std::string directory;  // empty: nothing is taken in; a new one counts from the next start on
        std::string host_name;
        std::uint64_t max_message_bytes = 0;
        std::chrono::milliseconds give_up_after{};
    };
    DropPickup(Ground ground, Options options);
    DropPickup(const DropPickup&) = delete;
    DropPickup& operator=(const DropPickup&) = delete;

    void start();
    // What is under way comes to its end or is put off; nothing is lost by that.
    void stop();
    co::Task<void> finished() { return tasks_.finished(); }
    void set_options(Options options);
    // What an administrator should look at, in sentences.
    std::vector<std::string> complaints() const;

private:
    using File = std::shared_ptr<const sendmail::DropFile>;
    co::Task<void> run();
    co::Task<void> sweep();
    co::Task<void> take(std::string name);
    co::Task<void> hand_in(std::string name, File file, std::string script);
    co::Task<void> settle(std::string name, File file, sendmail::DropVerdict verdict);
    co::Task<bool> report(File file, sendmail::DropVerdict verdict);
    co::Task<void> remove(std::string name);
    co::Task<void> set_aside(std::string name, std::string why, std::string user);
    void watch();
    void put_off(const std::string& name);
    void tell_trouble(const std::string& trouble);
    void tell_foreign(sendmail::DropCount found);
    void tell_stuck(std::vector<std::string>& all) const;
    co::Task<void> count_aside();
    bool is_too_old(const sendmail::DropFile& file) const;

    Ground ground_;
    Options options_;
    Counter& taken_in_;
    Counter& set_aside_;
    std::size_t waiting_ = 0;                        // when we looked last
    sendmail::DropCount foreign_;                    // likewise
    sendmail::DropCount aside_;                      // likewise, and after what was set aside then
    bool is_foreign_told_ = false;
    std::unique_ptr<net::DirectoryWatch> watch_;
    net::Timer timer_;
    co::Scope tasks_;
    struct PutOff {
        SteadyTime until{};
        std::chrono::seconds wait{};                 // twice as long each time
    };
    std::map<std::string, PutOff> put_off_;          // of names that are there
    // What cannot be removed or moved, and why it should have been: never taken in again.
    std::map<std::string, std::string> untaken_;     // and was not taken in before either
    std::set<std::string> untouched_;                // and was
    std::string trouble_;                            // told already
    bool is_told_ = false;                           // something appeared since the last look
    bool is_stopping_ = false;
};

}  // namespace mbx::daemon
