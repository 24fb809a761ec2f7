// One check or rebuild of indexes as mailboxctl sees it: the API's document of it, how it is shown while it goes on, and
// what is said at its end. Private to ctl/.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "ctl/session.hpp"

namespace mbx::ctl {

struct IndexTaskDocument {
    std::uint64_t id = 0;
    std::string work;  // "check", "rebuild"
    std::string state = "running";
    std::uint64_t accounts = 0;
    std::uint64_t accounts_done = 0;
    std::uint64_t messages = 0;
    std::uint64_t messages_done = 0;
    std::uint64_t differences = 0;
    std::vector<std::string> told;
    std::vector<std::string> failures;
};

// Of the daemon's answer.
Result<IndexTaskDocument, Error> read_index_task(const std::string& text);

// "12 of 300 messages, 1 of 4 accounts", now and then, on standard error.
class IndexProgressLine {
public:
    explicit IndexProgressLine(Run run) : run_(run), is_shown_(!run.arguments.quiet && !run.arguments.json) {}
    void tell(const IndexTaskDocument& task);
    void end();

private:
    Run run_;
    bool is_shown_;
    bool has_line_ = false;
    std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

// Prints what came of it and answers the exit code.
int report_index_task(Run run, const IndexTaskDocument& task, std::chrono::steady_clock::duration time);

// index_offline.cpp: without the daemon, which must not run, on the data directory itself.
int run_index_offline(Run run);

}  // namespace mbx::ctl
