#include "ctl/views.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/ascii.hpp"
#include "config/units.hpp"
#include "ctl/queue_views.hpp"
#include "ctl/terminal.hpp"
#include "ctl/trace_views.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Side = Table::Side;

std::string write(const ordered_json& document)
{
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string text(const json& object, const char* name) { return object.at(name).get<std::string>(); }
std::string number(const json& object, const char* name) { return std::to_string(object.at(name).get<std::int64_t>()); }
std::string yes_no(const json& object, const char* name) { return object.at(name).get<bool>() ? "yes" : "no"; }

std::string size_of(const json& object, const char* name) { return size_text(object.at(name).get<std::uint64_t>()); }

constexpr std::uint64_t kUnlimited = 9'223'372'036'854'775'807;

// Of the account itself; what holds in the end stands beside the usage.
std::string quota_text(const json& account)
{
    const auto bytes = account.at("quota_bytes").get<std::uint64_t>();
    if (bytes == 0) return "default";
    return bytes == kUnlimited ? "none" : size_text(bytes);
}

std::string message_quota_text(const json& account)
{
    const auto messages = account.value("quota_messages", std::uint64_t{0});
    if (messages == 0) return "default";
    return messages == kUnlimited ? "none" : std::to_string(messages);
}

// "12 messages of 100, 3.0 MiB of 5.0 GiB (0 %)"
std::string usage_text(const json& usage)
{
    const auto limit_messages = usage.value("limit_messages", std::uint64_t{0});
    const auto limit_bytes = usage.value("limit_bytes", std::uint64_t{0});
    std::string all = counted(usage.at("messages").get<std::int64_t>(), "message", "messages");
    if (limit_messages != 0) all += " of " + std::to_string(limit_messages);
    all += ", " + size_of(usage, "bytes");
    if (limit_bytes != 0) all += " of " + size_text(limit_bytes);
    if (limit_messages != 0 || limit_bytes != 0) all += fmt::format(" ({} %)", usage.value("percent", std::uint64_t{0}));
    if (usage.value("nearly_full", false)) all += ": nearly full";
    return all;
}

std::string listeners_text(const json& status, Style style)
{
    Table table({{"SERVICE"}, {"ADDRESS"}, {"TLS"}, {"OPEN", Side::right}, {"ACCEPTED", Side::right}, {"REFUSED", Side::right}});
    for (const json& row : status.at("listeners")) {
        table.add({text(row, "service"), text(row, "endpoint"), text(row, "tls"), number(row, "connections"),
                   number(row, "accepted"), number(row, "refused")});
    }
    return table.text(style, "no listeners");
}

std::string certificates_text(const json& status)
{
    std::vector<std::pair<std::string, std::string>> rows;
    for (const json& one : status.at("certificates")) {
        std::string names;
        for (const json& name : one.at("names")) names += (names.empty() ? "" : ", ") + name.get<std::string>();
        const auto left = one.at("seconds_left").get<std::int64_t>();
        rows.emplace_back("certificate", fmt::format("{}{}, {} {}", names,
                                                     one.at("self_signed").get<bool>() ? " (self-signed)" : "",
                                                     left > 0 ? "expires" : "EXPIRED", text(one, "not_after")));
    }
    return pairs(rows);
}

std::string status_text(const json& status, Style style)
{
    const bool is_ready = status.at("ready").get<bool>();
    std::string sessions;
    for (const auto& [service, count] : status.at("sessions").items()) {
        sessions += fmt::format("{}{} {}", sessions.empty() ? "" : ", ", service, count.get<std::int64_t>());
    }
    std::vector<std::pair<std::string, std::string>> rows = {
        {"server", text(status, "hostname")},
        {"state", is_ready ? "ready" : "not ready: " + text(status, "not_ready_because")},
        {"version", text(status, "version") + (text(status, "commit").empty() ? "" : " (" + text(status, "commit") + ")")},
        {"up for", span_text(status.at("uptime_seconds").get<std::int64_t>()) + ", since " + text(status, "started")},
        {"domains", number(status, "domains")},
        {"accounts", number(status, "accounts")},
        {"aliases", number(status, "aliases")},
        {"sessions", sessions},
        {"messages in", number(status, "messages_in")},
        {"loop lag", fmt::format("{:.1f} ms, {:.1f} ms at worst since the last look", status.at("loop_lag_milliseconds").get<double>(),
                                 status.at("worst_loop_lag_milliseconds").get<double>())},
    };
    const json& disk = status.at("disk");
    if (!disk.is_null()) rows.emplace_back("disk free", size_of(disk, "free_bytes") + " of " + size_of(disk, "total_bytes"));
    std::string all = pairs(rows) + certificates_text(status) + "\n" + listeners_text(status, style);
    for (const json& warning : status.at("warnings")) all += "\nwarning: " + warning.get<std::string>();
    return status.at("warnings").empty() ? all : all + "\n";
}

std::string domains_text(const json& document, Style style)
{
    Table table({{"DOMAIN"}, {"ACCOUNTS", Side::right}, {"ENABLED"}, {"CATCH-ALL"}});
    for (const json& row : document.at("domains")) {
        table.add({text(row, "name"), number(row, "accounts"), yes_no(row, "enabled"), text(row, "catch_all")});
    }
    return table.text(style, "no domains");
}

std::string domain_text(const json& row)
{
    return pairs({{"domain", text(row, "name")},
                  {"enabled", yes_no(row, "enabled")},
                  {"catch-all", text(row, "catch_all").empty() ? "nobody" : text(row, "catch_all")}});
}

std::string accounts_text(const json& document, Style style)
{
    Table table({{"ADDRESS"}, {"NAME"}, {"QUOTA", Side::right}, {"ENABLED"}, {"ADMIN"}});
    for (const json& row : document.at("accounts")) {
        table.add({text(row, "address"), text(row, "full_name"), quota_text(row), yes_no(row, "enabled"),
                   yes_no(row, "administrator")});
    }
    return table.text(style, "no accounts");
}

std::string joined(const json& list)
{
    std::string all;
    for (const json& one : list) all += (all.empty() ? "" : ", ") + one.get<std::string>();
    return all;
}

std::string account_text(const json& row)
{
    std::vector<std::pair<std::string, std::string>> rows = {{"account", text(row, "address")},
                                                             {"name", text(row, "full_name")},
                                                             {"enabled", yes_no(row, "enabled")},
                                                             {"administrator", yes_no(row, "administrator")},
                                                             {"quota", quota_text(row)},
                                                             {"message quota", message_quota_text(row)}};
    if (row.contains("forward") && !row.at("forward").empty()) {
        rows.emplace_back("forwards to", joined(row.at("forward")));
        rows.emplace_back("keeps a copy", yes_no(row, "keep_copy"));
    }
    if (row.contains("usage")) {
        const json& usage = row.at("usage");
        rows.emplace_back("mailbox", usage_text(usage));
        if (usage.contains("expunged_messages")) {
            rows.emplace_back("can be undeleted", number(usage, "expunged_messages") + " messages, " +
                                                      size_of(usage, "expunged_bytes") + " apart");
        }
    }
    if (row.contains("password")) rows.emplace_back("password", text(row, "password"));
    return pairs(rows);
}

std::string app_passwords_text(const json& document, Style style)
{
    Table table({{"ID", Side::right}, {"LABEL"}, {"MADE"}, {"LAST USED"}});
    for (const json& row : document.at("app_passwords")) {
        table.add({number(row, "id"), text(row, "label"), text(row, "made"),
                   row.at("last_used").is_null() ? "never" : text(row, "last_used")});
    }
    return table.text(style, "no app passwords");
}

std::string expunged_text(const json& document, Style style)
{
    Table table({{"EXPUNGED"}, {"KEPT UNTIL"}, {"MAILBOX"}, {"SIZE", Side::right}, {"FROM"}, {"SUBJECT"}, {"NAME"}});
    for (const json& row : document.at("expunged")) {
        const bool is_mailbox = text(row, "kind") == "mailbox";
        table.add({text(row, "expunged"), text(row, "kept_until"), text(row, "mailbox"), size_of(row, "size"),
                   is_mailbox ? "" : text(row, "from"),
                   is_mailbox ? "(the mailbox with " + number(row, "messages") + " messages)" : text(row, "subject"),
                   text(row, "name")});
    }
    std::string all = table.text(style, "nothing to undelete");
    if (document.at("cut").get<bool>()) {
        all += fmt::format("of {} messages the newest are shown; --since and --mailbox narrow it\n",
                           document.at("messages").get<std::uint64_t>());
    }
    return all;
}

std::string restored_text(const json& document)
{
    std::string all;
    for (const json& row : document.at("entries")) {
        if (!text(row, "failure").empty()) {
            all += "not restored: " + text(row, "name") + ": " + text(row, "failure") + "\n";
        } else if (row.at("uid").get<std::uint64_t>() == 0) {
            all += "restored the mailbox " + text(row, "mailbox") + "\n";
        } else {
            all += "restored into " + text(row, "mailbox") + " as UID " + number(row, "uid") + ": " + text(row, "name") + "\n";
        }
    }
    return all + number(document, "restored") + " restored, " + number(document, "failed") + " failed\n";
}

std::string access_text(const json& document, Style style)
{
    Table table({{"IDENTIFIER"}, {"RIGHTS"}});
    for (const json& row : document.at("entries")) table.add({text(row, "identifier"), text(row, "rights")});
    return table.text(style, "nobody");
}

std::string removed_text(const json& row)
{
    std::string all = "removed the account " + text(row, "address") + "\n";
    const json& mail = row.at("mail");
    if (mail.is_null()) return all + "there was no mail\n";
    if (mail.contains("failure")) return all + "its mail could not be set aside: " + text(mail, "failure") + "\n";
    return all + "its mail is kept in " + text(mail, "path") + " until " + text(mail, "kept_until") + "\n";
}

// Of a server before lists there is none.
std::string owner_text(const json& alias) { return alias.contains("owner") ? text(alias, "owner") : std::string(); }

// Of long lists the first ones.
std::string targets_text(const json& targets)
{
    constexpr std::size_t kMost = 5;
    if (targets.size() <= kMost) return joined(targets);
    json first = json::array();
    for (std::size_t n = 0; n < kMost; ++n) first.push_back(targets[n]);
    return joined(first) + " and " + std::to_string(targets.size() - kMost) + " others";
}

std::string aliases_text(const json& document, Style style)
{
    Table table({{"ALIAS"}, {"ENABLED"}, {"OWNER"}, {"TARGETS"}});
    for (const json& row : document.at("aliases")) {
        table.add({text(row, "address"), yes_no(row, "enabled"), owner_text(row), targets_text(row.at("targets"))});
    }
    return table.text(style, "no aliases");
}

// Who writes to it may be anybody, and may be forged.
std::string shown_targets_text(const json& row)
{
    const auto outside = row.find("outside");
    if (outside == row.end() || outside->empty() || !owner_text(row).empty()) return "";
    return "whoever writes to it is told " + targets_text(*outside) +
           " where that cannot be delivered; where nobody is to know, give the alias an owner: mailboxctl alias set " + text(row, "address") + " --owner ADDRESS\n";
}

std::string alias_text(const json& row)
{
    const std::string owner = owner_text(row);
    std::vector<std::pair<std::string, std::string>> rows = {{owner.empty() ? "alias" : "list", text(row, "address")},
                                                             {"enabled", yes_no(row, "enabled")}};
    if (!owner.empty()) rows.emplace_back("owner", owner);
    rows.emplace_back("targets", joined(row.at("targets")));
    return pairs(rows) + shown_targets_text(row);
}

std::string sessions_text(const json& document, Style style)
{
    Table table({{"NUMBER", Side::right}, {"SERVICE"}, {"ACCOUNT"}, {"PEER"}, {"SINCE"}, {"APP PASSWORD"}});
    for (const json& row : document.at("sessions")) {
        // Of a server before app passwords there is none.
        const bool is_app = row.contains("app_password") && !row.at("app_password").is_null();
        table.add({number(row, "number"), text(row, "service"), text(row, "address"), text(row, "peer"), text(row, "since"),
                   is_app ? number(row, "app_password") : std::string()});
    }
    return table.text(style, "no sessions");
}

std::string settings_text(const json& document, Style style)
{
    Table table({{"SETTING"}, {"VALUE"}, {"FROM"}});
    for (const json& row : document.at("settings")) table.add({text(row, "key"), text(row, "value"), text(row, "source")});
    return table.text(style, "no settings");
}

std::string reload_text(const json& document)
{
    std::string all;
    for (const json& row : document.at("applied")) {
        all += fmt::format("applied: {} is now {} (was {})\n", text(row, "key"), text(row, "after"), text(row, "before"));
    }
    for (const json& row : document.at("needs_restart")) {
        all += fmt::format("needs a restart: {} to become {} (is {})\n", text(row, "key"), text(row, "after"),
                           text(row, "before"));
    }
    return all.empty() ? "nothing changed in the configuration; certificates were read again\n" : all;
}

std::string look_up_text(const json& document)
{
    const std::string asked = text(document, "name") + " " + text(document, "type");
    const std::string outcome = text(document, "outcome");
    const std::string trust = document.at("secure").get<bool>() ? "secure (DNSSEC)" : "not secured by DNSSEC";
    if (outcome == "failure") return asked + ": the look-up failed: " + text(document, "why") + "\n";
    if (outcome == "bogus") return asked + ": bogus (DNSSEC): " + text(document, "why") + "\n";
    if (outcome == "no_such_name") return asked + ": there is no such name; " + trust + "\n";
    if (outcome == "no_data") return asked + ": the name has no such records; " + trust + "\n";
    std::string all = asked + ": " + trust + ", for " + span_text(document.at("ttl").get<std::int64_t>()) + "\n";
    if (text(document, "canonical_name") != text(document, "name")) all += "  is " + text(document, "canonical_name") + "\n";
    for (const json& record : document.at("records")) all += "  " + record.get<std::string>() + "\n";
    return all;
}

std::string route_text(const json& document)
{
    std::string all = text(document, "address") + "\n";
    std::size_t step = 0;
    for (const json& each : document.at("steps")) all += fmt::format("{:3}. {}\n", ++step, each.get<std::string>());
    return all + text(document, "verdict") + "\n";
}

std::string show_document(View view, const json& document, Style style)
{
    switch (view) {
    case View::nothing: return "";
    case View::status: return status_text(document, style);
    case View::domains: return domains_text(document, style);
    case View::domain: return domain_text(document);
    case View::accounts: return accounts_text(document, style);
    case View::account: return account_text(document);
    case View::removed_account: return removed_text(document);
    case View::app_passwords: return app_passwords_text(document, style);
    case View::expunged: return expunged_text(document, style);
    case View::access: return access_text(document, style);
    case View::restored: return legible_lines(restored_text(document));
    case View::queue: return queue_text(document, style);
    case View::queued: return queued_text(document, style);
    case View::queue_act: return queue_act_text(document);
    case View::holds: return holds_text(document, style);
    case View::aliases: return aliases_text(document, style);
    case View::alias: return alias_text(document);
    case View::sessions: return sessions_text(document, style);
    case View::trace: return trace_text(document, style);
    case View::slo: return slo_text(document, style);
    case View::settings: return settings_text(document, style);
    case View::reload: return reload_text(document);
    case View::look_up: return legible_lines(look_up_text(document));
    case View::route: return legible_lines(route_text(document));
    }
    return "";
}

void add_password(ordered_json& body, const Arguments& arguments, const std::string* password)
{
    if (password != nullptr) body["password"] = *password;
    else if (arguments.generate_password) body["generate_password"] = true;
}

}  // namespace

