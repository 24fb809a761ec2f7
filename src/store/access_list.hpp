// Who may do what with a mailbox of somebody else (RFC 4314), and the file that says so: mailboxd-access in the account's
// directory, text as the state files are, written whole, synced, renamed. Lists belong to MailboxIds: a rename changes
// nothing of them, nor does the loss of an index. Whoever owns the account may do everything, whatever its lists say. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/types.hpp"

namespace mbx::store {

inline constexpr std::string_view kAccessFile = "mailboxd-access";
inline constexpr std::int64_t kAnyone = 0;               // every account of this server
inline constexpr std::size_t kMostAccessEntries = 256;   // of one mailbox
inline constexpr std::size_t kMostAccessFile = 4U << 20U;  // bytes
inline constexpr std::size_t kMostAccountAccess = 20'000;  // of all mailboxes of an account

struct AccessEntry {
    std::int64_t account = kAnyone;  // ids are never given twice: who has the address later inherits nothing
    bool is_negative = false;        // these rights are taken away (RFC 4314 section 2)
    Rights rights = 0;
    bool operator==(const AccessEntry&) const = default;
};
using AccessList = std::vector<AccessEntry>;  // one for each account and sign, ascending, none without rights
using AccessLists = std::map<MailboxId, AccessList>;
using AccessListsPtr = std::shared_ptr<const AccessLists>;  // never null

// What is granted to `user` and to anyone, less what is taken from either.
Rights rights_of(const AccessList& list, std::int64_t user);

enum class RightsAction : std::uint8_t { replace, add, remove };
struct AccessChange {
    std::int64_t account = kAnyone;
    bool is_negative = false;
    RightsAction action = RightsAction::replace;
    Rights rights = 0;
};
void apply(AccessList& list, const AccessChange& change);

// "lrswi": in the order of RFC 4314 section 2.1, without the virtual rights c and d.
std::string rights_letters(Rights rights);
// The letters of section 2.1 in any order, c for k and x, d for t and e (section 2.1.1); none where another stands among them.
std::optional<Rights> parse_rights(std::string_view letters);

std::string format_access(const AccessLists& lists);
// None for a wrong checksum, version or value.
std::optional<AccessLists> parse_access(std::string_view text);

// The keys with which an account signs URLs of messages (RFC 4467 section 2.2), in mailboxd-urlkeys of its directory: one
// for each mailbox that it made URLs of, its own and others'.
inline constexpr std::string_view kUrlKeyFile = "mailboxd-urlkeys";
inline constexpr std::size_t kMostUrlKeys = 10'000;
inline constexpr std::size_t kUrlKeyBytes = 32;

struct UrlKeyPlace {
    std::int64_t owner = 0;  // the account that the mailbox belongs to
    MailboxId mailbox;
    auto operator<=>(const UrlKeyPlace&) const = default;
};
using UrlKeys = std::map<UrlKeyPlace, std::string>;  // kUrlKeyBytes each

std::string format_url_keys(const UrlKeys& keys);
std::optional<UrlKeys> parse_url_keys(std::string_view text);

}  // namespace mbx::store
