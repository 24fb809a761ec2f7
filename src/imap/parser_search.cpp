// SEARCH (RFC 9051 section 6.4.4): keys become a program in prefix order.
#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

struct BareKey {
    std::string_view name;
    SearchKind kind;
    std::uint8_t flag;
};
// RECENT holds for no message of ours, so NEW never holds and OLD always does.
constexpr std::array<BareKey, 15> kBareKeys{{
    {"ALL", SearchKind::all_of, 0},
    {"ANSWERED", SearchKind::flag_set, store::kAnswered},
    {"DELETED", SearchKind::flag_set, store::kDeleted},
    {"DRAFT", SearchKind::flag_set, store::kDraft},
    {"FLAGGED", SearchKind::flag_set, store::kFlagged},
    {"SEEN", SearchKind::flag_set, store::kSeen},
    {"UNANSWERED", SearchKind::flag_clear, store::kAnswered},
    {"UNDELETED", SearchKind::flag_clear, store::kDeleted},
    {"UNDRAFT", SearchKind::flag_clear, store::kDraft},
    {"UNFLAGGED", SearchKind::flag_clear, store::kFlagged},
    {"UNSEEN", SearchKind::flag_clear, store::kSeen},
    {"NEW", SearchKind::nothing, 0},
    {"OLD", SearchKind::all_of, 0},
    {"RECENT", SearchKind::nothing, 0},
    {"SAVEDATESUPPORTED", SearchKind::all_of, 0},  // RFC 8514 section 4.3: every mailbox does
}};

enum class Argument : std::uint8_t { date, size, interval, text, keyword };
struct ArgumentKey {
    std::string_view name;
    SearchKind kind;
    Argument argument;
    std::string_view field;
};
constexpr std::array<ArgumentKey, 24> kArgumentKeys{{
    {"BCC", SearchKind::header, Argument::text, "Bcc"},
    {"BEFORE", SearchKind::before, Argument::date, ""},
    {"BODY", SearchKind::body, Argument::text, ""},
    {"CC", SearchKind::header, Argument::text, "Cc"},
    {"EMAILID", SearchKind::email_id, Argument::keyword, ""},
    {"FROM", SearchKind::header, Argument::text, "From"},
    {"KEYWORD", SearchKind::keyword, Argument::keyword, ""},
    {"LARGER", SearchKind::larger, Argument::size, ""},
    {"OLDER", SearchKind::older, Argument::interval, ""},
    {"ON", SearchKind::on, Argument::date, ""},
    {"SAVEDBEFORE", SearchKind::saved_before, Argument::date, ""},
    {"SAVEDON", SearchKind::saved_on, Argument::date, ""},
    {"SAVEDSINCE", SearchKind::saved_since, Argument::date, ""},
    {"SENTBEFORE", SearchKind::sent_before, Argument::date, ""},
    {"SENTON", SearchKind::sent_on, Argument::date, ""},
    {"SENTSINCE", SearchKind::sent_since, Argument::date, ""},
    {"SINCE", SearchKind::since, Argument::date, ""},
    {"SMALLER", SearchKind::smaller, Argument::size, ""},
    {"SUBJECT", SearchKind::header, Argument::text, "Subject"},
    {"TEXT", SearchKind::text, Argument::text, ""},
    {"THREADID", SearchKind::thread_id, Argument::keyword, ""},
    {"TO", SearchKind::header, Argument::text, "To"},
    {"UNKEYWORD", SearchKind::unkeyword, Argument::keyword, ""},
    {"YOUNGER", SearchKind::younger, Argument::interval, ""},
}};

class ProgramReader {
public:
    ProgramReader(Cursor& at, std::vector<SearchNode>& nodes) : at_(at), nodes_(nodes) {}

