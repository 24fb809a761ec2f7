// JSON that comes in: bounded, strict, without duplicate or unknown members (HOSTILE rows K8, J10). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "directory/directory.hpp"

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
    bool is_administrator = false;
};

struct AliasChangeBody {
    std::optional<std::vector<std::string>> targets;
    std::optional<bool> enabled;
};

struct IndexTaskBody {
    bool rebuild = false;
    std::string account;  // empty: all
};

// An error's `attempted` names the act; its `happened` names the member.
Result<NewDomainBody, Error> parse_new_domain(std::string_view json);
Result<directory::DomainChange, Error> parse_domain_change(std::string_view json);
Result<NewAccountBody, Error> parse_new_account(std::string_view json);
Result<directory::AccountChange, Error> parse_account_change(std::string_view json);  // never a password
Result<PasswordBody, Error> parse_password(std::string_view json);
Result<directory::Alias, Error> parse_new_alias(std::string_view json);
Result<AliasChangeBody, Error> parse_alias_change(std::string_view json);
Result<IndexTaskBody, Error> parse_index_task(std::string_view json);

}  // namespace mbx::admin
