// The process: start, reload, stop, watchdog. Loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/directory_lock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "co/event.hpp"
#include "co/scope.hpp"
#include "config/load.hpp"
#include "daemon/listeners.hpp"
#include "daemon/services.hpp"
#include "daemon/worker_probe.hpp"
#include "net/loop.hpp"
#include "net/signals.hpp"
#include "net/systemd.hpp"
#include "net/workers.hpp"

namespace mbx::daemon {

// SIGTERM, SIGINT and SIGHUP come through only while the loop runs and handles them. Threads that are made meanwhile
// never take one; at the end a late one does not end the process as if it had failed.
class HeldSignals {
public:
    HeldSignals();
    void hold();
    void release();

private:
    static void mask(int how);
};

class Daemon {
public:
    explicit Daemon(config::Loaded loaded);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Binds, becomes the own user, opens the data, listens. After it fails nothing serves.
    Result<void, Error> start();

    // Serves until SIGTERM, SIGINT or `mailboxctl stop`. What is under way gets server.stop_timeout to finish; a second
    // signal ends it at once. False: the disk failed, and whoever started the process is to start it anew.
    bool run();

private:
    using Reload = Result<std::vector<config::Change>, Error>;

    Result<void, Error> prepare_directories();
    admin::Hooks hooks();
    admin::SystemFacts facts();
    void listen();
    void begin_stop();
    void fail();
    std::string what_hangs() const;  // empty: nothing
    void tell_unknown_users() const;
    co::Task<void> watch_disk();
    void reload_by_signal();
    co::Task<void> stop();
    co::Task<void> wait_for_sessions();
    co::Task<void> feed_watchdog(std::chrono::milliseconds interval);
    co::Task<void> purge_now_and_then();
    co::Task<Reload> reload();
    struct Fresh;
    static Fresh read_again(const std::string& path);
    Reload take(Fresh fresh);

    HeldSignals held_signals_;  // before the first thread
    config::Loaded loaded_;
    DirectoryLock data_lock_;  // of the data directory: an offline tool or a second daemon must not be in it
    SystemClock clock_;
    SystemRandom random_;
    PosixFileSystem files_;
    Metrics metrics_;
    Counter& messages_in_;  // intake counts them
    std::shared_ptr<LogWriter> writer_;
    Log log_;
    WallTime started_;
    net::SystemdNotifier systemd_;

    net::Loop loop_;
    net::Timer watchdog_timer_;
    net::Timer purge_timer_;
    net::Timer stop_timer_;
    net::Timer journal_timer_;
    OpenListeners listeners_;
    std::unique_ptr<net::Workers> workers_;    // after the privileges are dropped
    std::unique_ptr<WorkerProbe> workers_probe_;
    std::unique_ptr<Services> services_;
    std::unique_ptr<net::Signals> signals_;
    co::Scope tasks_;
    bool is_ready_ = false;
    bool is_stopping_ = false;
    bool has_failed_ = false;       // the disk under the mail
    unsigned journal_waits_ = 0;    // seconds in which the journal's disk has not answered
    bool is_work_late_ = false;
    bool is_reloading_ = false;
    co::Event reloaded_;
    bool sessions_are_gone_ = false;  // after is_stopping_
};

}  // namespace mbx::daemon