Result<std::string, Error> show(View view, std::string_view body, Style style)
{
    if (view == View::nothing) return std::string();
    try {
        return show_document(view, json::parse(body), style);
    } catch (const json::exception&) {
        return Error{"reading the daemon's answer", "it is not what this version of mailboxctl knows",
                     "use the mailboxctl that came with the daemon, or --json"};
    }
}

std::string generated_password(std::string_view account)
{
    const json document = json::parse(account, nullptr, false);
    if (!document.is_object() || !document.contains("password")) return "";
    return document["password"].is_string() ? document["password"].get<std::string>() : "";
}

std::string alias_warning(std::string_view alias)
{
    const json document = json::parse(alias, nullptr, false);
    return document.is_object() && document.contains("outside") ? shown_targets_text(document) : "";
}

bool has_failures(std::string_view restored)
{
    const json document = json::parse(restored, nullptr, false);
    return document.is_object() && document.contains("failed") && document["failed"] != 0;
}

bool names_unknown(std::string_view queue_act)
{
    const json document = json::parse(queue_act, nullptr, false);
    return document.is_object() && document.contains("unknown_ids") && !document["unknown_ids"].empty();
}

bool is_nothing_found(std::string_view trace)
{
    const json document = json::parse(trace, nullptr, false);
    return document.is_object() && document.contains("messages") && document["messages"].empty();
}

