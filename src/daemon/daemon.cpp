#include "daemon/daemon.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

#include "daemon/outbound_options.hpp"
#include "daemon/privileges.hpp"
#include "daemon/protocol_options.hpp"
#include "daemon/version.hpp"

namespace mbx::daemon {
namespace {

constexpr int kStandardError = 2;
constexpr auto kPurgeInterval = std::chrono::hours(1);
constexpr auto kJournalInterval = std::chrono::seconds(1);
constexpr unsigned kJournalPatience = 5;
// Seconds without an answer after which the watchdog is no longer fed: somebody else is to take over.
constexpr unsigned kWatchdogPatience = 30;

std::string tls_of(Service service, bool has_certificate)
{
    if (service == Service::submissions || service == Service::imaps || service == Service::pop3s) return "implicit";
    const bool offers = service == Service::smtp || service == Service::submission || service == Service::lmtp || service == Service::imap ||
                        service == Service::pop3;
    return offers && has_certificate ? "starttls" : "none";
}

void set_levels(LogWriter& writer, const config::LogSettings& settings)
{
    writer.set_level(settings.level);
    writer.set_component_levels(settings.components);
}

Error first_of(const std::vector<config::ConfigError>& errors)
{
    std::string all;
    for (const auto& error : errors) all += (all.empty() ? "" : "\n") + error.text();
    return Error{"reading the configuration", all, "the running configuration stays as it is"};
}

void find_trusted_users(config::Settings& settings)
{
    auto found = find_users(settings.sendmail.trusted_users);
    settings.sendmail.trusted_uids = std::move(found.uids);
    settings.sendmail.unknown_users = std::move(found.unknown);
}

}  // namespace

// What a reload finds, or why it is refused.
struct Daemon::Fresh {
    explicit Fresh(Error why) : refusal(std::move(why)) {}
    Fresh(config::Loaded all, std::shared_ptr<const net::TlsServer::Certificates> pairs)
        : loaded(std::move(all)), certificates(std::move(pairs))
    {
    }
    std::optional<Error> refusal;
    config::Loaded loaded;
    std::shared_ptr<const net::TlsServer::Certificates> certificates;  // empty: none is named
};

// On a worker: the loop waits for no disk and computes with no key.
Daemon::Fresh Daemon::read_again(const std::string& path)
{
    auto loaded = config::load(path);
    if (!loaded) return Fresh(first_of(loaded.error()));
    const auto errors = config::check_files(*loaded);
    if (!errors.empty()) return Fresh(first_of(errors));
    PosixFileSystem disk;
    if (auto passwords = read_route_passwords(disk, loaded->settings); !passwords) return Fresh(passwords.error());
    find_trusted_users(loaded->settings);
    const auto files = certificate_files(loaded->settings);
    if (files.empty()) return {std::move(*loaded), nullptr};
    auto certificates = net::TlsServer::read(files);
    if (!certificates) return Fresh(certificates.error());
    return {std::move(*loaded), std::move(*certificates)};
}

HeldSignals::HeldSignals() { hold(); }

void HeldSignals::hold() { mask(SIG_BLOCK); }

void HeldSignals::release() { mask(SIG_UNBLOCK); }

void HeldSignals::mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    (void)pthread_sigmask(how, &set, nullptr);
}

Daemon::Daemon(config::Loaded loaded)
    : loaded_(std::move(loaded)),
      messages_in_(metrics_.counter("mailboxd_intake_messages_total", "Messages made durable")),
      writer_(std::make_shared<LogWriter>(kStandardError, loaded_.settings.log.format, loaded_.settings.log.level)),
      log_(writer_, "daemon"),
      started_(clock_.wall()),
      watchdog_timer_(loop_),
      purge_timer_(loop_),
      stop_timer_(loop_),
      journal_timer_(loop_)
{
    set_levels(*writer_, loaded_.settings.log);
}

Daemon::~Daemon() = default;

