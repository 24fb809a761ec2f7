// ID, CREATE, STATUS, LIST, LSUB: commands over mailboxes.
#include <array>

#include "base/ascii.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

struct NamedItem {
    std::string_view name;
    StatusItem item;
};
constexpr std::array<NamedItem, 11> kStatusItems{{
    {"MESSAGES", StatusItem::messages},
    {"RECENT", StatusItem::recent},
    {"UIDNEXT", StatusItem::uidnext},
    {"UIDVALIDITY", StatusItem::uidvalidity},
    {"UNSEEN", StatusItem::unseen},
    {"DELETED", StatusItem::deleted},
    {"SIZE", StatusItem::size},
    {"APPENDLIMIT", StatusItem::appendlimit},
    {"DELETED-STORAGE", StatusItem::deleted_storage},
    {"MAILBOXID", StatusItem::mailboxid},
    {"HIGHESTMODSEQ", StatusItem::highestmodseq},
}};

struct NamedFlag {
    std::string_view name;
    store::SystemFlag flag;
};
constexpr std::array<NamedFlag, 5> kSystemFlags{{
    {"Answered", store::kAnswered},
    {"Flagged", store::kFlagged},
    {"Deleted", store::kDeleted},
    {"Seen", store::kSeen},
    {"Draft", store::kDraft},
}};

bool parse_flag(Cursor& at, FlagList& into)
{
    const bool system = at.take('\\');
    const auto word = at.atom();
    if (!word) return false;
    if (system) {
        for (const auto& known : kSystemFlags) {
            if (!ascii::same(*word, known.name)) continue;
            into.system |= known.flag;
            return true;
        }
        // \Recent cannot be set (RFC 9051 section 2.3.2), and no other system flag exists.
        (void)at.fail("unknown or read-only system flag");
        return false;
    }
    if (word->size() > kMaxKeyword) {
        (void)at.fail("keyword too long");
        return false;
    }
    // Maildir has a letter of its own for it.
    if (ascii::same(*word, "$Forwarded")) {
        into.system |= store::kForwarded;
        return true;
    }
    for (const auto& known : into.keywords) {
        if (ascii::same(known, *word)) return true;
    }
    into.keywords.emplace_back(*word);
    return true;
}

// RFC 5258 section 3: selection options in parentheses before the reference.
bool parse_select_options(Cursor& at, List& list)
{
    if (!at.take('(')) return true;
    list.extended = true;
    bool has_base = false;
    while (!at.take(')')) {
        if (at.take_word("SUBSCRIBED")) {
            list.select_subscribed = has_base = true;
        } else if (at.take_word("REMOTE")) {
            // No mailbox of ours is remote, so nothing more is listed.
        } else if (at.take_word("RECURSIVEMATCH")) {
            list.recursive_match = true;
        } else if (at.take_word("\\SPECIAL-USE") || at.take_word("SPECIAL-USE")) {
            list.select_special_use = has_base = true;
        } else {
            (void)at.fail("unknown LIST selection option");
            return false;
        }
        if (!at.next_is(')') && !at.space()) return false;
    }
    if (list.recursive_match && !has_base) {
        (void)at.fail("RECURSIVEMATCH needs another selection option");
        return false;
    }
    return at.space();
}

bool parse_return_option(Cursor& at, List& list)
{
    if (at.take_word("SUBSCRIBED")) {
        list.return_subscribed = true;
    } else if (at.take_word("CHILDREN")) {
        list.return_children = true;
    } else if (at.take_word("SPECIAL-USE")) {
        list.return_special_use = true;
    } else if (at.take_word("MYRIGHTS")) {
        list.return_myrights = true;  // RFC 8440 section 3
    } else if (at.take_word("STATUS")) {
        if (!at.space()) return false;
        auto items = parse_status_items(at);
        if (!items) return false;
        list.return_status = std::move(*items);
    } else {
        (void)at.fail("unknown LIST return option");
        return false;
    }
    return true;
}

bool parse_patterns(Cursor& at, List& list)
{
    if (!at.take('(')) {
        auto pattern = at.list_mailbox();
        if (!pattern) return false;
        list.patterns.push_back(std::move(*pattern));
        return true;
    }
    list.extended = true;
    do {
        auto pattern = at.list_mailbox();
        if (!pattern) return false;
        list.patterns.push_back(std::move(*pattern));
        if (list.patterns.size() > kMaxListPatterns) {
            (void)at.fail("too many patterns");
            return false;
        }
    } while (at.take(' '));
    return at.expect(')');
}

