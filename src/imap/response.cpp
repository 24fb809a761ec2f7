#include "imap/response.hpp"

#include <array>

#include "base/ascii.hpp"
#include "imap/modified_utf7.hpp"
#include "mail/imap_structure.hpp"
#include "store/object_id.hpp"

namespace mbx::imap {

namespace {

struct NamedFlag {
    store::SystemFlag flag;
    std::string_view name;
};
constexpr std::array<NamedFlag, 6> kFlagNames{{
    {store::kAnswered, "\\Answered"},
    {store::kFlagged, "\\Flagged"},
    {store::kDeleted, "\\Deleted"},
    {store::kSeen, "\\Seen"},
    {store::kDraft, "\\Draft"},
    {store::kForwarded, "$Forwarded"},
}};

struct NamedUse {
    store::SpecialUse use;
    std::string_view name;
};
constexpr std::array<NamedUse, 7> kUses{{
    {store::SpecialUse::all, "\\All"},
    {store::SpecialUse::archive, "\\Archive"},
    {store::SpecialUse::drafts, "\\Drafts"},
    {store::SpecialUse::flagged, "\\Flagged"},
    {store::SpecialUse::junk, "\\Junk"},
    {store::SpecialUse::sent, "\\Sent"},
    {store::SpecialUse::trash, "\\Trash"},
}};

void append_word(std::string& list, std::string_view word)
{
    if (list.size() > 1) list += ' ';
    list += word;
}

std::string status_value(const store::MailboxStatus& status, StatusItem item, std::uint64_t append_limit, std::int64_t owner)
{
    switch (item) {
    case StatusItem::messages: return "MESSAGES " + std::to_string(status.messages);
    case StatusItem::deleted_storage: return "DELETED-STORAGE " + std::to_string(status.deleted_size);
    case StatusItem::recent: return "RECENT 0";
    case StatusItem::uidnext: return "UIDNEXT " + std::to_string(status.uidnext);
    case StatusItem::uidvalidity: return "UIDVALIDITY " + std::to_string(status.uidvalidity);
    case StatusItem::unseen: return "UNSEEN " + std::to_string(status.unseen);
    case StatusItem::deleted: return "DELETED " + std::to_string(status.deleted);
    case StatusItem::size: return "SIZE " + std::to_string(status.size);
    case StatusItem::mailboxid: return "MAILBOXID (" + object_id_text(status.id, owner) + ")";
    case StatusItem::highestmodseq: return "HIGHESTMODSEQ " + std::to_string(status.highest_modseq);
    case StatusItem::appendlimit: return "APPENDLIMIT " + std::to_string(append_limit);
    }
    return {};
}

}  // namespace

std::string object_id_text(store::MailboxId id, std::int64_t owner)
{
    const auto text = store::mailbox_id_text(id);
    return owner == 0 ? text : text + "-" + std::to_string(owner);
}

std::string mailbox_text(std::string_view name, bool utf8)
{
    const std::string wire = utf8 ? std::string(name) : encode_modified_utf7(name);
    std::string out;
    bool quotable = true;
    for (const char c : wire) quotable = quotable && !ascii::is_control(c);
    if (!quotable) {
        mail::append_imap_string(out, wire);
        return out;
    }
    out += '"';
    for (const char c : wire) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
    return out;
}

std::string flags_text(store::Flags flags, const std::vector<std::string>& keywords)
{
    std::string list = "(";
    for (const auto& known : kFlagNames) {
        if ((flags.system & known.flag) != 0) append_word(list, known.name);
    }
    for (std::size_t bit = 0; bit < keywords.size() && bit < 32; ++bit) {
        if ((flags.keywords & (1U << bit)) != 0) append_word(list, keywords[bit]);
    }
    return list + ")";
}

std::string defined_flags_text(const std::vector<std::string>& keywords, bool may_grow)
{
    return permanent_flags_text(UINT8_MAX, keywords, may_grow);
}

std::string permanent_flags_text(std::uint8_t system, const std::vector<std::string>& keywords, bool may_grow)
{
    std::string list = "(";
    for (const auto& known : kFlagNames) {
        if ((system & known.flag) != 0) append_word(list, known.name);
    }
    for (const auto& keyword : keywords) append_word(list, keyword);
    if (may_grow) append_word(list, "\\*");
    return list + ")";
}

std::string_view special_use_text(store::SpecialUse use)
{
    for (const auto& known : kUses) {
        if (known.use == use) return known.name;
    }
    return {};
}

bool parse_special_use(std::string_view text, store::SpecialUse& into)
{
    for (const auto& known : kUses) {
        if (!ascii::same(known.name, text)) continue;
        into = known.use;
        return true;
    }
    return false;
}

std::string status_text(std::string_view name, const store::MailboxStatus& status, const std::vector<StatusItem>& items,
                        std::uint64_t append_limit, bool utf8, std::int64_t owner)
{
    std::string list = "(";
    for (const auto item : items) append_word(list, status_value(status, item, append_limit, owner));
    return "* STATUS " + mailbox_text(name, utf8) + " " + list + ")\r\n";
}

std::string_view refusal_text(store::StoreError error)
{
    switch (error) {
    case store::StoreError::no_such_mailbox: return "[NONEXISTENT] no such mailbox";
    case store::StoreError::mailbox_exists: return "[ALREADYEXISTS] the mailbox exists already";
    case store::StoreError::invalid_name: return "[CANNOT] no mailbox can have that name";
    case store::StoreError::not_permitted: return "[CANNOT] that is not possible with this mailbox";
    case store::StoreError::has_children: return "[HASCHILDREN] the mailbox has mailboxes below it";
    case store::StoreError::no_right: return "[NOPERM] there is no right to do that with this mailbox";
    case store::StoreError::no_such_message: return "[EXPUNGEISSUED] the message is gone";
    case store::StoreError::limit: return "[LIMIT] a limit of names, depth or keywords is reached";
    case store::StoreError::over_quota: return "[OVERQUOTA] the account has no room left";
    case store::StoreError::no_space: return "[UNAVAILABLE] the server has no room left; try again later";
    case store::StoreError::io: return "[SERVERBUG] the storage failed; nothing was changed; the administrator's log says more";
    case store::StoreError::corrupt: return "[SERVERBUG] the index is being rebuilt; try again in a moment";
    }
    return "[SERVERBUG] unknown refusal";
}

}  // namespace mbx::imap