Result<void, Error> Daemon::prepare_directories()
{
    const auto& server = loaded_.settings.server;
    auto made = prepare_directory(server.data_directory, server.user);
    if (made) made = prepare_directory(server.runtime_directory, server.user, kPassableDirectory);
    if (!made) return made.error();
    const auto& sendmail = loaded_.settings.sendmail;
    std::error_code unknown;
    if (sendmail.service == config::Switch::off && std::filesystem::exists(sendmail.drop_directory, unknown)) {
        log_.warning("sendmail.service is off, and what programs leave in its directory waits: remove it",
                     {{"directory", sendmail.drop_directory}});
    }
    if (sendmail.service == config::Switch::on) {
        // Without it everything works but sendmail while the daemon is stopped.
        const auto drop = prepare_directory(sendmail.drop_directory, server.user, kDropDirectory);
        if (!drop) log_.warning("sendmail has no place for mail while the daemon is stopped", {{"why", drop.error().text()}});
    }
    auto lock = DirectoryLock::take(server.data_directory);
    if (!lock) {
        const bool is_taken = lock.error().code == EWOULDBLOCK;
        return Error{"locking " + server.data_directory,
                     is_taken ? "another mailboxd, or an offline command of mailboxctl, works in it" : lock.error().name(),
                     "end that first"};
    }
    data_lock_ = *std::move(lock);
    return {};
}

Result<void, Error> Daemon::start()
{
    const auto& settings = loaded_.settings;
    harden_process();
    const auto prepared = prepare_directories();
    if (!prepared) return prepared.error();
    auto bound = open_listeners(loop_, settings, net::take_inherited_sockets(), log_);
    if (!bound) return bound.error();
    listeners_ = std::move(*bound);
    const auto dropped = drop_privileges(settings.server.user);
    if (!dropped) return dropped.error();
    harden_process();  // changing the user has made the process dumpable again

    auto control = open_control(loop_, settings, log_);
    if (!control) return control.error();
    listeners_.push_back(std::move(*control));
    if (settings.sendmail.service == config::Switch::on) {
        auto sendmail = open_sendmail(loop_, settings, log_);
        if (!sendmail) return sendmail.error();
        listeners_.push_back(std::move(*sendmail));
    }
    workers_ = std::make_unique<net::Workers>(loop_, static_cast<unsigned>(settings.server.worker_threads),
                                              static_cast<unsigned>(settings.server.hashing_slots));
    workers_probe_ = std::make_unique<WorkerProbe>(*workers_);
    auto failed = [this] { fail(); };
    const Services::Ground ground{loop_, *workers_, files_, clock_, random_, metrics_, log_, std::move(failed)};
    if (auto passwords = read_route_passwords(files_, loaded_.settings); !passwords) return passwords.error();
    find_trusted_users(loaded_.settings);
    tell_unknown_users();
    auto services = Services::open(ground, settings, hooks());
    if (!services) return services.error();
    services_ = std::move(*services);
    metrics_.gauge_function("mailboxd_loop_lag_seconds", "How late the event loop came to its last tick",
                            [this] { return std::chrono::duration<double>(loop_.lag()).count(); });
    metrics_.gauge_function("mailboxd_log_dropped_lines", "Lines of the log that could not be written since the start",
                            [this] { return static_cast<double>(writer_->dropped()); });
    listen();
    return {};
}

void Daemon::tell_unknown_users() const
{
    const std::string& unknown = loaded_.settings.sendmail.unknown_users;
    if (!unknown.empty()) log_.warning("sendmail.trusted_users names users who do not exist", {{"users", unknown}});
}

void Daemon::listen()
{
    for (auto& open : listeners_) open.listener->start(services_->session(open.service));
    signals_ = std::make_unique<net::Signals>(loop_);
    signals_->on(SIGTERM, [this] { begin_stop(); });
    signals_->on(SIGINT, [this] { begin_stop(); });
    signals_->on(SIGHUP, [this] { reload_by_signal(); });
    held_signals_.release();
    if (const auto interval = systemd_.watchdog_interval()) tasks_.spawn(feed_watchdog(*interval));
    services_->start();
    tasks_.spawn(purge_now_and_then());
    tasks_.spawn(watch_disk());
    tasks_.spawn(services_->run_background());
    is_ready_ = true;
    systemd_.ready("serving");
    log_.notice("ready", {{"version", version_number()},
                          {"hostname", loaded_.settings.server.hostname},
                          {"listeners", listeners_.size()}});
}