bool parse_id_field(Cursor& at, Id& id)
{
    auto name = at.string();
    if (!name || !at.space()) return false;
    bool is_nil = false;
    auto value = at.nstring_or_nil(is_nil);
    if (!value) return false;
    if (id.fields.size() == kMaxIdFields || name->size() > kMaxIdName || value->size() > kMaxIdValue) {
        (void)at.fail("ID parameters beyond the limits of RFC 2971");
        return false;
    }
    if (is_nil) {
        id.fields.emplace_back(std::move(*name), std::nullopt);
    } else {
        id.fields.emplace_back(std::move(*name), std::move(*value));
    }
    return true;
}

}  // namespace

std::optional<Request> parse_id(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    Id id;
    if (at.take_word("NIL")) return Request(std::move(id));
    if (!at.expect('(')) return std::nullopt;
    if (at.take(')')) return Request(std::move(id));
    do {
        if (!parse_id_field(at, id)) return std::nullopt;
    } while (at.take(' '));
    if (!at.expect(')')) return std::nullopt;
    return Request(std::move(id));
}

std::optional<Request> parse_create(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox) return std::nullopt;
    Create create{std::move(*mailbox), {}};
    if (at.at_end()) return Request(std::move(create));
    // RFC 6154 section 3: CREATE name (USE (\Drafts))
    if (!at.space() || !at.expect('(')) return std::nullopt;
    if (!at.take_word("USE")) return at.fail("unknown CREATE parameter");
    if (!at.space() || !at.expect('(')) return std::nullopt;
    while (!at.take(')')) {
        if (!at.take('\\')) return at.fail("expected a special-use attribute");
        const auto use = at.atom();
        if (!use) return std::nullopt;
        create.uses.push_back("\\" + std::string(*use));
        if (!at.next_is(')') && !at.space()) return std::nullopt;
    }
    if (!at.expect(')')) return std::nullopt;
    return Request(std::move(create));
}

std::optional<std::vector<StatusItem>> parse_status_items(Cursor& at)
{
    if (!at.expect('(')) return std::nullopt;
    std::vector<StatusItem> items;
    do {
        const auto word = at.atom();
        if (!word) return std::nullopt;
        const NamedItem* found = nullptr;
        for (const auto& known : kStatusItems) {
            if (ascii::same(*word, known.name)) found = &known;
        }
        if (found == nullptr) return at.fail("unknown STATUS item");
        if (std::ranges::find(items, found->item) == items.end()) items.push_back(found->item);
    } while (at.take(' '));
    if (!at.expect(')')) return std::nullopt;
    return items;
}

std::optional<Request> parse_status(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox || !at.space()) return std::nullopt;
    auto items = parse_status_items(at);
    if (!items) return std::nullopt;
    return Request(Status{std::move(*mailbox), std::move(*items)});
}

std::optional<Request> parse_list(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    List list;
    if (!parse_select_options(at, list)) return std::nullopt;
    auto reference = at.mailbox();
    if (!reference || !at.space()) return std::nullopt;
    list.reference = std::move(*reference);
    if (!parse_patterns(at, list)) return std::nullopt;
    if (at.at_end()) return Request(std::move(list));
    if (!at.space()) return std::nullopt;
    if (!at.take_word("RETURN")) return at.fail("expected RETURN");
    if (!at.space() || !at.expect('(')) return std::nullopt;
    list.extended = true;
    while (!at.take(')')) {
        if (!parse_return_option(at, list)) return std::nullopt;
        if (!at.next_is(')') && !at.space()) return std::nullopt;
    }
    return Request(std::move(list));
}

std::optional<Request> parse_lsub(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto reference = at.mailbox();
    if (!reference || !at.space()) return std::nullopt;
    auto pattern = at.list_mailbox();
    if (!pattern) return std::nullopt;
    return Request(Lsub{std::move(*reference), std::move(*pattern)});
}

std::optional<FlagList> parse_flag_words(Cursor& at)
{
    FlagList flags;
    do {
        if (!parse_flag(at, flags)) return std::nullopt;
    } while (at.take(' '));
    return flags;
}

std::optional<FlagList> parse_flag_list(Cursor& at)
{
    if (!at.expect('(')) return std::nullopt;
    if (at.take(')')) return FlagList{};
    auto flags = parse_flag_words(at);
    if (!flags || !at.expect(')')) return std::nullopt;
    return flags;
}

}  // namespace mbx::imap::detail
