// FETCH, STORE, COPY and MOVE: commands over messages.
#include <array>

#include "base/ascii.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

struct PlainItem {
    std::string_view name;
    FetchAttribute attribute;
};
constexpr std::array<PlainItem, 10> kPlainItems{{
    {"FLAGS", FetchAttribute::flags},
    {"UID", FetchAttribute::uid},
    {"INTERNALDATE", FetchAttribute::internal_date},
    {"RFC822.SIZE", FetchAttribute::rfc822_size},
    {"ENVELOPE", FetchAttribute::envelope},
    {"BODYSTRUCTURE", FetchAttribute::body_structure},
    {"EMAILID", FetchAttribute::email_id},
    {"THREADID", FetchAttribute::thread_id},
    {"MODSEQ", FetchAttribute::modseq},
    {"SAVEDATE", FetchAttribute::save_date},
}};

// RFC822 and its kin are other names of BODY[…] (RFC 3501 section 6.4.5).
struct LegacyItem {
    std::string_view name;
    mail::SectionText text;
    bool peek;
};
constexpr std::array<LegacyItem, 3> kLegacyItems{{
    {"RFC822", mail::SectionText::whole, false},
    {"RFC822.HEADER", mail::SectionText::header, true},
    {"RFC822.TEXT", mail::SectionText::text, false},
}};

struct SectionWord {
    std::string_view name;
    mail::SectionText text;
};
// Longer names first: they begin alike.
constexpr std::array<SectionWord, 5> kSectionWords{{
    {"HEADER.FIELDS.NOT", mail::SectionText::header_fields_not},
    {"HEADER.FIELDS", mail::SectionText::header_fields},
    {"HEADER", mail::SectionText::header},
    {"TEXT", mail::SectionText::text},
    {"MIME", mail::SectionText::mime},
}};

FetchItem plain(FetchAttribute attribute)
{
    FetchItem item;
    item.attribute = attribute;
    return item;
}

bool parse_part_number(Cursor& at, mail::Section& section)
{
    const auto number = at.number(UINT32_MAX);
    if (!number) return false;
    if (*number == 0) {
        (void)at.fail("part numbers begin with 1");
        return false;
    }
    section.path.push_back(static_cast<std::uint32_t>(*number));
    return true;
}

bool parse_field_names(Cursor& at, mail::Section& section)
{
    if (!at.space() || !at.expect('(')) return false;
    do {
        auto name = at.astring();
        if (!name) return false;
        section.fields.push_back(std::move(*name));
    } while (at.take(' '));
    return at.expect(')');
}

bool parse_section_word(Cursor& at, mail::Section& section)
{
    const auto name = at.item_name();
    for (const auto& word : kSectionWords) {
        if (!ascii::same(name, word.name)) continue;
        section.text = word.text;
        const bool lists = word.text == mail::SectionText::header_fields ||
                           word.text == mail::SectionText::header_fields_not;
        if (word.text == mail::SectionText::mime && section.path.empty()) {
            (void)at.fail("MIME needs a part number");
            return false;
        }
        return !lists || parse_field_names(at, section);
    }
    (void)at.fail("unknown section");
    return false;
}

// Behind "[": the rest of the section with its "]".
bool parse_section(Cursor& at, mail::Section& section, bool numbers_only)
{
    if (at.take(']')) return true;
    while (!at.at_end() && ascii::is_digit(at.rest().front())) {
        if (!parse_part_number(at, section)) return false;
        if (at.take(']')) return true;
        if (!at.expect('.')) return false;
    }
    if (numbers_only) {
        (void)at.fail("expected a part number");
        return false;
    }
    return parse_section_word(at, section) && at.expect(']');
}

bool parse_partial(Cursor& at, FetchItem& item)
{
    const auto offset = at.number(INT64_MAX);
    if (!offset || !at.expect('.')) return false;
    const auto count = at.number(INT64_MAX);
    if (!count) return false;
    if (*count == 0) {
        (void)at.fail("a partial fetch of nothing");
        return false;
    }
    item.partial = Partial{*offset, *count};
    return at.expect('>');
}

// BODY, BODY[…], BODY.PEEK[…], BINARY[…], BINARY.PEEK[…], BINARY.SIZE[…] behind their names.
std::optional<FetchItem> parse_sectioned(Cursor& at, FetchAttribute attribute, bool peek, std::string_view base)
{
    FetchItem item;
    item.attribute = attribute;
    item.peek = peek;
    const auto from = at.position();
    if (!at.expect('[')) return std::nullopt;
    if (!parse_section(at, item.section, attribute != FetchAttribute::body_section)) return std::nullopt;
    item.label = std::string(base) + std::string(at.slice(from));
    // The answer cannot hold a literal's line end inside the label; field names need none.
    if (item.label.find('\n') != std::string::npos) return at.fail("literal in a section");
    if (attribute != FetchAttribute::binary_size && at.take('<')) {
        if (!parse_partial(at, item)) return std::nullopt;
        item.label += '<' + std::to_string(item.partial->offset) + '>';
    }
    return item;
}

