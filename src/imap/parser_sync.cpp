// What CONDSTORE and QRESYNC (RFC 7162) add to the grammar of other commands.
#include <algorithm>

#include "base/ascii.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

// mod-sequence-valzer; where the grammar wants 1 at least, 0 means "everything" as well.
std::optional<std::uint64_t> modseq_value(Cursor& at) { return at.number(INT64_MAX); }

// known-uids, known-sequence-set, known-uid-set: neither `*` nor `$`.
std::optional<SequenceSet> known_set(Cursor& at)
{
    auto set = at.sequence_set();
    if (!set) return std::nullopt;
    if (set->has_star() || set->is_saved_result()) return at.fail("* in what the client knows");
    return set;
}

bool parse_matches(Cursor& at, Qresync& known)
{
    if (!at.expect('(')) return false;
    auto sequences = known_set(at);
    if (!sequences || !at.space()) return false;
    auto uids = known_set(at);
    if (!uids) return false;
    known.matches.emplace(std::move(*sequences), std::move(*uids));
    return at.expect(')');
}

// RFC 7162 section 7, select-param: QRESYNC (uidvalidity modseq [known-uids] [seq-match-data]).
bool parse_qresync(Cursor& at, Select& select)
{
    if (select.qresync) {
        (void)at.fail("QRESYNC twice");
        return false;
    }
    if (!at.space() || !at.expect('(')) return false;
    Qresync known;
    const auto validity = at.number(UINT32_MAX);
    if (!validity || !at.space()) return false;
    const auto modseq = modseq_value(at);
    if (!modseq) return false;
    if (*validity == 0 || *modseq == 0) {
        (void)at.fail("0 is neither a UIDVALIDITY nor a mod-sequence");
        return false;
    }
    known.uidvalidity = static_cast<std::uint32_t>(*validity);
    known.modseq = *modseq;
    while (at.take(' ')) {
        if (at.next_is('(')) {
            if (!parse_matches(at, known)) return false;
            break;
        }
        auto uids = known.known ? at.fail("known UIDs twice") : known_set(at);
        if (!uids) return false;
        known.known = std::move(*uids);
    }
    select.qresync = std::move(known);
    return at.expect(')');
}

bool parse_changed_since(Cursor& at, Fetch& fetch)
{
    const auto modseq = at.space() ? modseq_value(at) : std::nullopt;
    if (!modseq) return false;
    if (fetch.changed_since) {
        (void)at.fail("CHANGEDSINCE twice");
        return false;
    }
    fetch.changed_since = *modseq;
    return true;
}

bool is_modseq(const FetchItem& item) { return item.attribute == FetchAttribute::modseq; }

}  // namespace

bool parse_select_parameters(Cursor& at, Select& select)
{
    if (!at.expect('(')) return false;
    do {
        if (at.take_word("CONDSTORE")) {
            select.condstore = true;
        } else if (at.take_word("QRESYNC")) {
            if (!parse_qresync(at, select)) return false;
        } else {
            (void)at.fail("unknown parameter");
            return false;
        }
    } while (at.take(' '));
    return at.expect(')');
}

bool parse_fetch_modifiers(Cursor& at, Fetch& fetch)
{
    if (!at.expect('(')) return false;
    do {
        if (at.take_word("CHANGEDSINCE")) {
            if (!parse_changed_since(at, fetch)) return false;
        } else if (at.take_word("VANISHED")) {
            fetch.vanished = true;
        } else {
            (void)at.fail("unknown FETCH modifier");
            return false;
        }
    } while (at.take(' '));
    if (fetch.vanished && (!fetch.by_uid || !fetch.changed_since)) {
        // RFC 7162 section 3.2.6
        (void)at.fail("VANISHED needs UID FETCH and CHANGEDSINCE");
        return false;
    }
    if (fetch.changed_since && std::ranges::none_of(fetch.items, is_modseq)) {
        FetchItem item;
        item.attribute = FetchAttribute::modseq;
        fetch.items.push_back(std::move(item));
    }
    return at.expect(')');
}

bool parse_store_modifiers(Cursor& at, Store& store)
{
    if (!at.expect('(')) return false;
    if (!at.take_word("UNCHANGEDSINCE")) {
        (void)at.fail("unknown STORE modifier");
        return false;
    }
    const auto modseq = at.space() ? modseq_value(at) : std::nullopt;
    if (!modseq) return false;
    store.unchanged_since = *modseq;
    return at.expect(')') && at.space();
}

// [entry-name SP entry-type-req SP] mod-sequence-valzer. A message has one mod-sequence here, so entries are ignored
// (RFC 7162 section 3.1.5).
std::optional<std::uint64_t> parse_search_modseq(Cursor& at)
{
    if (at.next_is('"')) {
        const auto entry = at.string();
        if (!entry || !at.space()) return std::nullopt;
        if (!ascii::same(entry->substr(0, 7), "/flags/")) return at.fail("unknown metadata entry");
        if (!at.take_word("priv") && !at.take_word("shared") && !at.take_word("all")) {
            return at.fail("expected priv, shared or all");
        }
        if (!at.space()) return std::nullopt;
    }
    return modseq_value(at);
}

}  // namespace mbx::imap::detail
