// Every administrative act, once: the routes of /api/v1, with their rights. The console and mailboxctl have no other
// door. Loop thread; the deps outlive it.
//
// Rights (deny by default, judged in one place): on the control socket uid 0 and the daemon's own user are
// administrators, by peer credentials; over TCP there is nobody, until the console brings log-in: health, metrics, the
// status page and its data are read there, by loopback clients alone, and nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/bodies.hpp"
#include "admin/documents.hpp"
#include "admin/facts.hpp"
#include "admin/index_tasks.hpp"
#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/file_system.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "directory/directory.hpp"
#include "http/router.hpp"
#include "queue/queue.hpp"
#include "store/store.hpp"
#include "trace/trace.hpp"

namespace mbx::admin {

struct AdministrationOptions {
    std::uint32_t own_uid = 0;                           // the daemon's user
    std::string data_directory;                          // for free space
    std::string removed_directory;                       // where Store::set_aside puts mail
    std::chrono::milliseconds removed_mail_keep{std::chrono::hours(24 * 30)};
    std::uint64_t warn_percent = 90;                     // of a quota; 0: never
    std::chrono::milliseconds undelete_keep{std::chrono::hours(24 * 14)};
    std::vector<std::string> services{"imap", "pop3", "submission"};  // whose sessions /metrics counts
};

struct AdministrationDeps {
    directory::Directory& directory;
    store::Store& store;
    auth::Authenticator& authenticator;
    auth::LiveSessions& sessions;
    net::Workers& workers;
    FileSystem& files;
    Metrics& metrics;
    const Clock& clock;
    Random& random;
    queue::Queue* queue = nullptr;  // null: this daemon has none
};

class Administration {
public:
    Administration(AdministrationDeps deps, Hooks hooks, AdministrationOptions options, Log log);

    // All routes, for one http::Server that serves both the control socket and the TCP listeners.
    http::Router router();

    // Removes mail whose time is over; on the workers, WorkClass::bulk. To be called now and then by the daemon.
    co::Task<void> purge_removed_mail();

    // Writes when app passwords were last used. To be called about once an hour, and at the end.
    co::Task<void> save_app_password_uses();

    // What befell messages; outlives it. None set: its routes answer 503.
    void set_trace(trace::Trace* trace) { trace_ = trace; }

    // Ends what goes on beside requests, after the step that is under way.
    void stop() { index_tasks_.stop(); }

    // After a reload.
    void set_removed_mail_keep(std::chrono::milliseconds keep) { options_.removed_mail_keep = keep; }
    void set_mail_limits(std::uint64_t warn_percent, std::chrono::milliseconds undelete_keep)
    {
        options_.warn_percent = warn_percent;
        options_.undelete_keep = undelete_keep;
    }

private:
    enum class Access : std::uint8_t { anyone, administrator };
    using Act = co::Task<http::Response> (Administration::*)(const http::Request&);
    void add(http::Router& router, http::Method method, std::string pattern, Access access, Act act);
    co::Task<http::Response> guarded(const http::Request& request, Access access, Act act);
    bool is_administrator(const net::PeerInfo& peer) const;
    void add_gauges();

    co::Task<http::Response> health(const http::Request& request);
    co::Task<http::Response> readiness(const http::Request& request);
    co::Task<http::Response> metrics(const http::Request& request);
    co::Task<http::Response> status(const http::Request& request);
    co::Task<http::Response> list_sessions(const http::Request& request);
    co::Task<http::Response> show_configuration(const http::Request& request);
    co::Task<http::Response> reload(const http::Request& request);
    co::Task<http::Response> stop(const http::Request& request);

    co::Task<http::Response> list_domains(const http::Request& request);
    co::Task<http::Response> add_domain(const http::Request& request);
    co::Task<http::Response> show_domain(const http::Request& request);
    co::Task<http::Response> change_domain(const http::Request& request);
    co::Task<http::Response> remove_domain(const http::Request& request);

    co::Task<http::Response> list_accounts(const http::Request& request);
    co::Task<http::Response> add_account(const http::Request& request);
    co::Task<http::Response> show_account(const http::Request& request);
    co::Task<http::Response> change_account(const http::Request& request);
    co::Task<http::Response> remove_account(const http::Request& request);
    co::Task<http::Response> set_password(const http::Request& request);

    co::Task<http::Response> list_app_passwords(const http::Request& request);
    co::Task<http::Response> add_app_password(const http::Request& request);
    co::Task<http::Response> remove_app_password(const http::Request& request);
    co::Task<http::Response> remove_app_passwords(const http::Request& request);

    co::Task<http::Response> show_usage(const http::Request& request);
    co::Task<http::Response> list_expunged(const http::Request& request);
    co::Task<http::Response> undelete(const http::Request& request);

    co::Task<http::Response> show_access(const http::Request& request);
    co::Task<http::Response> change_access(const http::Request& request);
    co::Task<http::Response> answer_access(directory::Account owner, std::string mailbox,
                                           std::vector<store::AccessChange> changes);

    co::Task<http::Response> list_aliases(const http::Request& request);
    co::Task<http::Response> add_alias(const http::Request& request);
    co::Task<http::Response> show_alias(const http::Request& request);
    co::Task<http::Response> change_alias(const http::Request& request);
    co::Task<http::Response> remove_alias(const http::Request& request);

    co::Task<http::Response> search_trace(const http::Request& request);
    co::Task<http::Response> show_trace(const http::Request& request);
    co::Task<http::Response> show_slo(const http::Request& request);
    co::Task<http::Response> look_up_name(const http::Request& request);
    co::Task<http::Response> explain_route(const http::Request& request);
    co::Task<http::Response> list_queue(const http::Request& request);
    co::Task<http::Response> list_holds(const http::Request& request);
    co::Task<http::Response> show_queued(const http::Request& request);
    co::Task<http::Response> change_queue(const http::Request& request);

    co::Task<http::Response> start_index_task(const http::Request& request);
    co::Task<http::Response> show_index_task(const http::Request& request);

    // The password to store and, where the server made it, to show; or why not.
    struct NewPassword {
        auth::NewCredentials credentials;
        std::optional<std::string> generated;
    };
    co::Task<Result<NewPassword, http::Response>> hash_new_password(PasswordBody body, std::string address,
                                                                    std::string attempted);
    // None: the mailbox cannot be opened.
    co::Task<std::optional<MailboxUsage>> mailbox_usage(directory::Account account);
    co::Task<RemovedMail> set_mail_aside(directory::Account account, std::chrono::milliseconds keep);
    co::Task<std::optional<SpaceInfo>> disk_space();
    void audit(const http::Request& request, std::string_view act, std::string_view object) const;

    AdministrationDeps deps_;
    Hooks hooks_;
    AdministrationOptions options_;
    Log log_;
    trace::Trace* trace_ = nullptr;
    IndexTasks index_tasks_;
    Gauge& disk_free_;
    Gauge& disk_total_;
};

}  // namespace mbx::admin
