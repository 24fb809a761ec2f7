// Names of other accounts' mailboxes (RFC 2342): "Other Users/ann@example.org/Projects" is Ann's "Projects" to whoever she
// shares it with. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/types.hpp"

namespace mbx::imap {

constexpr std::string_view kOtherUsers = "Other Users";

// Whether a name stands below "Other Users": then it is never one of the own account.
bool is_other_users(std::string_view name);

struct OtherName {
    std::string owner;  // the address, as it was written
    std::string name;   // in that account
};
// None: there is no mailbox in it, or it is no name of that kind.
std::optional<OtherName> parse_other_name(std::string_view name);
std::string other_prefix(std::string_view owner);  // "Other Users/ann@example.org/"

// The one spelling of a name: INBOX in capitals where it is the first level of an account.
std::string canonical_name(const std::string& name);

// Whether a LIST pattern (with its reference in front) can match something below `prefix`. May say yes in vain.
bool may_match_below(std::string_view pattern, std::string_view prefix);

// As ACL, MYRIGHTS and LISTRIGHTS tell them: with the virtual rights c and d (RFC 4314 section 2.1.1).
std::string rights_text(store::Rights rights);
// What of a message's flags somebody with these rights may set (section 4).
std::uint8_t settable_flags(store::Rights rights);

}  // namespace mbx::imap