std::optional<std::uint64_t> quota_number(const std::string& text, bool is_size)
{
    if (text == "none") return kUnlimited;
    const auto number = is_size && text != "0" ? config::parse_size(text) : ascii::parse_number(text);
    return number && *number <= kUnlimited ? number : std::nullopt;
}

Error read_problem(int status, std::string_view body)
{
    const json document = json::parse(body, nullptr, false);
    const auto member = [&document](const char* name) {
        const bool is_there = document.is_object() && document.contains(name) && document[name].is_string();
        return is_there ? document[name].get<std::string>() : std::string();
    };
    if (!member("attempted").empty()) return Error{member("attempted"), member("happened"), member("advice")};
    std::string happened = member("detail");
    if (happened.empty()) happened = fmt::format("it answered {}", status);
    const bool is_unknown = status == 404 || status == 405;
    return Error{"asking mailboxd", happened,
                 is_unknown ? "the daemon may be of another version: use the mailboxctl that came with it" : ""};
}

std::string problem_json(const Error& error)
{
    return write({{"type", "about:blank"}, {"detail", error.text()}, {"attempted", error.attempted},
                  {"happened", error.happened}, {"advice", error.advice}});
}

std::string domain_body(const Arguments& arguments, bool with_name)
{
    ordered_json body = ordered_json::object();
    if (with_name) body["name"] = arguments.name;
    if (arguments.catch_all) body["catch_all"] = *arguments.catch_all;
    if (arguments.enabled) body["enabled"] = *arguments.enabled;
    return write(body);
}

