#include "imap/shared_names.hpp"

#include <algorithm>

#include "imap/list_pattern.hpp"
#include "imap/mailbox_filter.hpp"
#include "store/access_list.hpp"

namespace mbx::imap {

bool is_other_users(std::string_view name)
{
    return name.size() > kOtherUsers.size() && name.starts_with(kOtherUsers) && name[kOtherUsers.size()] == kSeparator;
}

std::optional<OtherName> parse_other_name(std::string_view name)
{
    if (!is_other_users(name)) return std::nullopt;
    name.remove_prefix(kOtherUsers.size() + 1);
    const auto end = name.find(kSeparator);
    if (end == std::string_view::npos || end == 0 || end + 1 == name.size()) return std::nullopt;
    return OtherName{std::string(name.substr(0, end)), std::string(name.substr(end + 1))};
}

std::string other_prefix(std::string_view owner)
{
    return std::string(kOtherUsers) + kSeparator + std::string(owner) + kSeparator;
}

std::string canonical_name(const std::string& name)
{
    const auto other = parse_other_name(name);
    return other ? other_prefix(other->owner) + listed_name(other->name) : listed_name(name);
}

bool may_match_below(std::string_view pattern, std::string_view prefix)
{
    const auto plain = pattern.substr(0, pattern.find_first_of("*%"));
    const auto both = std::min(plain.size(), prefix.size());
    return plain.substr(0, both) == prefix.substr(0, both);
}

std::string rights_text(store::Rights rights)
{
    auto letters = store::rights_letters(rights);
    // Behind them stands only "a", as in the examples of RFC 4314.
    const bool administers = letters.ends_with('a');
    if (administers) letters.pop_back();
    if ((rights & (store::kCreateBelow | store::kDeleteMailbox)) != 0) letters += 'c';
    if ((rights & (store::kDeleteMessages | store::kExpungeRight)) != 0) letters += 'd';
    if (administers) letters += 'a';
    return letters;
}

std::uint8_t settable_flags(store::Rights rights)
{
    unsigned flags = 0;
    if ((rights & store::kKeepSeen) != 0) flags |= store::kSeen;
    if ((rights & store::kDeleteMessages) != 0) flags |= store::kDeleted;
    if ((rights & store::kWriteFlags) != 0) flags |= store::kAnswered | store::kFlagged | store::kDraft | store::kForwarded;
    return static_cast<std::uint8_t>(flags);
}

}  // namespace mbx::imap
