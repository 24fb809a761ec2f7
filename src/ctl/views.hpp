// The API's JSON documents, written for people; and the other way, the JSON of what is asked. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "config/load.hpp"
#include "ctl/arguments.hpp"
#include "ctl/table.hpp"

namespace mbx::ctl {

enum class View : std::uint8_t {
    nothing,
    status,
    domains,
    domain,
    accounts,
    account,
    removed_account,
    app_passwords,
    expunged,
    restored,
    access,
    queue,
    queued,
    queue_act,
    holds,
    aliases,
    alias,
    sessions,
    trace,
    slo,
    settings,
    reload,
    look_up,
    route,
};

// The document as text; an Error when it is not what this version of mailboxctl knows.
Result<std::string, Error> show(View view, std::string_view json, Style style);

// The password that the server made, out of an account's or an app password's document; empty: none.
std::string generated_password(std::string_view account_json);

// Who reads where an alias leads, with a line end; empty: nobody, or it is no alias.
std::string alias_warning(std::string_view alias_json);

// Whether an answer to an undelete names something that did not come back.
bool has_failures(std::string_view restored_json);
// Whether an act on the queue was asked of messages by their ids, and one of them is not there.
bool names_unknown(std::string_view queue_act_json);
// Whether a search of the trace found nothing.
bool is_nothing_found(std::string_view trace_json);

// "5GiB" (or "100000", no size), "0" (the server's default), "none" (no limit: the largest number); none for others.
std::optional<std::uint64_t> quota_number(const std::string& text, bool is_size);

// What a refusal (RFC 9457) says.
Error read_problem(int status, std::string_view json);
std::string problem_json(const Error& error);

// The bodies of requests.
std::string domain_body(const Arguments& arguments, bool with_name);
std::string account_body(const Arguments& arguments, bool with_address, const std::string* password);
std::string undelete_body(const Arguments& arguments);
std::string access_body(const Arguments& arguments);
std::string queue_act_body(const Arguments& arguments, std::string_view act);
std::string password_body(const Arguments& arguments, const std::string* password);
std::string app_password_body(const Arguments& arguments);
std::string alias_body(const Arguments& arguments, bool with_address);
std::string forward_body(const Arguments& arguments);

// The documents of commands that need no daemon, in the API's form.
std::string settings_json(const std::vector<config::ShowRow>& rows);
std::string check_json(const std::string& file, const std::vector<config::ConfigError>& errors);
struct SetupOutcome {
    std::string config;
    std::string data_directory;
    std::string hostname;
    std::string domain;
    std::string administrator;
    std::string certificate;
    std::string generated_password;  // empty: the password was given
    bool is_changed = true;          // false: all was there already
};
std::string setup_json(const SetupOutcome& outcome);

}  // namespace mbx::ctl
