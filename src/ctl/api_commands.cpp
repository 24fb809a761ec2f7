// The commands that are one request to the daemon each.
#include <utility>

#include "base/clock.hpp"
#include "ctl/complaints.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/session.hpp"
#include "ctl/views.hpp"

namespace mbx::ctl {
namespace {

using http::Method;

// What a command asks, and what it says then.
struct Plan {
    Call call;
    View view = View::nothing;
    std::string done;          // a sentence for a change; empty: the view is the answer
    std::string confirmation;  // asked on a terminal before anything is done
};

std::string at(std::string_view list, const std::string& name)
{
    return "/api/v1/" + std::string(list) + "/" + http::encode_segment(name);
}

Plan plan_domain(const Arguments& a)
{
    switch (a.command) {
    case Command::domain_add:
        return Plan{{Method::post, "/api/v1/domains", domain_body(a, true)}, View::domain, "added the domain " + a.name, ""};
    case Command::domain_set:
        return Plan{{Method::patch, at("domains", a.name), domain_body(a, false)}, View::domain,
                    "changed the domain " + a.name, ""};
    case Command::domain_show: return Plan{{Method::get, at("domains", a.name), ""}, View::domain, "", ""};
    case Command::domain_remove:
        return Plan{{Method::remove, at("domains", a.name), ""}, View::nothing, "removed the domain " + a.name,
                    "Remove the domain " + a.name};
    default: return Plan{{Method::get, "/api/v1/domains", ""}, View::domains, "", ""};
    }
}

Plan plan_account(const Arguments& a, const std::string* password)
{
    switch (a.command) {
    case Command::account_add:
        return Plan{{Method::post, "/api/v1/accounts", account_body(a, true, password)}, View::account,
                    "added the account " + a.name, ""};
    case Command::account_set:
        return Plan{{Method::patch, at("accounts", a.name), account_body(a, false, nullptr)}, View::account,
                    "changed the account " + a.name, ""};
    case Command::account_forward:
        return Plan{{Method::patch, at("accounts", a.name), forward_body(a)}, View::account,
                    a.off ? "the account " + a.name + " forwards no more" : "the account " + a.name + " forwards its mail", ""};
    case Command::account_show: return Plan{{Method::get, at("accounts", a.name), ""}, View::account, "", ""};
    case Command::account_password:
        return Plan{{Method::post, at("accounts", a.name) + "/password", password_body(a, password)}, View::account,
                    "set the password of " + a.name, ""};
    case Command::account_remove: {
        const std::string keep = a.keep.empty() ? "" : "?keep=" + http::encode_segment(a.keep);
        return Plan{{Method::remove, at("accounts", a.name) + keep, ""}, View::removed_account, "",
                    "Remove the account " + a.name + " and end its sessions"};
    }
    default: {
        const std::string filter = a.domain_filter.empty() ? "" : "?domain=" + http::encode_segment(a.domain_filter);
        return Plan{{Method::get, "/api/v1/accounts" + filter, ""}, View::accounts, "", ""};
    }
    }
}

Plan plan_app_password(const Arguments& a)
{
    const std::string path = at("accounts", a.name) + "/app-passwords";
    if (a.command == Command::app_password_list) return Plan{{Method::get, path, ""}, View::app_passwords, "", ""};
    if (a.command == Command::app_password_add) {
        return Plan{{Method::post, path, app_password_body(a)}, View::nothing,
                    "made an app password of " + a.name + "; it will not be shown again", ""};
    }
    if (a.all) {
        return Plan{{Method::remove, path, ""}, View::nothing, "removed all app passwords of " + a.name,
                    "Remove all app passwords of " + a.name + " and end the sessions that came in with them"};
    }
    return Plan{{Method::remove, path + "/" + http::encode_segment(a.app_password), ""}, View::nothing,
                "removed the app password " + a.app_password + " of " + a.name,
                "Remove the app password " + a.app_password + " of " + a.name + " and end the sessions that came in with it"};
}

// Which: by name, by what fits, or, when nothing says it, none: then it is a question.
Plan plan_undelete(const Arguments& a)
{
    const std::string path = at("accounts", a.name) + "/expunged";
    const bool says_which = a.all || !a.message_names.empty() || !a.since.empty() || !a.mailbox.empty();
    if (says_which && !a.list) {
        const std::string question = a.message_names.empty() ? "Have all of these back into the mailbox of " + a.name : "";
        return Plan{{Method::post, path, undelete_body(a)}, View::restored, "", question};
    }
    std::string query = "?limit=1000";
    if (!a.since.empty()) query += "&since=" + http::encode_segment(a.since);
    if (!a.mailbox.empty()) query += "&mailbox=" + http::encode_segment(a.mailbox);
    return Plan{{Method::get, path + query, ""}, View::expunged, "", ""};
}

Plan plan_acl(const Arguments& a)
{
    const std::string path = at("accounts", a.name) + "/access";
    if (a.command == Command::acl_show) {
        return Plan{{Method::get, path + "?mailbox=" + http::encode_segment(a.mailbox), ""}, View::access, "", ""};
    }
    return Plan{{Method::post, path, access_body(a)}, View::access, "", ""};
}

Plan plan_queue_act(const Arguments& a, std::string_view act, const std::string& question)
{
    return Plan{{Method::post, "/api/v1/queue", queue_act_body(a, act)}, View::queue_act, "", question};
}

Plan plan_queue(const Arguments& a)
{
    switch (a.command) {
    case Command::queue_show: return Plan{{Method::get, at("queue", a.name), ""}, View::queued, "", ""};
    case Command::queue_hold:
    case Command::queue_release:
    case Command::queue_retry: return plan_queue_act(a, queue_act_of(a.command), "");
    case Command::queue_holds: return Plan{{Method::get, "/api/v1/queue/holds", ""}, View::holds, "", ""};
    case Command::queue_bounce: return plan_queue_act(a, "bounce", "Return these messages to their senders");
    case Command::queue_delete: return plan_queue_act(a, "delete", "Delete these messages for good");
    default: break;
    }
    std::string query = "?limit=100";
    if (!a.queue_destination.empty()) query += "&destination=" + http::encode_segment(a.queue_destination);
    if (!a.queue_sender.empty()) query += "&sender=" + http::encode_segment(a.queue_sender);
    if (!a.queue_recipient.empty()) query += "&recipient=" + http::encode_segment(a.queue_recipient);
    if (!a.queue_after.empty()) query += "&after=" + http::encode_segment(a.queue_after);
    return Plan{{Method::get, "/api/v1/queue" + query, ""}, View::queue, "", ""};
}

Plan plan_alias(const Arguments& a)
{
    switch (a.command) {
    case Command::alias_add:
        return Plan{{Method::post, "/api/v1/aliases", alias_body(a, true)}, View::alias, "added the alias " + a.name, ""};
    case Command::alias_set:
        return Plan{{Method::patch, at("aliases", a.name), alias_body(a, false)}, View::alias,
                    "changed the alias " + a.name, ""};
    case Command::alias_show: return Plan{{Method::get, at("aliases", a.name), ""}, View::alias, "", ""};
    case Command::alias_remove:
        return Plan{{Method::remove, at("aliases", a.name), ""}, View::nothing, "removed the alias " + a.name,
                    "Remove the alias " + a.name};
    default: return Plan{{Method::get, "/api/v1/aliases", ""}, View::aliases, "", ""};
    }
}

Plan plan_trace(const Arguments& a)
{
    std::string path = "/api/v1/trace?story=yes&q=" + http::encode_segment(a.name);
    if (!a.since.empty()) path += "&since=" + http::encode_segment(a.since);
    if (!a.until.empty()) path += "&until=" + http::encode_segment(a.until);
    return Plan{{Method::get, std::move(path), ""}, View::trace, "", ""};
}

Plan plan_slo(const Arguments& a)
{
    std::string path = "/api/v1/slo?limit=100";
    if (!a.since.empty()) path += "&since=" + http::encode_segment(a.since);
    if (a.within_ms) path += "&within_ms=" + std::to_string(*a.within_ms);
    return Plan{{Method::get, std::move(path), ""}, View::slo, "", ""};
}

Plan plan(const Arguments& a, const std::string* password)
{
    switch (a.command) {
    case Command::domain_add:
    case Command::domain_list:
    case Command::domain_show:
    case Command::domain_set:
    case Command::domain_remove: return plan_domain(a);
    case Command::account_add:
    case Command::account_list:
    case Command::account_show:
    case Command::account_set:
    case Command::account_remove:
    case Command::account_forward:
    case Command::account_password: return plan_account(a, password);
    case Command::app_password_add:
    case Command::app_password_list:
    case Command::app_password_remove: return plan_app_password(a);
    case Command::message_undelete: return plan_undelete(a);
    case Command::acl_show:
    case Command::acl_set:
    case Command::acl_remove: return plan_acl(a);
    case Command::queue_list:
    case Command::queue_show:
    case Command::queue_hold:
    case Command::queue_release:
    case Command::queue_retry:
    case Command::queue_bounce:
    case Command::queue_delete:
    case Command::queue_holds: return plan_queue(a);
    case Command::alias_add:
    case Command::alias_list:
    case Command::alias_show:
    case Command::alias_set:
    case Command::alias_remove: return plan_alias(a);
    case Command::trace: return plan_trace(a);
    case Command::slo: return plan_slo(a);
    case Command::dns_lookup: {
        const std::string type = a.record_type.empty() ? "A" : a.record_type;
        return Plan{{Method::get, at("dns", a.name) + "?type=" + http::encode_segment(type), ""}, View::look_up, "", ""};
    }
    case Command::check_route: {
        const std::string sender = a.sender.empty() ? "" : "?sender=" + http::encode_segment(a.sender);
        return Plan{{Method::get, at("routes", a.name) + sender, ""}, View::route, "", ""};
    }
    case Command::session_list: return Plan{{Method::get, "/api/v1/sessions", ""}, View::sessions, "", ""};
    case Command::reload: return Plan{{Method::post, "/api/v1/reload", ""}, View::reload, "", ""};
    case Command::stop: return Plan{{Method::post, "/api/v1/stop", ""}, View::nothing, "the server is stopping", ""};
    case Command::status:
    case Command::none:
    case Command::setup:
    case Command::index_check:
    case Command::index_rebuild:
    case Command::config_show:
    case Command::config_check:
    case Command::journal_list:
    case Command::journal_show:
    case Command::completion:
    case Command::man: break;
    }
    return Plan{{Method::get, "/api/v1/status", ""}, View::status, "", ""};
}

bool is_question(const Plan& plan) { return plan.call.method == Method::get; }

bool is_confirmed(Run run, const std::string& question)
{
    if (question.empty() || run.arguments.yes || !run.terminal.is_interactive()) return true;
    const auto answer = run.terminal.ask(question + "? (yes/no)", "no");
    return answer && (*answer == "yes" || *answer == "y");
}

// Whether the answer says that what was asked for is done, or there.
bool is_fulfilled(const Plan& plan, const std::string& body)
{
    if (plan.view == View::restored) return !has_failures(body);
    if (plan.view == View::queue_act) return !names_unknown(body);
    return plan.view != View::trace || !is_nothing_found(body);
}

int report(Run run, const Plan& plan, const http::ClientResponse& answer)
{
    if (answer.status >= 400) return run.fail(read_problem(answer.status, answer.body), kFailed);
    const bool is_whole = is_fulfilled(plan, answer.body);
    if (run.arguments.json) {
        run.terminal.print(answer.body.empty() ? "{}\n" : answer.body);
        return is_whole ? kDone : kFailed;
    }
    const std::string made = is_question(plan) ? "" : generated_password(answer.body);
    if (!run.arguments.quiet && !plan.done.empty()) run.terminal.print(plan.done + "\n");
    if (!run.arguments.quiet && plan.view == View::alias && !plan.done.empty()) run.terminal.print(alias_warning(answer.body));
    if (!made.empty()) run.terminal.print(run.arguments.quiet ? made + "\n" : "its password is " + made + "\n");
    if (!plan.done.empty() || (run.arguments.quiet && !is_question(plan) && is_whole)) return kDone;
    const auto text = show(plan.view, answer.body, run.style());
    if (!text) return run.fail(text.error(), kFailed);
    run.terminal.print(*text);
    return is_whole ? kDone : kFailed;
}

}  // namespace

int run_api_command(Run run)
{
    if (const auto wrong = find_complaint(run.arguments, SystemClock().wall())) return run.fail(*wrong, kUsage);
    std::optional<std::string> password;
    Arguments arguments = run.arguments;
    if (arguments.command == Command::account_add || arguments.command == Command::account_password) {
        auto obtained = obtain_password(run);
        if (!obtained) return run.fail(obtained.error(), kFailed);
        password = std::move(*obtained);
        arguments.generate_password = !password;
    }
    const Plan wanted = plan(arguments, password ? &*password : nullptr);
    if (!is_confirmed(run, wanted.confirmation)) {
        return run.fail(Error{wanted.confirmation, "nothing was done", "answer yes, or use --yes"}, kFailed);
    }
    const auto answer = call_daemon(run.socket_path(), wanted.call);
    if (!answer) return run.fail(answer.error().error, answer.error().is_unreachable ? kUnreachable : kFailed);
    return report(run, wanted, *answer);
}

}  // namespace mbx::ctl
