// mailboxctl index check, index rebuild: through the daemon, which goes on with mail meanwhile, or without it on the data
// directory itself.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "base/directory_lock.hpp"
#include "config/load.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/session.hpp"
#include "ctl/views.hpp"
#include "store/account_store.hpp"
#include "store/mailbox_name.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::ordered_json;
using Clocks = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{200};
constexpr std::chrono::milliseconds kStep{100};
constexpr std::chrono::seconds kTellEvery{2};  // where no terminal shows a line that changes
constexpr const char* kTasks = "/api/v1/index/tasks";

// The API's document of one task.
struct TaskDocument {
    std::uint64_t id = 0;
    std::string work;
    std::string state = "running";
    std::uint64_t accounts = 0;
    std::uint64_t accounts_done = 0;
    std::uint64_t messages = 0;
    std::uint64_t messages_done = 0;
    std::uint64_t differences = 0;
    std::vector<std::string> told;
    std::vector<std::string> failures;
};

std::string to_json(const TaskDocument& task)
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

Result<TaskDocument, Error> read_task(const std::string& text)
{
    const auto document = ordered_json::parse(text, nullptr, false);
    TaskDocument task;
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

// "12 of 300 messages, 1 of 4 accounts", now and then, on standard error.
class Progress {
public:
    explicit Progress(Run run) : run_(run), is_shown_(!run.arguments.quiet && !run.arguments.json) {}

    void tell(const TaskDocument& task)
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
    void end()
    {
        if (std::exchange(has_line_, false)) run_.terminal.complain("\r\x1b[K");
    }

private:
    Run run_;
    bool is_shown_;
    bool has_line_ = false;
    Clocks::time_point told_ = Clocks::now();
};

std::string rate_of(std::uint64_t messages, Clocks::duration time)
{
    const auto ms = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
    const auto rate = messages * 1000 / static_cast<std::uint64_t>(ms);
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s (" + std::to_string(rate) + "/s)";
}

int report(Run run, const TaskDocument& task, Clocks::duration time)
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

int run_online(Run run)
{
    const auto began = Clocks::now();
    ordered_json body = {{"work", run.arguments.command == Command::index_check ? "check" : "rebuild"}};
    if (!run.arguments.all) body["account"] = run.arguments.name;
    Call call{http::Method::post, kTasks, body.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
    Progress progress(run);
    while (true) {
        const auto answer = call_daemon(run.socket_path(), call);
        if (!answer) return run.fail(answer.error().error, answer.error().is_unreachable ? kUnreachable : kFailed);
        if (answer->status >= 400) return run.fail(read_problem(answer->status, answer->body), kFailed);
        const auto task = read_task(answer->body);
        if (!task) return run.fail(task.error(), kFailed);
        progress.tell(*task);
        if (task->state != "running") {
            progress.end();
            return report(run, *task, Clocks::now() - began);
        }
        call = Call{http::Method::get, std::string(kTasks) + "/" + std::to_string(task->id), ""};
        std::this_thread::sleep_for(kPoll);
    }
}

Error offline_error(std::string happened, std::string advice)
{
    return Error{"working without the daemon", std::move(happened), std::move(advice)};
}

// Files that root made could not be opened by the daemon afterwards.
std::optional<Error> become_owner_of(const std::string& directory)
{
    struct stat info{};
    if (::stat(directory.c_str(), &info) != 0) return offline_error(directory + " is not there", "use --data-dir");
    if (::geteuid() != 0 || info.st_uid == 0) return std::nullopt;
    const bool done = ::setgroups(0, nullptr) == 0 && ::setresgid(info.st_gid, info.st_gid, info.st_gid) == 0 &&
                      ::setresuid(info.st_uid, info.st_uid, info.st_uid) == 0;
    if (done) return std::nullopt;
    return offline_error("the owner of " + directory + " cannot be taken on", "run mailboxctl as root or as that user");
}

// The accounts' directories below mail/, sorted; of one account or of all. `name` as "local@domain".
struct MailPlace {
    std::string name;
    std::string path;
};
std::vector<MailPlace> places_of(FileSystem& files, const std::string& mail, const Arguments& arguments)
{
    std::vector<MailPlace> places;
    if (!arguments.all) {
        const auto at = arguments.name.rfind('@');
        if (at == std::string::npos) return places;
        const std::string path = mail + "/" + store::path_component(arguments.name.substr(at + 1)) + "/" +
                                 store::path_component(arguments.name.substr(0, at));
        if (files.info(path)) places.push_back({arguments.name, path});
        return places;
    }
    const auto domains = files.list(mail);
    if (!domains) return places;
    for (const auto& domain : *domains) {
        if (domain.name.starts_with('.')) continue;  // removed accounts' mail
        const auto accounts = files.list(mail + "/" + domain.name);
        if (!accounts) continue;
        for (const auto& account : *accounts) {
            if (account.kind != FileKind::directory) continue;
            places.push_back({account.name + "@" + domain.name, mail + "/" + domain.name + "/" + account.name});
        }
    }
    std::ranges::sort(places, {}, &MailPlace::path);
    return places;
}

// What an offline command works with.
struct Bench {
    PosixFileSystem files;
    SystemClock clock;
    SystemRandom random;
    Log log{std::make_shared<LogWriter>(STDERR_FILENO, LogFormat::key_value, LogLevel::warning), "store"};
};

void run_place(Bench& bench, const MailPlace& place, TaskDocument& task, Progress& progress)
{
    const auto opened = store::AccountStore::open(bench.files, place.path, bench.clock, bench.random, bench.log, {});
    if (!opened) {
        task.failures.push_back(place.name + ": its mail cannot be opened");
        return;
    }
    store::AccountStore& account = **opened;
    const auto work = task.work == "check" ? account.check_index() : account.rebuild_index();
    const TaskDocument before = task;
    while (!work->progress().is_done) {
        const auto done = work->step(kStep);
        task.messages = before.messages + work->progress().all;
        task.messages_done = before.messages_done + work->progress().done;
        progress.tell(task);
        if (done) continue;
        task.failures.push_back(place.name + ": the disk or the index failed");
        return;
    }
    task.differences += work->progress().differences;
    for (const auto& line : work->progress().told) task.told.push_back(place.name + ": " + line);
    account.settle();
    ++task.accounts_done;
}

int run_offline(Run run)
{
    const Arguments& arguments = run.arguments;
    std::string data = arguments.data_directory;
    if (data.empty()) {
        const auto loaded = config::load(run.config_path());
        if (!loaded) return run.fail(offline_error("the configuration cannot be read", "use --data-dir"), kFailed);
        data = loaded->settings.server.data_directory;
    }
    const auto lock = DirectoryLock::take(data);
    if (!lock && lock.error().code == EWOULDBLOCK) {
        return run.fail(offline_error("a daemon runs on " + data, "leave --offline away, or stop the daemon"), kFailed);
    }
    if (!lock) return run.fail(offline_error(data + ": " + lock.error().name(), "use --data-dir"), kFailed);
    if (const auto wrong = become_owner_of(data)) return run.fail(*wrong, kFailed);
    Bench bench;
    const auto places = places_of(bench.files, data + "/mail", arguments);
    if (places.empty() && !arguments.all) {
        return run.fail(offline_error("there is no mail of " + arguments.name + " in " + data, "--all takes every account"),
                        kFailed);
    }
    TaskDocument task;
    task.work = arguments.command == Command::index_check ? "check" : "rebuild";
    task.accounts = places.size();
    Progress progress(run);
    const auto began = Clocks::now();
    for (const auto& place : places) run_place(bench, place, task, progress);
    progress.end();
    task.state = "done";
    return report(run, task, Clocks::now() - began);
}

}  // namespace

int run_index(Run run)
{
    if (run.arguments.name.empty() && !run.arguments.all) {
        return run.fail(Error{"looking after an index", "no account is named", "give its address, or --all"}, kUsage);
    }
    return run.arguments.offline ? run_offline(run) : run_online(run);
}

}  // namespace mbx::ctl