    // search-key *(SP search-key) as the nodes of one all_of.
    bool keys(unsigned depth)
    {
        const auto root = open(SearchKind::all_of);
        do {
            if (!key(depth)) return false;
        } while (at_.take(' '));
        close(root);
        return true;
    }

private:
    std::uint32_t open(SearchKind kind)
    {
        SearchNode node;
        node.kind = kind;
        return add(std::move(node));
    }
    std::uint32_t add(SearchNode node)
    {
        const auto index = static_cast<std::uint32_t>(nodes_.size());
        node.end = index + 1;
        nodes_.push_back(std::move(node));
        return index;
    }
    void close(std::uint32_t index) { nodes_[index].end = static_cast<std::uint32_t>(nodes_.size()); }
    bool refuse(const char* reason)
    {
        (void)at_.fail(reason);
        return false;
    }

    bool key(unsigned depth)
    {
        if (depth == kMaxSearchDepth) return refuse("search keys nested too deep");
        if (nodes_.size() >= kMaxSearchKeys) return refuse("too many search keys");
        if (at_.take('(')) return keys(depth + 1) && at_.expect(')');
        if (at_.next_is('*') || at_.next_is('$') || (!at_.at_end() && ascii::is_digit(at_.rest().front()))) {
            return numbers(SearchKind::sequence);
        }
        const auto name = at_.atom();
        if (!name) return false;
        if (ascii::same(*name, "NOT")) {
            const auto node = open(SearchKind::none_of);
            if (!at_.space() || !key(depth + 1)) return false;
            close(node);
            return true;
        }
        if (ascii::same(*name, "FUZZY")) {
            // RFC 6203 section 3
            const auto first = nodes_.size();
            if (!at_.space() || !key(depth + 1)) return false;
            for (auto i = first; i < nodes_.size(); ++i) nodes_[i].fuzzy = true;
            return true;
        }
        if (ascii::same(*name, "OR")) {
            const auto node = open(SearchKind::any_of);
            if (!at_.space() || !key(depth + 1) || !at_.space() || !key(depth + 1)) return false;
            close(node);
            return true;
        }
        return leaf(*name);
    }

    bool leaf(std::string_view name)
    {
        for (const auto& known : kBareKeys) {
            if (!ascii::same(name, known.name)) continue;
            nodes_[open(known.kind)].flag = known.flag;
            return true;
        }
        if (!at_.space()) return refuse("unknown search key, or one without its argument");
        if (ascii::same(name, "UID")) return numbers(SearchKind::uid);
        if (ascii::same(name, "HEADER")) return header();
        if (ascii::same(name, "MODSEQ")) return modseq();
        for (const auto& known : kArgumentKeys) {
            if (ascii::same(name, known.name)) return argument(known);
        }
        return refuse("unknown search key");
    }

    bool numbers(SearchKind kind)
    {
        SearchNode node;
        node.kind = kind;
        auto set = at_.sequence_set();
        if (!set) return false;
        node.set = std::move(*set);
        add(std::move(node));
        return true;
    }

    bool modseq()
    {
        SearchNode node;
        node.kind = SearchKind::modseq;
        const auto number = parse_search_modseq(at_);
        if (!number) return false;
        node.number = *number;
        add(std::move(node));
        return true;
    }

    bool header()
    {
        SearchNode node;
        node.kind = SearchKind::header;
        auto field = at_.astring();
        if (!field || !at_.space()) return false;
        auto text = at_.astring();
        if (!text) return false;
        node.field = std::move(*field);
        node.text = std::move(*text);
        add(std::move(node));
        return true;
    }

    bool argument(const ArgumentKey& known)
    {
        SearchNode node;
        node.kind = known.kind;
        node.field = known.field;
        switch (known.argument) {
        case Argument::date:
            if (!date(node)) return false;
            break;
        case Argument::size: {
            const auto size = at_.number(INT64_MAX);
            if (!size) return false;
            node.number = *size;
            break;
        }
        case Argument::interval: {
            const auto seconds = at_.number(UINT32_MAX);
            if (!seconds) return false;
            if (*seconds == 0) return refuse("an interval of nothing");
            node.number = *seconds;
            break;
        }
        case Argument::text: {
            auto text = at_.astring();
            if (!text) return false;
            node.text = std::move(*text);
            break;
        }
        case Argument::keyword: {
            const auto word = at_.atom();
            if (!word) return false;
            node.text = *word;
            break;
        }
        }
        add(std::move(node));
        return true;
    }

