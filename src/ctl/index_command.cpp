// mailboxctl index check, index rebuild: through the daemon, which goes on with mail meanwhile, or without it.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "ctl/complaints.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/index_task.hpp"
#include "ctl/views.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds kPoll{200};
constexpr const char* kTasks = "/api/v1/index/tasks";

int run_online(Run run)
{
    const auto began = std::chrono::steady_clock::now();
    ordered_json body = {{"work", run.arguments.command == Command::index_check ? "check" : "rebuild"}};
    if (!run.arguments.all) body["account"] = run.arguments.name;
    Call call{http::Method::post, kTasks, body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
    IndexProgressLine progress(run);
    while (true) {
        const auto answer = call_daemon(run.socket_path(), call);
        if (!answer) return run.fail(answer.error().error, answer.error().is_unreachable ? kUnreachable : kFailed);
        if (answer->status >= 400) return run.fail(read_problem(answer->status, answer->body), kFailed);
        const auto task = read_index_task(answer->body);
        if (!task) return run.fail(task.error(), kFailed);
        progress.tell(*task);
        if (task->state != "running") {
            progress.end();
            return report_index_task(run, *task, std::chrono::steady_clock::now() - began);
        }
        call = Call{http::Method::get, std::string(kTasks) + "/" + std::to_string(task->id), ""};
        std::this_thread::sleep_for(kPoll);
    }
}

}  // namespace

int run_index(Run run)
{
    if (run.arguments.name.empty() && !run.arguments.all) {
        return run.fail(Error{"looking after an index", "no account is named", "give its address, or --all"}, kUsage);
    }
    if (const auto wrong = find_text_complaint(run.arguments)) return run.fail(*wrong, kUsage);
    return run.arguments.offline ? run_index_offline(run) : run_online(run);
}

}  // namespace mbx::ctl