// RFC 8970 section 6: PREVIEW [SP "(LAZY)"]. Behind the space may stand the modifiers of FETCH as well.
std::optional<FetchItem> parse_preview(Cursor& at)
{
    FetchItem item = plain(FetchAttribute::preview);
    constexpr std::string_view kLazy = " (LAZY)";
    if (at.rest().size() < kLazy.size() || !ascii::same(at.rest().substr(0, kLazy.size()), kLazy)) return item;
    at.skip(kLazy.size());
    item.lazy = true;
    return item;
}

std::optional<FetchItem> parse_item(Cursor& at)
{
    const auto name = at.item_name();
    for (const auto& known : kPlainItems) {
        if (ascii::same(name, known.name)) return plain(known.attribute);
    }
    for (const auto& known : kLegacyItems) {
        if (!ascii::same(name, known.name)) continue;
        FetchItem item = plain(FetchAttribute::body_section);
        item.section.text = known.text;
        item.peek = known.peek;
        item.label = known.name;
        return item;
    }
    if (ascii::same(name, "PREVIEW")) return parse_preview(at);
    if (ascii::same(name, "BODY")) {
        if (!at.next_is('[')) return plain(FetchAttribute::body);
        return parse_sectioned(at, FetchAttribute::body_section, false, "BODY");
    }
    if (ascii::same(name, "BODY.PEEK")) return parse_sectioned(at, FetchAttribute::body_section, true, "BODY");
    if (ascii::same(name, "BINARY")) return parse_sectioned(at, FetchAttribute::binary, false, "BINARY");
    if (ascii::same(name, "BINARY.PEEK")) return parse_sectioned(at, FetchAttribute::binary, true, "BINARY");
    if (ascii::same(name, "BINARY.SIZE")) return parse_sectioned(at, FetchAttribute::binary_size, true, "BINARY.SIZE");
    return at.fail("unknown FETCH item");
}

// RFC 9051 section 6.4.5: ALL, FAST and FULL stand alone.
bool take_macro(Cursor& at, std::vector<FetchItem>& items)
{
    const bool full = at.take_word("FULL");
    const bool all = full || at.take_word("ALL");
    if (!all && !at.take_word("FAST")) return false;
    items.push_back(plain(FetchAttribute::flags));
    items.push_back(plain(FetchAttribute::internal_date));
    items.push_back(plain(FetchAttribute::rfc822_size));
    if (all) items.push_back(plain(FetchAttribute::envelope));
    if (full) items.push_back(plain(FetchAttribute::body));
    return true;
}

}  // namespace

namespace {

bool parse_items(Cursor& at, std::vector<FetchItem>& items)
{
    if (take_macro(at, items)) return true;
    const bool list = at.take('(');
    do {
        auto item = parse_item(at);
        if (!item) return false;
        if (items.size() == kMaxFetchItems) {
            (void)at.fail("too many FETCH items");
            return false;
        }
        items.push_back(std::move(*item));
    } while (list && at.take(' '));
    return !list || at.expect(')');
}

}  // namespace

bool parse_section_text(std::string_view text, mail::Section& section)
{
    const std::string closed = std::string(text) + "]";
    Cursor at(closed, true);
    return parse_section(at, section, false) && at.at_end();
}

bool parse_fetch_attributes(Cursor& at, std::vector<FetchItem>& items)
{
    return at.next_is('(') && parse_items(at, items);
}

std::optional<Request> parse_fetch(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Fetch fetch;
    fetch.by_uid = by_uid;
    auto set = at.sequence_set();
    if (!set || !at.space()) return std::nullopt;
    fetch.messages = std::move(*set);
    if (!parse_items(at, fetch.items)) return std::nullopt;
    if (at.take(' ') && !parse_fetch_modifiers(at, fetch)) return std::nullopt;
    return Request(std::move(fetch));
}

std::optional<Request> parse_store(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Store store;
    store.by_uid = by_uid;
    auto set = at.sequence_set();
    if (!set || !at.space()) return std::nullopt;
    store.messages = std::move(*set);
    if (at.next_is('(') && !parse_store_modifiers(at, store)) return std::nullopt;
    if (at.take('+')) {
        store.action = store::FlagAction::add;
    } else if (at.take('-')) {
        store.action = store::FlagAction::remove;
    }
    const auto name = at.item_name();
    store.silent = ascii::same(name, "FLAGS.SILENT");
    if (!store.silent && !ascii::same(name, "FLAGS")) return at.fail("unknown STORE item");
    if (!at.space()) return std::nullopt;
    auto flags = at.next_is('(') ? parse_flag_list(at) : parse_flag_words(at);
    if (!flags) return std::nullopt;
    store.flags = std::move(*flags);
    return Request(std::move(store));
}

std::optional<Request> parse_copy(Cursor& at, bool by_uid, bool move)
{
    if (!at.space()) return std::nullopt;
    auto set = at.sequence_set();
    if (!set || !at.space()) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox) return std::nullopt;
    return Request(Copy{by_uid, move, std::move(*set), std::move(*mailbox)});
}

}  // namespace mbx::imap::detail
