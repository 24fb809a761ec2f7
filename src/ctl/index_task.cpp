#include "ctl/index_task.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "ctl/exit_code.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::ordered_json;
using Clocks = std::chrono::steady_clock;

constexpr std::chrono::seconds kTellEvery{2};  // where no terminal shows a line that changes

std::string to_json(const IndexTaskDocument& task)
{
    const ordered_json document = {{"id", task.id},
                                   {"work", task.work},
                                   {"state", task.state},
                                   {"accounts", task.accounts},
                                   {"accounts_done", task.accounts_done},
                                   {"messages", task.messages},
                                   {"messages_done", task.messages_done},
                                   {"differences", task.differences},
                                   {"told", task.told},
                                   {"failures", task.failures}};
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string rate_of(std::uint64_t messages, Clocks::duration time)
{
    const auto ms = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
    const auto rate = messages * 1000 / static_cast<std::uint64_t>(ms);
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s (" + std::to_string(rate) + "/s)";
}

}  // namespace

Result<IndexTaskDocument, Error> read_index_task(const std::string& text)
{
    const auto document = ordered_json::parse(text, nullptr, false);
    IndexTaskDocument task;
    try {
        task.id = document.at("id");
        task.work = document.at("work");
        task.state = document.at("state");
        task.accounts = document.at("accounts");
        task.accounts_done = document.at("accounts_done");
        task.messages = document.at("messages");
        task.messages_done = document.at("messages_done");
        task.differences = document.at("differences");
        task.told = document.at("told").get<std::vector<std::string>>();
        task.failures = document.at("failures").get<std::vector<std::string>>();
    } catch (const ordered_json::exception&) {
        return Error{"reading the server's answer", "it is not what this mailboxctl knows", "use the same version of both"};
    }
    return task;
}

void IndexProgressLine::tell(const IndexTaskDocument& task)
{
    if (!is_shown_) return;
    const bool is_live = run_.terminal.is_interactive();
    if (!is_live && Clocks::now() - told_ < kTellEvery) return;
    told_ = Clocks::now();
    const std::string text = std::to_string(task.messages_done) + " of " + std::to_string(task.messages) +
                             " messages, " + std::to_string(task.accounts_done) + " of " +
                             std::to_string(task.accounts) + " accounts";
    run_.terminal.complain(is_live ? "\r" + text + "\x1b[K" : text + "\n");
    has_line_ = is_live;
}

void IndexProgressLine::end()
{
    if (std::exchange(has_line_, false)) run_.terminal.complain("\r\x1b[K");
}

int report_index_task(Run run, const IndexTaskDocument& task, std::chrono::steady_clock::duration time)
{
    const bool is_good = task.differences == 0 && task.failures.empty() && task.state == "done";
    if (run.arguments.json) {
        run.terminal.print(to_json(task));
        return is_good ? kDone : kFailed;
    }
    for (const auto& line : task.told) run.terminal.print(line + "\n");
    for (const auto& line : task.failures) run.terminal.complain("mailboxctl: " + line + "\n");
    if (task.state == "stopped") run.terminal.complain("mailboxctl: the server stopped before it was done\n");
    if (run.arguments.quiet) return is_good ? kDone : kFailed;
    std::string text = task.work == "check" ? "checked " : "rebuilt ";
    text += std::to_string(task.messages_done) + " messages of " + std::to_string(task.accounts_done) + " accounts in " +
            rate_of(task.messages_done, time);
    if (task.work == "check") text += ": " + std::to_string(task.differences) + " differences";
    run.terminal.print(text + "\n");
    return is_good ? kDone : kFailed;
}

}  // namespace mbx::ctl
