// GETMETADATA and SETMETADATA (RFC 5464 section 5).
#include "imap/metadata.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

bool refused(Cursor& at, const char* reason)
{
    (void)at.fail(reason);
    return false;
}

std::optional<std::string> entry_name(Cursor& at, EntryDepth depth)
{
    const auto name = at.astring();
    if (!name) return std::nullopt;
    auto entry = judge_asked_entry(*name, depth);
    if (!entry) return at.fail("invalid entry name");
    return entry;
}

bool take_option(Cursor& at, GetMetadata& into)
{
    const auto name = at.upper_atom();
    if (!name || !at.space()) return false;
    if (*name == "MAXSIZE") {
        into.max_size = at.number(UINT32_MAX);
        return into.max_size.has_value();
    }
    if (*name != "DEPTH") return refused(at, "unknown option");
    const auto depth = at.upper_atom();
    if (!depth) return false;
    if (*depth == "0") into.depth = EntryDepth::zero;
    else if (*depth == "1") into.depth = EntryDepth::one;
    else if (*depth == "INFINITY") into.depth = EntryDepth::infinity;
    else return refused(at, "unknown depth");
    return true;
}

// Behind "(".
bool take_options(Cursor& at, GetMetadata& into)
{
    do {
        if (!take_option(at, into)) return false;
    } while (at.take(' '));
    return at.expect(')');
}

// Behind "(".
bool take_entries(Cursor& at, GetMetadata& into)
{
    do {
        if (into.entries.size() >= kMostEntries) return refused(at, "too many entries");
        auto entry = entry_name(at, into.depth);
        if (!entry) return false;
        into.entries.push_back(std::move(*entry));
    } while (at.take(' '));
    return at.expect(')');
}

bool take_value(Cursor& at, store::AnnotationChange& into)
{
    bool is_nil = false;
    if (at.next_is('~')) {
        into.value = at.literal8();
        return into.value.has_value();
    }
    auto value = at.nstring_or_nil(is_nil);
    if (!is_nil && !value) return false;
    if (!is_nil) into.value = std::move(*value);
    return true;
}

}  // namespace

// The grammar has the options before the mailbox, every example of the RFC behind it: both are taken. An entry begins
// with "/", which no option does.
std::optional<Request> parse_getmetadata(Cursor& at)
{
    GetMetadata made;
    if (!at.space()) return std::nullopt;
    if (at.take('(') && (!take_options(at, made) || !at.space())) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox || !at.space()) return std::nullopt;
    made.mailbox = std::move(*mailbox);
    if (!at.take('(')) {
        auto entry = entry_name(at, made.depth);
        if (!entry) return std::nullopt;
        made.entries.push_back(std::move(*entry));
        return Request(std::move(made));
    }
    if (!at.next_is('/') && !at.next_is('"') && !at.next_is('{')) {
        if (!take_options(at, made) || !at.space()) return std::nullopt;
        if (!at.take('(')) {
            auto entry = entry_name(at, made.depth);
            if (!entry) return std::nullopt;
            made.entries.push_back(std::move(*entry));
            return Request(std::move(made));
        }
    }
    if (!take_entries(at, made)) return std::nullopt;
    return Request(std::move(made));
}

std::optional<Request> parse_setmetadata(Cursor& at)
{
    SetMetadata made;
    if (!at.space()) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox || !at.space() || !at.expect('(')) return std::nullopt;
    made.mailbox = std::move(*mailbox);
    do {
        if (made.changes.size() >= kMostEntries) return at.fail("too many entries");
        auto entry = entry_name(at, EntryDepth::zero);
        if (!entry || !at.space()) return std::nullopt;
        store::AnnotationChange change;
        change.entry = std::move(*entry);
        if (!take_value(at, change)) return std::nullopt;
        made.changes.push_back(std::move(change));
    } while (at.take(' '));
    if (!at.expect(')')) return std::nullopt;
    return Request(std::move(made));
}

}  // namespace mbx::imap::detail
