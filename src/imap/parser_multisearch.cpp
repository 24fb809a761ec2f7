// ESEARCH over mailboxes (RFC 7377 section 4, with the mailbox filters of RFC 5465).
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
constexpr std::array<ScopeWord, 7> kScopeWords{{
    {"selected", MailboxScope::selected, false},
    {"inboxes", MailboxScope::inboxes, false},
    {"personal", MailboxScope::personal, false},
    {"subscribed", MailboxScope::subscribed, false},
    {"subtree", MailboxScope::subtree, true},
    {"subtree-one", MailboxScope::subtree_one, true},
    {"mailboxes", MailboxScope::mailboxes, true},
}};

class SourceReader {
public:
    explicit SourceReader(Cursor& at) : at_(at) {}

    // esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"; no scope option is defined.
    bool read(std::vector<SearchSource>& sources)
    {
        if (!at_.space() || !at_.expect('(')) return false;
        do {
            auto source = one();
            if (!source) return false;
            sources.push_back(std::move(*source));
        } while (at_.take(' '));
        return at_.expect(')');
    }

private:
    std::optional<SearchSource> one()
    {
        const auto name = at_.atom();
        if (!name || !count()) return std::nullopt;
        for (const auto& word : kScopeWords) {
            if (!ascii::same(word.name, *name)) continue;
            SearchSource source{word.scope, {}};
            if (word.takes_names && !names(source)) return std::nullopt;
            return source;
        }
        return at_.fail("unknown mailbox filter");
    }
    // one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
    bool names(SearchSource& source)
    {
        if (!at_.space()) return false;
        const bool is_list = at_.take('(');
        do {
            auto mailbox = at_.mailbox();
            if (!mailbox || !count()) return false;
            source.mailboxes.push_back(std::move(*mailbox));
        } while (is_list && at_.take(' '));
        return !is_list || at_.expect(')');
    }
    bool count()
    {
        if (++count_ <= kMaxSources) return true;
        (void)at_.fail("too many mailboxes");
        return false;
    }
    Cursor& at_;
    std::size_t count_ = 0;
};

}  // namespace

std::optional<Request> parse_multi_search(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    MultiSearch multi;
    multi.search.by_uid = true;
    if (at.take_word("IN")) {
        if (!SourceReader(at).read(multi.sources) || !at.space()) return std::nullopt;
    } else {
        multi.sources.push_back({});
    }
    multi.search.returns.emplace().all = true;
    if (at.take_word("RETURN") && !parse_search_return(at, multi.search)) return std::nullopt;
    if (!parse_search_body(at, multi.search)) return std::nullopt;
    return Request(std::move(multi));
}

}  // namespace mbx::imap::detail
