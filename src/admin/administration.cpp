#include "admin/administration.hpp"

#include <fmt/core.h>

#include <functional>
#include <utility>

#include "admin/removed_mail.hpp"
#include "admin/web_files.hpp"

namespace mbx::admin {

Administration::Administration(AdministrationDeps deps, Hooks hooks, AdministrationOptions options, Log log)
    : deps_(deps), hooks_(std::move(hooks)), options_(std::move(options)), log_(std::move(log)),
      index_tasks_(deps.store, log_),
      disk_free_(deps.metrics.gauge("mailboxd_disk_free_bytes", "Bytes free where the data directory lies.")),
      disk_total_(deps.metrics.gauge("mailboxd_disk_total_bytes", "Bytes in all where the data directory lies."))
{
    add_gauges();
}

void Administration::add_gauges()
{
    Metrics& metrics = deps_.metrics;
    directory::Directory& directory = deps_.directory;
    metrics.gauge_function("mailboxd_domains", "Domains in the directory.",
                           [&directory] { return static_cast<double>(directory.snapshot()->domains().size()); });
    metrics.gauge_function("mailboxd_accounts", "Accounts in the directory.",
                           [&directory] { return static_cast<double>(directory.snapshot()->accounts().size()); });
    metrics.gauge_function("mailboxd_aliases", "Aliases in the directory.",
                           [&directory] { return static_cast<double>(directory.snapshot()->aliases().size()); });
    for (const std::string& service : options_.services) {
        auth::LiveSessions& sessions = deps_.sessions;
        metrics.gauge_function("mailboxd_sessions", "Sessions that are logged in, by service.",
                               [&sessions, service] { return static_cast<double>(sessions.count(service)); },
                               "service=\"" + service + "\"");
    }
}

http::Router Administration::router()
{
    using enum http::Method;
    using A = Administration;
    http::Router router;
    http::add_static_files(router, web_files());
    add(router, get, "/healthz", Access::anyone, &A::health);
    add(router, get, "/readyz", Access::anyone, &A::readiness);
    add(router, get, "/metrics", Access::anyone, &A::metrics);
    add(router, get, "/api/v1/status", Access::anyone, &A::status);
    add(router, get, "/api/v1/sessions", Access::administrator, &A::list_sessions);
    add(router, get, "/api/v1/config", Access::administrator, &A::show_configuration);
    add(router, post, "/api/v1/reload", Access::administrator, &A::reload);
    add(router, post, "/api/v1/stop", Access::administrator, &A::stop);

    add(router, get, "/api/v1/queue", Access::administrator, &A::list_queue);
    add(router, post, "/api/v1/queue", Access::administrator, &A::change_queue);
    add(router, get, "/api/v1/queue/holds", Access::administrator, &A::list_holds);
    add(router, get, "/api/v1/queue/{id}", Access::administrator, &A::show_queued);

    add(router, get, "/api/v1/domains", Access::administrator, &A::list_domains);
    add(router, post, "/api/v1/domains", Access::administrator, &A::add_domain);
    add(router, get, "/api/v1/domains/{domain}", Access::administrator, &A::show_domain);
    add(router, patch, "/api/v1/domains/{domain}", Access::administrator, &A::change_domain);
    add(router, remove, "/api/v1/domains/{domain}", Access::administrator, &A::remove_domain);

    add(router, get, "/api/v1/accounts", Access::administrator, &A::list_accounts);
    add(router, post, "/api/v1/accounts", Access::administrator, &A::add_account);
    add(router, get, "/api/v1/accounts/{address}", Access::administrator, &A::show_account);
    add(router, patch, "/api/v1/accounts/{address}", Access::administrator, &A::change_account);
    add(router, remove, "/api/v1/accounts/{address}", Access::administrator, &A::remove_account);
    add(router, post, "/api/v1/accounts/{address}/password", Access::administrator, &A::set_password);

    const std::string app_passwords = "/api/v1/accounts/{address}/app-passwords";
    add(router, get, app_passwords, Access::administrator, &A::list_app_passwords);
    add(router, post, app_passwords, Access::administrator, &A::add_app_password);
    add(router, remove, app_passwords, Access::administrator, &A::remove_app_passwords);
    add(router, remove, app_passwords + "/{id}", Access::administrator, &A::remove_app_password);

    add(router, get, "/api/v1/accounts/{address}/usage", Access::administrator, &A::show_usage);
    add(router, get, "/api/v1/accounts/{address}/expunged", Access::administrator, &A::list_expunged);
    add(router, post, "/api/v1/accounts/{address}/expunged", Access::administrator, &A::undelete);

    add(router, get, "/api/v1/accounts/{address}/access", Access::administrator, &A::show_access);
    add(router, post, "/api/v1/accounts/{address}/access", Access::administrator, &A::change_access);

    add(router, get, "/api/v1/aliases", Access::administrator, &A::list_aliases);
    add(router, post, "/api/v1/aliases", Access::administrator, &A::add_alias);
    add(router, get, "/api/v1/aliases/{address}", Access::administrator, &A::show_alias);
    add(router, patch, "/api/v1/aliases/{address}", Access::administrator, &A::change_alias);
    add(router, remove, "/api/v1/aliases/{address}", Access::administrator, &A::remove_alias);

    add(router, get, "/api/v1/trace", Access::administrator, &A::search_trace);
    add(router, get, "/api/v1/trace/{id}", Access::administrator, &A::show_trace);
    add(router, get, "/api/v1/slo", Access::administrator, &A::show_slo);
    add(router, get, "/api/v1/dns/{name}", Access::administrator, &A::look_up_name);
    add(router, get, "/api/v1/routes/{address}", Access::administrator, &A::explain_route);

    add(router, post, "/api/v1/index/tasks", Access::administrator, &A::start_index_task);
    add(router, get, "/api/v1/index/tasks/{id}", Access::administrator, &A::show_index_task);
    return router;
}

void Administration::add(http::Router& router, http::Method method, std::string pattern, Access access, Act act)
{
    router.add(method, std::move(pattern),
               [this, access, act](const http::Request& request) { return guarded(request, access, act); });
}

co::Task<http::Response> Administration::guarded(const http::Request& request, Access access, Act act)
{
    const bool is_allowed = access == Access::anyone ? request.peer.is_loopback() : is_administrator(request.peer);
    if (!is_allowed) {
        // A peer on TCP has no uid; 0 would read as root.
        const std::string who = request.peer.is_unix ? fmt::format("uid {}", request.peer.unix_uid) : request.peer.text();
        log_.warning("an act was refused", {{"method", http::method_name(request.method)},
                                            {"path", request.target.path()},
                                            {"peer", who}});
        co_return http::problem(403, Error{"acting as an administrator",
                                           "this connection has no right to it",
                                           "run mailboxctl on this machine as root or as the daemon's user"});
    }
    co_return co_await std::invoke(act, this, request);
}

bool Administration::is_administrator(const net::PeerInfo& peer) const
{
    return peer.is_unix && (peer.unix_uid == 0 || peer.unix_uid == options_.own_uid);
}

void Administration::audit(const http::Request& request, std::string_view act, std::string_view object) const
{
    log_.notice(act, {{"object", object}, {"uid", request.peer.unix_uid}});
}

co::Task<std::optional<SpaceInfo>> Administration::disk_space()
{
    auto job = [&files = deps_.files, path = options_.data_directory] { return files.space(path); };
    const auto space = co_await deps_.workers.run(net::WorkClass::interactive, std::move(job));
    if (!space) co_return std::nullopt;
    disk_free_.set(static_cast<std::int64_t>(space->free_bytes));
    disk_total_.set(static_cast<std::int64_t>(space->total_bytes));
    co_return *space;
}

co::Task<void> Administration::save_app_password_uses()
{
    const auto saved = co_await deps_.directory.save_uses();
    if (!saved) log_.warning("when app passwords were used is not on the disk yet", {{"why", saved.error().error.text()}});
}

co::Task<void> Administration::purge_removed_mail()
{
    const WallTime now = deps_.clock.wall();
    auto job = [&files = deps_.files, root = options_.removed_directory, keep = options_.removed_mail_keep, now] {
        return admin::purge_removed_mail(files, root, keep, now);
    };
    const Purge purge = co_await deps_.workers.run(net::WorkClass::bulk, std::move(job));
    if (purge.removed != 0 || purge.failed != 0) {
        log_.notice("mail of removed accounts was purged",
                    {{"removed", purge.removed}, {"kept", purge.kept}, {"failed", purge.failed}});
    }
}

}  // namespace mbx::admin