std::string account_body(const Arguments& arguments, bool with_address, const std::string* password)
{
    ordered_json body = ordered_json::object();
    if (with_address) {
        body["address"] = arguments.name;
        add_password(body, arguments, password);
    }
    if (arguments.full_name) body["full_name"] = *arguments.full_name;
    if (arguments.quota) body["quota_bytes"] = quota_number(*arguments.quota, true).value_or(0);
    if (arguments.quota_messages) body["quota_messages"] = quota_number(*arguments.quota_messages, false).value_or(0);
    if (arguments.enabled) body["enabled"] = *arguments.enabled;
    if (arguments.administrator) body["administrator"] = *arguments.administrator;
    return write(body);
}

std::string undelete_body(const Arguments& arguments)
{
    ordered_json body = ordered_json::object();
    if (!arguments.message_names.empty()) body["names"] = arguments.message_names;
    if (!arguments.since.empty()) body["since"] = arguments.since;
    if (!arguments.mailbox.empty()) body["mailbox"] = arguments.mailbox;
    if (arguments.all) body["all"] = true;
    if (arguments.target) body["target"] = *arguments.target;
    return write(body);
}

std::string access_body(const Arguments& arguments)
{
    ordered_json body = ordered_json::object();
    body["mailbox"] = arguments.mailbox;
    body["identifier"] = arguments.identifier;
    body["rights"] = arguments.rights;
    return write(body);
}

