#include "store/access_list.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "store/state_record.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kAccessHead = "mailboxd-access 1";
constexpr std::string_view kUrlKeyHead = "mailboxd-urlkeys 1";

constexpr std::array<std::pair<char, Rights>, 13> kLetters{{{'l', kLookup},
                                                           {'r', kRead},
                                                           {'s', kKeepSeen},
                                                           {'w', kWriteFlags},
                                                           {'i', kInsert},
                                                           {'p', kPost},
                                                           {'k', kCreateBelow},
                                                           {'x', kDeleteMailbox},
                                                           {'t', kDeleteMessages},
                                                           {'e', kExpungeRight},
                                                           {'a', kAdminister},
                                                           // Virtual, and so not written.
                                                           {'c', kCreateBelow | kDeleteMailbox},
                                                           {'d', kDeleteMessages | kExpungeRight}}};
constexpr std::size_t kWritten = 11;

bool is_before(const AccessEntry& a, const AccessEntry& b)
{
    return std::pair(a.account, a.is_negative) < std::pair(b.account, b.is_negative);
}

std::vector<std::string_view> words_of(std::string_view line)
{
    std::vector<std::string_view> words;
    while (true) {
        const auto end = line.find(' ');
        words.push_back(line.substr(0, end));
        if (end == std::string_view::npos) return words;
        line.remove_prefix(end + 1);
    }
}

std::optional<std::int64_t> id_of(std::string_view text)
{
    const auto number = ascii::parse_number(text);
    if (!number || !std::in_range<std::int64_t>(*number)) return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

// "5 +12 lrs": mailbox, sign and account, rights.
bool take_entry(std::string_view line, AccessLists& into)
{
    const auto words = words_of(line);
    if (words.size() != 3 || words[1].size() < 2) return false;
    const auto mailbox = id_of(words[0]);
    const auto account = id_of(words[1].substr(1));
    const auto rights = parse_rights(words[2]);
    const char sign = words[1].front();
    if (!mailbox || !account || !rights || *rights == 0 || (sign != '+' && sign != '-')) return false;
    auto& list = into[MailboxId{*mailbox}];
    const AccessEntry entry{*account, sign == '-', *rights};
    // As it is written: ascending, each once.
    if (!list.empty() && !is_before(list.back(), entry)) return false;
    if (list.size() >= kMostAccessEntries) return false;
    list.push_back(entry);
    return true;
}

}  // namespace

Rights rights_of(const AccessList& list, std::int64_t user)
{
    Rights granted = 0;
    Rights taken = 0;
    for (const auto& entry : list) {
        if (entry.account != kAnyone && entry.account != user) continue;
        auto& into = entry.is_negative ? taken : granted;
        into = static_cast<Rights>(into | entry.rights);
    }
    return static_cast<Rights>(granted & ~taken);
}

void apply(AccessList& list, const AccessChange& change)
{
    AccessEntry entry{change.account, change.is_negative, 0};
    const auto at = std::ranges::lower_bound(list, entry, is_before);
    const bool is_there = at != list.end() && !is_before(entry, *at);
    if (is_there) entry.rights = at->rights;
    switch (change.action) {
    case RightsAction::replace: entry.rights = change.rights; break;
    case RightsAction::add: entry.rights = static_cast<Rights>(entry.rights | change.rights); break;
    case RightsAction::remove: entry.rights = static_cast<Rights>(entry.rights & ~change.rights); break;
    }
    if (is_there && entry.rights == 0) list.erase(at);
    else if (is_there) *at = entry;
    else if (entry.rights != 0) list.insert(at, entry);
}

std::string rights_letters(Rights rights)
{
    std::string letters;
    for (std::size_t i = 0; i < kWritten; ++i) {
        if ((rights & kLetters.at(i).second) != 0) letters += kLetters.at(i).first;
    }
    return letters;
}

std::optional<Rights> parse_rights(std::string_view letters)
{
    Rights rights = 0;
    for (const char c : letters) {
        const auto found = std::ranges::find(kLetters, c, [](const auto& known) { return known.first; });
        if (found == kLetters.end()) return std::nullopt;
        rights = static_cast<Rights>(rights | found->second);
    }
    return rights;
}

std::string format_access(const AccessLists& lists)
{
    std::vector<std::string> values;
    for (const auto& [mailbox, list] : lists) {
        for (const auto& entry : list) {
            values.push_back(std::to_string(mailbox.value) + (entry.is_negative ? " -" : " +") +
                             std::to_string(entry.account) + " " + rights_letters(entry.rights));
        }
    }
    RecordLines lines;
    for (const auto& value : values) lines.emplace_back("entry", value);
    return format_lines(kAccessHead, lines);
}

std::optional<AccessLists> parse_access(std::string_view text)
{
    const auto lines = parse_lines(text, kAccessHead);
    if (!lines || lines->size() > kMostAccountAccess) return std::nullopt;
    AccessLists lists;
    for (const auto& [key, value] : *lines) {
        if (key != "entry" || !take_entry(value, lists)) return std::nullopt;
    }
    return lists;
}

std::string format_url_keys(const UrlKeys& keys)
{
    std::vector<std::string> values;
    for (const auto& [place, key] : keys) {
        values.push_back(std::to_string(place.owner) + " " + std::to_string(place.mailbox.value) + " " + encode_base64(key));
    }
    RecordLines lines;
    for (const auto& value : values) lines.emplace_back("key", value);
    return format_lines(kUrlKeyHead, lines);
}

std::optional<UrlKeys> parse_url_keys(std::string_view text)
{
    const auto lines = parse_lines(text, kUrlKeyHead);
    if (!lines || lines->size() > kMostUrlKeys) return std::nullopt;
    UrlKeys keys;
    for (const auto& [name, value] : *lines) {
        const auto words = words_of(value);
        if (name != "key" || words.size() != 3) return std::nullopt;
        const auto owner = id_of(words[0]);
        const auto mailbox = id_of(words[1]);
        auto key = decode_base64(words[2]);
        if (!owner || !mailbox || !key || key->size() != kUrlKeyBytes) return std::nullopt;
        keys.insert_or_assign(UrlKeyPlace{*owner, MailboxId{*mailbox}}, std::move(*key));
    }
    return keys;
}

}  // namespace mbx::store
