#include "admin/documents.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "admin/answers.hpp"

namespace mbx::admin {
namespace {

// Members appear in the order in which they are written here, so that people can read the answers too.
using nlohmann::ordered_json;

std::string write(const ordered_json& document)
{
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

double milliseconds(std::chrono::microseconds span) { return static_cast<double>(span.count()) / 1000.0; }

std::int64_t seconds_between(WallTime from, WallTime to)
{
    return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

ordered_json value_of(const directory::Domain& domain)
{
    return {{"name", domain.name}, {"catch_all", domain.catch_all}, {"enabled", domain.enabled}};
}

ordered_json value_of(const directory::Account& account)
{
    return {{"id", account.id.value},       {"address", account.address()},
            {"full_name", account.full_name}, {"enabled", account.enabled},
            {"administrator", account.is_administrator}, {"quota_bytes", account.quota_bytes},
            {"quota_messages", account.quota_messages}, {"forward", account.forward},
            {"keep_copy", account.keeps_copy}};
}

ordered_json value_of(const MailboxUsage& usage)
{
    const std::uint64_t percent = directory::percent_used(usage.quota, usage.bytes, usage.messages);
    return {{"bytes", usage.bytes},
            {"messages", usage.messages},
            {"expunged_bytes", usage.expunged_bytes},
            {"expunged_messages", usage.expunged_messages},
            {"limit_bytes", usage.quota.bytes},
            {"limit_messages", usage.quota.messages},
            {"percent", percent},
            {"nearly_full", usage.warn_percent != 0 && percent >= usage.warn_percent}};
}

ordered_json value_of(const directory::AppPassword& one, std::int64_t last_use)
{
    ordered_json value = {{"id", one.id}, {"label", one.label}, {"made", timestamp(one.made)}, {"last_used", nullptr}};
    if (last_use != 0) value["last_used"] = timestamp(last_use);
    return value;
}

ordered_json value_of(const directory::Alias& alias, const directory::Snapshot& snapshot)
{
    ordered_json outside = ordered_json::array();
    for (const std::string& target : alias.targets) {
        if (!snapshot.is_local_domain(target.substr(target.rfind('@') + 1))) outside.push_back(target);
    }
    return {{"address", alias.address}, {"targets", alias.targets}, {"outside", std::move(outside)}, {"enabled", alias.enabled}, {"owner", alias.owner}};
}

ordered_json value_of(const ListenerFacts& listener)
{
    return {{"service", listener.service},         {"endpoint", listener.endpoint}, {"tls", listener.tls},
            {"connections", listener.connections}, {"accepted", listener.accepted}, {"refused", listener.refused}};
}

ordered_json value_of(const CertificateFacts& certificate, WallTime now)
{
    return {{"names", certificate.names},
            {"not_after", timestamp(certificate.not_after)},
            {"seconds_left", seconds_between(now, certificate.not_after)},
            {"self_signed", certificate.is_self_signed}};
}

}  // namespace

std::string timestamp(WallTime time) { return timestamp(std::int64_t{std::chrono::system_clock::to_time_t(time)}); }

std::string timestamp(std::int64_t unix_seconds)
{
    const std::time_t seconds = std::clamp<std::int64_t>(unix_seconds, 0, kLastSecond);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string status_json(const StatusDocument& status)
{
    const SystemFacts& facts = status.facts;
    ordered_json document = {
        {"version", facts.version},
        {"commit", facts.commit},
        {"hostname", facts.hostname},
        {"now", timestamp(status.now)},
        {"started", timestamp(facts.started)},
        {"uptime_seconds", seconds_between(facts.started, status.now)},
        {"ready", facts.not_ready_because.empty()},
        {"not_ready_because", facts.not_ready_because},
        {"domains", status.domains},
        {"accounts", status.accounts},
        {"aliases", status.aliases},
        {"messages_in", facts.messages_in},
        {"loop_lag_milliseconds", milliseconds(facts.loop_lag)},
        {"worst_loop_lag_milliseconds", milliseconds(facts.worst_loop_lag)},
    };
    document["sessions"] = ordered_json::object();
    for (const auto& [service, count] : status.sessions) document["sessions"][service] = count;
    document["listeners"] = ordered_json::array();
    for (const ListenerFacts& listener : facts.listeners) document["listeners"].push_back(value_of(listener));
    document["certificates"] = ordered_json::array();
    for (const CertificateFacts& one : facts.certificates) document["certificates"].push_back(value_of(one, status.now));
    document["disk"] = nullptr;
    if (status.disk) {
        document["disk"] = {{"free_bytes", status.disk->free_bytes}, {"total_bytes", status.disk->total_bytes}};
    }
    document["warnings"] = status.warnings;
    return write(document);
}

std::string domain_json(const directory::Domain& domain) { return write(value_of(domain)); }

std::string domains_json(const directory::Snapshot& snapshot)
{
    std::map<std::string, std::uint64_t> accounts;
    for (const directory::Account& account : snapshot.accounts()) ++accounts[account.domain];
    ordered_json list = ordered_json::array();
    for (const directory::Domain& domain : snapshot.domains()) {
        ordered_json row = value_of(domain);
        row["accounts"] = accounts[domain.name];
        list.push_back(std::move(row));
    }
    return write({{"domains", std::move(list)}});
}

std::string account_json(const directory::Account& account, std::optional<MailboxUsage> usage,
                         std::optional<std::string> password)
{
    ordered_json document = value_of(account);
    if (usage) document["usage"] = value_of(*usage);
    if (password) document["password"] = *password;
    return write(document);
}

std::string usage_json(const MailboxUsage& usage) { return write(value_of(usage)); }

std::string expunged_json(const store::ExpungedList& list, std::chrono::milliseconds keep)
{
    ordered_json entries = ordered_json::array();
    for (const store::ExpungedMessage& one : list.entries) {
        const std::int64_t expunged = std::clamp<std::int64_t>(one.expunged_at, 0, kLastSecond);
        ordered_json row = {{"name", one.name},
                            {"kind", one.is_mailbox ? "mailbox" : "message"},
                            {"mailbox", one.mailbox_name},
                            {"expunged", timestamp(expunged)},
                            {"kept_until", timestamp(expunged + std::chrono::duration_cast<std::chrono::seconds>(keep).count())},
                            {"size", one.size},
                            {"messages", one.messages},
                            {"from", one.from},
                            {"subject", one.subject},
                            {"date", one.date ? timestamp(*one.date) : ""}};
        entries.push_back(std::move(row));
    }
    ordered_json document = {{"messages", list.messages},
                             {"bytes", list.bytes},
                             {"mailboxes", list.mailboxes},
                             {"cut", list.is_cut}};
    document["expunged"] = std::move(entries);
    return write(document);
}

std::string restored_json(const std::vector<store::Undeleted>& restored)
{
    constexpr std::size_t kMostShown = 1000;
    ordered_json entries = ordered_json::array();
    std::uint64_t failed = 0;
    for (const store::Undeleted& one : restored) {
        if (one.failure) ++failed;
        if (entries.size() >= kMostShown) continue;
        entries.push_back({{"name", one.name},
                           {"mailbox", one.mailbox},
                           {"uid", one.uid},
                           {"failure", one.failure ? describe(*one.failure) : std::string_view()}});
    }
    ordered_json document = {{"restored", restored.size() - failed}, {"failed", failed}};
    document["entries"] = std::move(entries);
    return write(document);
}

std::string access_json(const std::string& owner, const std::string& mailbox,
                        const std::vector<std::pair<std::string, std::string>>& entries)
{
    ordered_json list = ordered_json::array();
    for (const auto& [identifier, rights] : entries) list.push_back({{"identifier", identifier}, {"rights", rights}});
    return write({{"owner", owner}, {"mailbox", mailbox}, {"entries", list}});
}

std::string app_passwords_json(const std::vector<directory::AppPassword>& all,
                               const std::function<std::int64_t(std::int64_t)>& last_use)
{
    ordered_json list = ordered_json::array();
    for (const directory::AppPassword& one : all) list.push_back(value_of(one, last_use(one.id)));
    ordered_json document = ordered_json::object();
    document["app_passwords"] = std::move(list);
    return write(document);
}

std::string app_password_json(const directory::AppPassword& made, const std::string& password)
{
    ordered_json document = value_of(made, 0);
    document["password"] = password;
    return write(document);
}

std::string accounts_json(const directory::Snapshot& snapshot, const std::string* domain)
{
    ordered_json list = ordered_json::array();
    for (const directory::Account& account : snapshot.accounts()) {
        if (domain == nullptr || account.domain == *domain) list.push_back(value_of(account));
    }
    return write({{"accounts", std::move(list)}});
}

std::string removed_account_json(const directory::Account& account, const RemovedMail& mail)
{
    ordered_json document = {{"address", account.address()}, {"mail", nullptr}};
    if (!mail.failure.empty()) document["mail"] = {{"failure", mail.failure}};
    else if (!mail.path.empty()) document["mail"] = {{"path", mail.path}, {"kept_until", timestamp(mail.kept_until)}};
    return write(document);
}

std::string alias_json(const directory::Alias& alias, const directory::Snapshot& snapshot) { return write(value_of(alias, snapshot)); }

std::string aliases_json(const directory::Snapshot& snapshot)
{
    ordered_json list = ordered_json::array();
    for (const directory::Alias& alias : snapshot.aliases()) list.push_back(value_of(alias, snapshot));
    return write({{"aliases", std::move(list)}});
}

std::string sessions_json(const std::vector<auth::LiveSessions::Entry>& sessions)
{
    ordered_json list = ordered_json::array();
    for (const auth::LiveSessions::Entry& entry : sessions) {
        ordered_json row = {{"number", entry.number},
                            {"service", entry.service},
                            {"address", entry.login.address},
                            {"peer", entry.peer},
                            {"since", timestamp(entry.since)},
                            {"app_password", nullptr}};
        if (entry.login.app_password != 0) row["app_password"] = entry.login.app_password;
        list.push_back(std::move(row));
    }
    return write({{"sessions", std::move(list)}});
}

std::string configuration_json(const std::vector<config::ShowRow>& rows)
{
    ordered_json list = ordered_json::array();
    for (const config::ShowRow& row : rows) {
        list.push_back({{"key", row.key}, {"value", row.value}, {"source", row.source}});
    }
    return write({{"settings", std::move(list)}});
}

std::string reload_json(const std::vector<config::Change>& changes)
{
    ordered_json applied = ordered_json::array();
    ordered_json waiting = ordered_json::array();
    for (const config::Change& change : changes) {
        ordered_json row = {{"key", change.key}, {"before", change.before}, {"after", change.after}};
        (change.is_live ? applied : waiting).push_back(std::move(row));
    }
    return write({{"applied", std::move(applied)}, {"needs_restart", std::move(waiting)}});
}

std::string index_task_json(const IndexTask& task)
{
    return write({{"id", task.id},
                  {"work", task.rebuild ? "rebuild" : "check"},
                  {"state", task.is_running ? "running" : task.was_stopped ? "stopped" : "done"},
                  {"accounts", task.accounts},
                  {"accounts_done", task.accounts_done},
                  {"messages", task.messages},
                  {"messages_done", task.messages_done},
                  {"differences", task.differences},
                  {"told", task.told},
                  {"failures", task.failures}});
}

}  // namespace mbx::admin