    bool date(SearchNode& node)
    {
        const auto text = at_.astring();
        if (!text) return false;
        const auto parsed = mail::parse_search_date(*text);
        if (!parsed) return refuse("invalid date");
        node.date = *parsed;
        return true;
    }

    Cursor& at_;
    std::vector<SearchNode>& nodes_;
};

// partial-range = nz-number ":" nz-number (RFC 5267 section 5); 500:400 is 400:500.
bool partial_range(Cursor& at, SearchReturn& wanted)
{
    if (!at.space()) return false;
    const auto first = at.number(UINT32_MAX);
    if (!first || !at.expect(':')) return false;
    const auto last = at.number(UINT32_MAX);
    if (!last) return false;
    if (*first == 0 || *last == 0) {
        (void)at.fail("results are counted from 1");
        return false;
    }
    const auto [low, high] = std::minmax(*first, *last);
    wanted.partial = PartialRange{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(high)};
    return true;
}

}  // namespace

// RETURN (MIN MAX ALL COUNT SAVE UPDATE CONTEXT PARTIAL n:n); "()" stands for (ALL) (RFC 4731 section 3.1).
bool parse_search_return(Cursor& at, Search& search)
{
    SearchReturn wanted;
    if (!at.space() || !at.expect('(')) return false;
    while (!at.take(')')) {
        if (at.take_word("MIN")) {
            wanted.min = true;
        } else if (at.take_word("MAX")) {
            wanted.max = true;
        } else if (at.take_word("ALL")) {
            wanted.all = true;
        } else if (at.take_word("COUNT")) {
            wanted.count = true;
        } else if (at.take_word("SAVE")) {
            wanted.save = true;
        } else if (at.take_word("UPDATE")) {
            wanted.update = true;
            if (at.rest().starts_with(" (") && (!at.space() || !parse_fetch_attributes(at, wanted.update_items))) return false;
        } else if (at.take_word("CONTEXT")) {
            wanted.context = true;
        } else if (at.take_word("RELEVANCY")) {
            wanted.relevancy = true;
        } else if (at.take_word("PARTIAL")) {
            if (wanted.partial || !partial_range(at, wanted)) return false;
        } else {
            (void)at.fail("unknown SEARCH return option");
            return false;
        }
        if (!at.next_is(')') && !at.space()) return false;
    }
    if (wanted.partial && wanted.all) {
        (void)at.fail("PARTIAL and ALL exclude each other");
        return false;
    }
    if (wanted.is_empty()) wanted.all = true;
    search.returns = wanted;
    return at.space();
}

bool parse_search_keys(Cursor& at, std::vector<SearchNode>& program)
{
    ProgramReader reader(at, program);
    return reader.keys(0);
}

bool parse_search_body(Cursor& at, Search& search)
{
    if (at.take_word("CHARSET")) {
        if (!at.space()) return false;
        auto charset = at.astring();
        if (!charset || !at.space()) return false;
        search.charset = ascii::to_upper(*charset);
    }
    if (!parse_search_keys(at, search.program)) return false;
    if (!search.returns || !search.returns->relevancy || search.is_fuzzy()) return true;
    (void)at.fail("RELEVANCY needs a FUZZY key");
    return false;
}

std::optional<Request> parse_search(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Search search;
    search.by_uid = by_uid;
    if (at.take_word("RETURN") && !parse_search_return(at, search)) return std::nullopt;
    if (!parse_search_body(at, search)) return std::nullopt;
    return Request(std::move(search));
}

}  // namespace mbx::imap::detail
