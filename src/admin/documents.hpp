// JSON that goes out: what the API shows of each thing. Never a password or its hash. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/facts.hpp"
#include "admin/index_tasks.hpp"
#include "auth/live_sessions.hpp"
#include "base/file_system.hpp"
#include "directory/quota.hpp"
#include "directory/snapshot.hpp"
#include "store/account_store.hpp"

namespace mbx::admin {

struct StatusDocument {
    SystemFacts facts;
    WallTime now;
    std::size_t domains = 0;
    std::size_t accounts = 0;
    std::size_t aliases = 0;
    std::map<std::string, std::size_t> sessions;  // by service, logged in
    std::optional<SpaceInfo> disk;                // none: it could not be asked
    std::vector<std::string> warnings;            // sentences for a person
};

struct MailboxUsage {
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    // What was expunged and can be had back; it is not in the two above.
    std::uint64_t expunged_bytes = 0;
    std::uint64_t expunged_messages = 0;
    directory::Quota quota;            // that holds; 0: none
    std::uint64_t warn_percent = 0;    // 0: never
};

struct RemovedMail {
    std::string path;  // empty: there was none
    WallTime kept_until;
    std::string failure;  // why it could not be set aside; empty: it was
};

std::string status_json(const StatusDocument& status);
std::string domain_json(const directory::Domain& domain);
std::string domains_json(const directory::Snapshot& snapshot);
// `usage` where the mailbox was asked, `password` where the server made one.
std::string account_json(const directory::Account& account, std::optional<MailboxUsage> usage,
                         std::optional<std::string> password);
std::string usage_json(const MailboxUsage& usage);
// `keep`: how long expunged messages can be had back.
std::string expunged_json(const store::ExpungedList& list, std::chrono::milliseconds keep);
// The first thousand in detail.
std::string restored_json(const std::vector<store::Undeleted>& restored);
// `entries`: identifiers and rights, the owner's first.
std::string access_json(const std::string& owner, const std::string& mailbox,
                        const std::vector<std::pair<std::string, std::string>>& entries);
// `last_use`: of an id, in seconds since 1970; 0: never.
std::string app_passwords_json(const std::vector<directory::AppPassword>& all,
                               const std::function<std::int64_t(std::int64_t)>& last_use);
// One that was just made.
std::string app_password_json(const directory::AppPassword& made, const std::string& password);
std::string accounts_json(const directory::Snapshot& snapshot, const std::string* domain);
std::string removed_account_json(const directory::Account& account, const RemovedMail& mail);
// `snapshot`: which domains are of this server.
std::string alias_json(const directory::Alias& alias, const directory::Snapshot& snapshot);
std::string aliases_json(const directory::Snapshot& snapshot);
std::string sessions_json(const std::vector<auth::LiveSessions::Entry>& sessions);
std::string configuration_json(const std::vector<config::ShowRow>& rows);
std::string reload_json(const std::vector<config::Change>& changes);

std::string index_task_json(const IndexTask& task);

// "2026-11-21T23:40:00Z" (RFC 3339).
std::string timestamp(WallTime time);
// Of any number; cut to the years 1970 … 9999, which a WallTime does not hold.
std::string timestamp(std::int64_t unix_seconds);

}  // namespace mbx::admin