bool Daemon::run()
{
    loop_.run();
    held_signals_.hold();
    services_->close_journal();
    if (has_failed_) {
        log_.error("ended, because the disk under the mail failed; the next start looks what is on it");
    } else {
        log_.notice("stopped");
    }
    return !has_failed_;
}

// Nothing is acknowledged any more. Sessions hear 451 for what they wait for, then 421 or BYE.
void Daemon::fail()
{
    if (std::exchange(has_failed_, true)) return;
    log_.error("the disk under the mail failed; the daemon ends to be started anew");
    loop_.post([this] {
        if (!is_stopping_) begin_stop();
    });
}

// HOSTILE row G7: a disk that does not answer holds up nobody but those who wait for it; health and readiness tell.
std::string Daemon::what_hangs() const
{
    if (journal_waits_ >= kJournalPatience) return "the journal's disk does not answer";
    return workers_probe_->trouble();
}

co::Task<void> Daemon::watch_disk()
{
    journal::Lsn durable = 0;
    while (!is_stopping_) {
        const auto& journal = services_->journal();
        const bool waits = journal.last() > journal.durable() && journal.durable() == durable;
        journal_waits_ = waits ? journal_waits_ + 1 : 0;
        durable = journal.durable();
        if (journal_waits_ == kJournalPatience) log_.error("the journal's disk does not answer");
        workers_probe_->turn(tasks_);
        const std::string trouble = workers_probe_->trouble();
        if (!trouble.empty() && !std::exchange(is_work_late_, true)) log_.error("work is not done", {{"because", trouble}});
        if (trouble.empty() && std::exchange(is_work_late_, false)) log_.notice("work is done again");
        (void)co_await journal_timer_.wait(kJournalInterval);
    }
}

admin::Hooks Daemon::hooks()
{
    admin::Hooks hooks;
    hooks.facts = [this] { return facts(); };
    hooks.configuration = [this] { return config::show(loaded_); };
    hooks.reload = [this] { return reload(); };
    hooks.stop = [this] { loop_.post([this] { begin_stop(); }); };
    return hooks;
}

admin::SystemFacts Daemon::facts()
{
    admin::SystemFacts facts;
    facts.version = version_number();
    facts.commit = version_commit();
    facts.hostname = loaded_.settings.server.hostname;
    facts.started = started_;
    if (!is_ready_) facts.not_ready_because = "starting";
    facts.hangs_because = what_hangs();
    if (!facts.hangs_because.empty()) facts.not_ready_because = facts.hangs_because;
    if (is_stopping_) facts.not_ready_because = "stopping";
    if (has_failed_) facts.not_ready_because = "the journal has failed";
    const auto condition = services_->store_condition();
    if (condition.replays_left != 0) {
        facts.warnings.push_back("Changes of the last run are still being applied to " +
                                 std::to_string(condition.replays_left) + " accounts.");
    }
    if (condition.parked != 0) {
        facts.warnings.push_back("Mail of " + std::to_string(condition.parked) +
                                 " accounts could not be stored there and is parked; the log says why.");
    }
    for (auto& complaint : services_->queue_complaints()) facts.warnings.push_back(std::move(complaint));
    for (auto& complaint : services_->drop_complaints()) facts.warnings.push_back(std::move(complaint));
    for (auto& complaint : services_->trace_complaints()) facts.warnings.push_back(std::move(complaint));
    const auto certificates = services_->tls().certificates();
    for (const auto& open : listeners_) {
        const auto& options = open.listener->options();
        facts.listeners.push_back({std::string(name(open.service)),
                                   options.unix_path.empty() ? open.listener->local_endpoint().text() : options.unix_path,
                                   tls_of(open.service, !certificates.empty()), open.listener->connections(),
                                   open.listener->accepted(), open.listener->refused()});
    }
    for (const auto& one : certificates) facts.certificates.push_back({one.names, one.not_after, one.is_self_signed});
    facts.messages_in = messages_in_.value();
    facts.loop_lag = loop_.lag();
    facts.worst_loop_lag = loop_.take_worst_lag();
    return facts;
}

