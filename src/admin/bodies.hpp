// JSON that comes in: bounded, strict, without duplicate or unknown members (HOSTILE rows K8, J10). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "directory/directory.hpp"
#include "queue/queue.hpp"

namespace mbx::admin {

constexpr unsigned kMaxJsonDepth = 16;  // no body of this API needs more than three

struct NewDomainBody {
    std::string name;
    directory::DomainChange change;
};

// A password as text, or one made by the server, or none yet.
struct PasswordBody {
    std::optional<std::string> password;
    bool generate = false;
};

struct NewAccountBody {
    std::string address;
    PasswordBody password;
    std::string full_name;
    std::uint64_t quota_bytes = 0;
    std::uint64_t quota_messages = 0;
    bool is_administrator = false;
};

struct AliasChangeBody {
    std::optional<std::vector<std::string>> targets;
    std::optional<bool> enabled;
    std::optional<std::string> owner;  // empty text: none
};

// Which of the expunged are to come back: by name, or all that the filter lets through.
struct UndeleteBody {
    std::vector<std::string> names;
    std::string since;    // as config::parse_since() takes it
    std::string mailbox;  // that they were in
    bool all = false;
    std::optional<std::string> target;
};

// As SETACL has it (RFC 4314): "lrs" replaces, "+s" adds, "-s" takes away, "" removes the entry.
struct AccessBody {
    std::string mailbox;
    std::string identifier;
    std::string rights;
};

struct IndexTaskBody {
    bool rebuild = false;
    std::string account;  // empty: all
};

struct QueueActBody {
    queue::Act act = queue::Act::hold;
    std::string act_name;
    queue::Selection selection;
    bool is_standing = false;  // with hold: what will come, too
};

// An error's `attempted` names the act; its `happened` names the member.
Result<NewDomainBody, Error> parse_new_domain(std::string_view json);
Result<directory::DomainChange, Error> parse_domain_change(std::string_view json);
Result<NewAccountBody, Error> parse_new_account(std::string_view json);
Result<directory::AccountChange, Error> parse_account_change(std::string_view json);  // never a password
Result<PasswordBody, Error> parse_password(std::string_view json);
Result<std::string, Error> parse_app_password(std::string_view json);  // its label
Result<directory::Alias, Error> parse_new_alias(std::string_view json);
Result<AliasChangeBody, Error> parse_alias_change(std::string_view json);
Result<UndeleteBody, Error> parse_undelete(std::string_view json);
Result<AccessBody, Error> parse_access_change(std::string_view json);
Result<IndexTaskBody, Error> parse_index_task(std::string_view json);
Result<QueueActBody, Error> parse_queue_act(std::string_view json);

}  // namespace mbx::admin
