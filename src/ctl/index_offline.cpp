// mailboxctl index check, index rebuild without the daemon. The journal is opened and its records are applied as the
// daemon does it, so that an unclean end costs nothing; what was accepted is placed, and a checkpoint ends it.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "base/directory_lock.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "config/load.hpp"
#include "co/scope.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/index_task.hpp"
#include "directory/directory.hpp"
#include "net/workers.hpp"
#include "store/index_run.hpp"
#include "store/store.hpp"
#include "store/volume_marker.hpp"

namespace mbx::ctl {
namespace {

constexpr std::chrono::milliseconds kStep{100};
constexpr unsigned kThreads = 3;

Error offline_error(std::string happened, std::string advice)
{
    return Error{"working without the daemon", std::move(happened), std::move(advice)};
}

// Files that root made could not be opened by the daemon afterwards.
std::optional<Error> become_owner_of(const std::string& directory)
{
    struct stat info{};
    if (::stat(directory.c_str(), &info) != 0) return offline_error(directory + " is not there", "use --data");
    if (::geteuid() != 0 || info.st_uid == 0) return std::nullopt;
    const bool done = ::setgroups(0, nullptr) == 0 && ::setresgid(info.st_gid, info.st_gid, info.st_gid) == 0 &&
                      ::setresuid(info.st_uid, info.st_uid, info.st_uid) == 0;
    if (done) return std::nullopt;
    return offline_error("the owner of " + directory + " cannot be taken on", "run mailboxctl as root or as that user");
}

// What an offline command works with; gone in the reverse of this order.
struct Bench {
    Bench() = default;
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    PosixFileSystem files;
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    Log log{std::make_shared<LogWriter>(STDERR_FILENO, LogFormat::key_value, LogLevel::warning), "mailboxctl"};
    net::Loop loop;
    net::Workers workers{loop, kThreads, 1};
    bool has_failed = false;  // the disk under the mail
    std::unique_ptr<directory::Directory> directory;
    std::unique_ptr<store::MailJournal> journal;
    std::unique_ptr<store::Store> store;
};

Result<void, Error> open_bench(Bench& bench, const std::string& data)
{
    const std::string accounts = data + "/directory.db";
    if (!bench.files.info(accounts)) return offline_error(accounts + " is not there", "use --data");
    const auto volume = store::open_volume(bench.files, bench.random, data);
    if (!volume) return volume.error();
    auto directory = directory::Directory::open(accounts, bench.workers);
    if (!directory) return directory.error();
    bench.directory = *std::move(directory);
    store::MailJournalOptions wanted;
    wanted.journal.directory = data + "/journal";
    wanted.identity = volume->journal;
    const auto failed = [&bench] { bench.has_failed = true; };
    auto journal = store::MailJournal::open(bench.loop, bench.files, bench.clock, bench.metrics, bench.log,
                                            std::move(wanted), failed);
    if (!journal) return journal.error();
    bench.journal = *std::move(journal);
    if (auto noted = store::note_started(bench.files, data, *volume); !noted) return noted.error();
    store::StoreOptions options;
    options.root = data + "/mail";
    options.watch_directories = false;
    bench.store = std::make_unique<store::Store>(bench.loop, bench.files, bench.workers, *bench.journal, bench.clock,
                                                 bench.random, bench.metrics, bench.log, std::move(options), failed);
    return {};
}

std::vector<store::AccountKey> accounts_of(Bench& bench, const Arguments& arguments)
{
    std::vector<store::AccountKey> keys;
    const std::string wanted = ascii::to_lower(arguments.name);
    const auto snapshot = bench.directory->snapshot();
    for (const auto& account : snapshot->accounts()) {
        if (!arguments.all && account.address() != wanted) continue;
        keys.push_back({account.id.value, account.local_part, account.domain});
    }
    return keys;
}

co::Task<void> run_account(Bench& bench, store::AccountKey key, IndexTaskDocument& task, IndexProgressLine& line)
{
    const std::string address = key.local_part + "@" + key.domain;
    const auto opened = co_await bench.store->account(std::move(key));
    if (!opened) {
        task.failures.push_back(address + ": its mail cannot be opened");
        co_return;
    }
    const std::shared_ptr<store::Account> account = *opened;
    const bool is_check = task.work == "check";
    auto begin = [is_check](store::AccountStore& held) { return is_check ? held.check_index() : held.rebuild_index(); };
    const auto work = co_await account->run(net::WorkClass::bulk, std::move(begin));
    const IndexTaskDocument before = task;
    while (!work->progress().is_done) {
        auto step = [&work](store::AccountStore&) { return work->step(kStep); };
        const auto done = co_await account->run(net::WorkClass::bulk, std::move(step));
        task.messages = before.messages + work->progress().all;
        task.messages_done = before.messages_done + work->progress().done;
        line.tell(task);
        if (done) continue;
        task.failures.push_back(address + ": the disk or the index failed");
        co_return;
    }
    task.differences += work->progress().differences;
    for (const auto& told : work->progress().told) task.told.push_back(address + ": " + told);
    ++task.accounts_done;
}

co::Task<void> run_accounts(Bench& bench, std::vector<store::AccountKey> keys, IndexTaskDocument& task,
                            IndexProgressLine& line)
{
    bench.store->start();
    for (auto& key : keys) {
        if (!bench.has_failed) co_await run_account(bench, std::move(key), task, line);
    }
    co_await bench.store->stop();
}

int work_offline(Run run, const std::string& data)
{
    Bench bench;
    if (const auto opened = open_bench(bench, data); !opened) return run.fail(opened.error(), kFailed);
    auto keys = accounts_of(bench, run.arguments);
    if (keys.empty() && !run.arguments.all) {
        return run.fail(offline_error("there is no account " + run.arguments.name + " in " + data, "--all takes every one"),
                        kFailed);
    }
    IndexTaskDocument task;
    task.work = run.arguments.command == Command::index_check ? "check" : "rebuild";
    task.accounts = keys.size();
    IndexProgressLine line(run);
    const auto began = std::chrono::steady_clock::now();
    {
        co::Scope scope;
        scope.spawn(run_accounts(bench, std::move(keys), task, line));
        bench.loop.run();
    }
    line.end();
    bench.journal->journal().close(bench.store->checkpoints().reached());
    if (bench.has_failed) task.failures.emplace_back("the disk under the mail failed; the log above says where");
    task.state = "done";
    return report_index_task(run, task, std::chrono::steady_clock::now() - began);
}

}  // namespace

int run_index_offline(Run run)
{
    std::string data = run.arguments.data_directory;
    if (data.empty()) {
        const auto loaded = config::load(run.config_path());
        if (!loaded) return run.fail(offline_error("the configuration cannot be read", "use --data"), kFailed);
        data = loaded->settings.server.data_directory;
    }
    const auto lock = DirectoryLock::take(data);
    if (!lock && lock.error().code == EWOULDBLOCK) {
        return run.fail(offline_error("a daemon runs on " + data, "leave --offline away, or stop the daemon"), kFailed);
    }
    if (!lock) return run.fail(offline_error(data + ": " + lock.error().name(), "use --data"), kFailed);
    if (const auto wrong = become_owner_of(data)) return run.fail(*wrong, kFailed);
    return work_offline(run, data);
}

}  // namespace mbx::ctl
