// The acts about the server as a whole: health, metrics, status, sessions, configuration, reload, stop.
#include <fmt/core.h>

#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"

namespace mbx::admin {
namespace {

constexpr std::string_view kExposition = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::chrono::hours kCertificateWarning{24 * 14};

bool has_administrator(const directory::Snapshot& snapshot)
{
    for (const directory::Account& account : snapshot.accounts()) {
        if (account.is_administrator && account.enabled) return true;
    }
    return false;
}

// What an administrator should look at, in sentences.
std::vector<std::string> warnings_of(const StatusDocument& status, const directory::Snapshot& snapshot)
{
    std::vector<std::string> warnings;
    if (!status.facts.not_ready_because.empty()) {
        warnings.push_back("The server is not ready for mail: " + status.facts.not_ready_because + ".");
    }
    for (const auto& warning : status.facts.warnings) warnings.push_back(warning);
    if (snapshot.domains().empty()) warnings.emplace_back("There is no domain yet: mailboxctl domain add NAME.");
    if (!has_administrator(snapshot)) {
        warnings.emplace_back("No enabled account is an administrator, so the oldest one gets postmaster's mail.");
    }
    for (const CertificateFacts& certificate : status.facts.certificates) {
        const std::string name = certificate.names.empty() ? "the server" : certificate.names.front();
        if (certificate.not_after <= status.now) {
            warnings.push_back("The certificate of " + name + " has expired.");
        } else if (certificate.not_after - status.now < kCertificateWarning) {
            warnings.push_back("The certificate of " + name + " expires within two weeks.");
        }
    }
    if (status.disk && status.disk->free_bytes < status.disk->total_bytes / 20) {
        warnings.emplace_back("Less than a twentieth of the disk is free.");
    }
    return warnings;
}

}  // namespace

co::Task<http::Response> Administration::health(const http::Request& /*request*/)
{
    // That the loop answers is not enough: behind it work must be done (HOSTILE row G7).
    const SystemFacts facts = hooks_.facts();
    if (!facts.hangs_because.empty()) {
        co_return http::text_response(503, "text/plain; charset=utf-8", facts.hangs_because + "\n");
    }
    // Mail goes on, and somebody has to look at this all the same.
    std::string words = facts.warnings.empty() ? "ok\n" : "ok, but degraded:\n";
    for (const std::string& warning : facts.warnings) words += warning + "\n";
    co_return http::text_response(200, "text/plain; charset=utf-8", std::move(words));
}

co::Task<http::Response> Administration::readiness(const http::Request& /*request*/)
{
    const SystemFacts facts = hooks_.facts();
    if (facts.not_ready_because.empty()) co_return http::text_response(200, "text/plain; charset=utf-8", "ready\n");
    co_return http::text_response(503, "text/plain; charset=utf-8", "not ready: " + facts.not_ready_because + "\n");
}

co::Task<http::Response> Administration::metrics(const http::Request& /*request*/)
{
    (void)co_await disk_space();
    co_return http::text_response(200, kExposition, deps_.metrics.exposition());
}

co::Task<http::Response> Administration::status(const http::Request& /*request*/)
{
    StatusDocument document;
    document.disk = co_await disk_space();
    document.facts = hooks_.facts();
    document.now = deps_.clock.wall();
    const auto snapshot = deps_.directory.snapshot();
    document.domains = snapshot->domains().size();
    document.accounts = snapshot->accounts().size();
    document.aliases = snapshot->aliases().size();
    for (const std::string& service : options_.services) document.sessions[service] = deps_.sessions.count(service);
    document.warnings = warnings_of(document, *snapshot);
    co_return http::json_response(200, status_json(document));
}

co::Task<http::Response> Administration::list_sessions(const http::Request& /*request*/)
{
    co_return http::json_response(200, sessions_json(deps_.sessions.list()));
}

co::Task<http::Response> Administration::show_configuration(const http::Request& /*request*/)
{
    co_return http::json_response(200, configuration_json(hooks_.configuration()));
}

co::Task<http::Response> Administration::reload(const http::Request& request)
{
    const auto changes = co_await hooks_.reload();
    if (!changes) co_return unprocessable(changes.error());
    audit(request, "configuration reloaded", "mailboxd.toml");
    co_return http::json_response(200, reload_json(*changes));
}

co::Task<http::Response> Administration::stop(const http::Request& request)
{
    audit(request, "stop requested", "mailboxd");
    hooks_.stop();
    http::Response response = http::json_response(202, "{\"stopping\":true}\n");
    response.close = true;
    co_return response;
}

}  // namespace mbx::admin
