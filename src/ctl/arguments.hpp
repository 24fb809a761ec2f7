// A command line, understood. Plain values: CLI11 stays in command_tree.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mbx::ctl {

enum class Command : std::uint8_t {
    none,
    setup,
    status,
    domain_add,
    domain_list,
    domain_show,
    domain_set,
    domain_remove,
    account_add,
    account_list,
    account_show,
    account_set,
    account_remove,
    account_password,
    account_forward,
    app_password_add,
    app_password_list,
    app_password_remove,
    message_undelete,
    acl_show,
    acl_set,
    acl_remove,
    queue_list,
    queue_show,
    queue_hold,
    queue_release,
    queue_retry,
    queue_bounce,
    queue_delete,
    queue_holds,
    alias_add,
    alias_list,
    alias_show,
    alias_set,
    alias_remove,
    session_list,
    trace,
    slo,
    index_check,
    index_rebuild,
    dns_lookup,
    check_route,
    config_show,
    config_check,
    journal_list,
    journal_show,
    reload,
    stop,
    completion,
    man,
};

struct SetupArguments {
    std::string hostname;
    std::string domain;
    std::string administrator;
    std::string data_directory;
    std::string user;
    std::vector<std::string> settings;  // "key=TOML value"
    bool force = false;
};

struct Arguments {
    Command command = Command::none;

    // Common to all commands.
    std::string socket;       // empty: as the configuration says
    std::string config_path;
    bool json = false;
    bool quiet = false;

    std::string name;                  // a domain, or an address
    std::vector<std::string> targets;  // of an alias, or of forwarding
    std::optional<std::string> owner;  // of a list; empty: none
    bool no_copy = false;
    bool off = false;
    std::optional<std::string> full_name;
    std::optional<std::string> quota;
    std::optional<std::string> quota_messages;
    std::optional<std::string> catch_all;
    std::optional<bool> enabled;
    std::optional<bool> administrator;
    std::string domain_filter;
    std::string label;                 // of an app password
    std::string app_password;          // its id
    std::string keep;
    bool yes = false;

    std::vector<std::string> message_names;  // in the undelete directory
    std::string since;
    std::string until;
    std::optional<std::uint64_t> within_ms;  // none: as the server says
    std::string mailbox;                     // where they were
    std::optional<std::string> target;       // where they shall be
    std::string identifier;                  // who has rights
    std::string rights;
    bool list = false;
    bool all = false;

    std::vector<std::string> queue_ids;
    std::string queue_destination;
    std::string queue_sender;
    std::string queue_recipient;
    std::string queue_after;
    bool standing = false;  // what will come is held too

    bool password_stdin = false;
    bool generate_password = false;
    std::string password_file;

    std::string record_type;  // of a look-up
    std::string sender;       // of the message whose way is asked for

    bool offline = false;

    SetupArguments setup;
    std::string data_directory;  // empty: as the configuration says
    std::uint64_t record = 0;    // of the journal
    std::string shell;
    std::string page;
};

}  // namespace mbx::ctl
