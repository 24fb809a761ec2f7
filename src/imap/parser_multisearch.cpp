// The mailbox filters of RFC 5465 section 6, and ESEARCH over mailboxes, which uses them (RFC 7377 section 4).
#include <array>

#include "base/ascii.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

constexpr std::size_t kMaxSources = 1000;  // names of all filters together, and filters

struct ScopeWord {
    std::string_view name;
    MailboxScope scope;
    bool takes_names;
};
constexpr std::array<ScopeWord, 8> kScopeWords{{
    {"selected", MailboxScope::selected, false},
    {"selected-delayed", MailboxScope::selected_delayed, false},
    {"inboxes", MailboxScope::inboxes, false},
    {"personal", MailboxScope::personal, false},
    {"subscribed", MailboxScope::subscribed, false},
    {"subtree", MailboxScope::subtree, true},
    {"subtree-one", MailboxScope::subtree_one, true},
    {"mailboxes", MailboxScope::mailboxes, true},
}};

bool count_one(Cursor& at, std::size_t& count)
{
    if (++count <= kMaxSources) return true;
    (void)at.fail("too many mailboxes");
    return false;
}

// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
bool read_names(Cursor& at, SearchSource& source, std::size_t& count)
{
    if (!at.space()) return false;
    const bool is_list = at.take('(');
    do {
        auto mailbox = at.mailbox();
        if (!mailbox || !count_one(at, count)) return false;
        source.mailboxes.push_back(std::move(*mailbox));
    } while (is_list && at.take(' '));
    return !is_list || at.expect(')');
}

// esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"; no scope option is defined.
bool read_sources(Cursor& at, std::vector<SearchSource>& sources)
{
    if (!at.space() || !at.expect('(')) return false;
    std::size_t count = 0;
    do {
        auto source = parse_mailbox_filter(at, count);
        if (!source) return false;
        // RFC 7377 section 2.2
        if (source->scope == MailboxScope::selected_delayed) {
            (void)at.fail("SELECTED-DELAYED is for NOTIFY");
            return false;
        }
        sources.push_back(std::move(*source));
    } while (at.take(' '));
    return at.expect(')');
}

}  // namespace

std::optional<SearchSource> parse_mailbox_filter(Cursor& at, std::size_t& count)
{
    const auto name = at.atom();
    if (!name || !count_one(at, count)) return std::nullopt;
    for (const auto& word : kScopeWords) {
        if (!ascii::same(word.name, *name)) continue;
        SearchSource source{word.scope, {}};
        if (word.takes_names && !read_names(at, source, count)) return std::nullopt;
        return source;
    }
    return at.fail("unknown mailbox filter");
}

std::optional<Request> parse_multi_search(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    MultiSearch multi;
    multi.search.by_uid = true;
    if (at.take_word("IN")) {
        if (!read_sources(at, multi.sources) || !at.space()) return std::nullopt;
    } else {
        multi.sources.push_back({});
    }
    multi.search.returns.emplace().all = true;
    if (at.take_word("RETURN") && !parse_search_return(at, multi.search)) return std::nullopt;
    if (!parse_search_body(at, multi.search)) return std::nullopt;
    return Request(std::move(multi));
}

}  // namespace mbx::imap::detail