std::string queue_act_body(const Arguments& arguments, std::string_view act)
{
    ordered_json body = {{"act", act}};
    if (!arguments.queue_ids.empty()) body["ids"] = arguments.queue_ids;
    if (!arguments.queue_destination.empty()) body["destination"] = arguments.queue_destination;
    if (!arguments.queue_sender.empty()) body["sender"] = arguments.queue_sender;
    if (!arguments.queue_recipient.empty()) body["recipient"] = arguments.queue_recipient;
    if (arguments.all) body["all"] = true;
    if (arguments.standing) body["standing"] = true;
    return write(body);
}

std::string password_body(const Arguments& arguments, const std::string* password)
{
    ordered_json body = ordered_json::object();
    add_password(body, arguments, password);
    return write(body);
}

std::string app_password_body(const Arguments& arguments)
{
    ordered_json body = ordered_json::object();
    body["label"] = arguments.label;
    return write(body);
}

std::string alias_body(const Arguments& arguments, bool with_address)
{
    ordered_json body = ordered_json::object();
    if (with_address) body["address"] = arguments.name;
    if (!arguments.targets.empty()) body["targets"] = arguments.targets;
    if (arguments.enabled) body["enabled"] = *arguments.enabled;
    if (arguments.owner) body["owner"] = *arguments.owner;
    return write(body);
}

std::string forward_body(const Arguments& arguments)
{
    ordered_json body = ordered_json::object();
    body["forward"] = arguments.targets;
    if (!arguments.off) body["keep_copy"] = !arguments.no_copy;
    return write(body);
}

std::string settings_json(const std::vector<config::ShowRow>& rows)
{
    ordered_json list = ordered_json::array();
    for (const config::ShowRow& row : rows) list.push_back({{"key", row.key}, {"value", row.value}, {"source", row.source}});
    ordered_json document = ordered_json::object();
    document["settings"] = std::move(list);
    return write(document);
}

std::string check_json(const std::string& file, const std::vector<config::ConfigError>& errors)
{
    ordered_json list = ordered_json::array();
    for (const config::ConfigError& error : errors) {
        list.push_back({{"file", error.file}, {"line", error.line}, {"column", error.column}, {"message", error.message},
                        {"hint", error.hint}});
    }
    ordered_json document = {{"file", file}, {"good", errors.empty()}};
    document["errors"] = std::move(list);
    return write(document);
}

std::string setup_json(const SetupOutcome& outcome)
{
    ordered_json document = {{"changed", outcome.is_changed},         {"config", outcome.config},
                             {"data_directory", outcome.data_directory}, {"hostname", outcome.hostname},
                             {"domain", outcome.domain},              {"administrator", outcome.administrator},
                             {"certificate", outcome.certificate}};
    if (!outcome.generated_password.empty()) document["password"] = outcome.generated_password;
    return write(document);
}

}  // namespace mbx::ctl