void Daemon::begin_stop()
{
    if (is_stopping_) {
        for (auto& open : listeners_) open.listener->close_sessions();
        return;
    }
    is_stopping_ = true;
    tasks_.spawn(stop());
}

co::Task<void> Daemon::stop()
{
    log_.notice("stopping");
    systemd_.stopping();
    for (auto& open : listeners_) open.listener->stop_accepting();
    services_->stop();
    // The control socket and the pages have no conversation to finish.
    for (auto& open : listeners_) {
        if (open.service == Service::http) open.listener->close_sessions();
    }
    tasks_.spawn(wait_for_sessions());
    bool timed_out = false;
    if (!sessions_are_gone_) {
        timed_out = co_await stop_timer_.wait(loaded_.settings.server.stop_timeout);
    }
    if (timed_out) log_.warning("sessions cut off", {{"after_ms", loaded_.settings.server.stop_timeout.count()}});
    for (auto& open : listeners_) open.listener->close_sessions();
    for (auto& open : listeners_) {
        co_await open.listener->finished();
    }
    journal_timer_.cancel();
    purge_timer_.cancel();
    co_await services_->close_store();
    watchdog_timer_.cancel();
}

// Ends the wait in stop() as soon as nobody is left.
co::Task<void> Daemon::wait_for_sessions()
{
    for (auto& open : listeners_) {
        if (open.service == Service::control) continue;
        co_await open.listener->finished();
    }
    sessions_are_gone_ = true;
    stop_timer_.cancel();
}

co::Task<void> Daemon::feed_watchdog(std::chrono::milliseconds interval)
{
    bool is_running = true;
    while (is_running) {
        // A loop that turns beside workers that hang does not count (HOSTILE row G7).
        const bool is_answered = std::max(journal_waits_, workers_probe_->delivery_waits()) < kWatchdogPatience;
        if (is_answered) systemd_.watchdog();
        is_running = co_await watchdog_timer_.wait(interval / 2);
    }
}

co::Task<void> Daemon::purge_now_and_then()
{
    bool is_running = true;
    while (is_running) {
        co_await services_->administration().purge_removed_mail();
        if (is_stopping_) co_return;
        co_await services_->administration().save_app_password_uses();
        if (is_stopping_) co_return;
        is_running = co_await purge_timer_.wait(kPurgeInterval);
    }
}

void Daemon::reload_by_signal()
{
    if (is_stopping_) return;
    const auto reload_and_log = [](Daemon& daemon) -> co::Task<void> {
        const auto changes = co_await daemon.reload();
        if (!changes) daemon.log_.error("reload refused", {{"why", changes.error().text()}});
    };
    tasks_.spawn(reload_and_log(*this));
}

// One after another: else one that read the older file could have the last word.
co::Task<Daemon::Reload> Daemon::reload()
{
    while (is_reloading_) co_await reloaded_.wait();
    if (is_stopping_) co_return Error{"reading the configuration again", "the server is stopping", ""};
    is_reloading_ = true;
    systemd_.reloading();
    auto job = [path = loaded_.file] { return read_again(path); };
    Fresh fresh = co_await workers_->run(net::WorkClass::interactive, std::move(job));
    auto outcome = take(std::move(fresh));
    if (!is_stopping_) systemd_.ready(outcome ? "serving" : "serving; the last reload was refused");
    is_reloading_ = false;
    reloaded_.notify_all();
    co_return outcome;
}

Daemon::Reload Daemon::take(Fresh fresh)
{
    if (fresh.refusal) return *std::move(fresh.refusal);
    const auto changes = config::diff_live(loaded_.settings, fresh.loaded.settings);
    loaded_ = config::apply_live(loaded_, std::move(fresh.loaded));
    services_->reload(loaded_.settings, std::move(fresh.certificates));
    tell_unknown_users();
    apply_limits(listeners_, loaded_.settings);
    set_levels(*writer_, loaded_.settings.log);
    for (const auto& change : changes) {
        log_.notice(change.is_live ? "setting changed" : "setting waits for a restart",
                    {{"key", change.key}, {"before", change.before}, {"after", change.after}});
    }
    log_.notice("reloaded", {{"changes", changes.size()}});
    return changes;
}

}  // namespace mbx::daemon
