// SORT and THREAD (RFC 5256 section 5, RFC 5957 section 5, RFC 5267 section 5).
#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

constexpr std::size_t kMaxCancelledTags = 100;

struct SortWord {
    std::string_view name;
    SortKey key;
};
constexpr std::array<SortWord, 10> kSortWords{{
    {"ARRIVAL", SortKey::arrival},
    {"CC", SortKey::cc},
    {"DATE", SortKey::date},
    {"DISPLAYFROM", SortKey::display_from},
    {"DISPLAYTO", SortKey::display_to},
    {"FROM", SortKey::from},
    {"RELEVANCY", SortKey::relevancy},
    {"SIZE", SortKey::size},
    {"SUBJECT", SortKey::subject},
    {"TO", SortKey::to},
}};

bool parse_criterion(Cursor& at, std::vector<SortCriterion>& criteria)
{
    SortCriterion criterion;
    criterion.reverse = at.take_word("REVERSE");
    if (criterion.reverse && !at.space()) return false;
    const auto name = at.atom();
    if (!name) return false;
    const auto* word = std::ranges::find_if(kSortWords, [&name](const auto& one) { return ascii::same(one.name, *name); });
    if (word == kSortWords.end()) {
        (void)at.fail("unknown sort criterion");
        return false;
    }
    criterion.key = word->key;
    // Once compared by something, messages that are still equal are equal in it: only the first of a kind counts.
    if (std::ranges::find(criteria, criterion.key, &SortCriterion::key) == criteria.end()) criteria.push_back(criterion);
    return true;
}

bool parse_criteria(Cursor& at, std::vector<SortCriterion>& criteria)
{
    if (!at.expect('(')) return false;
    do {
        if (!parse_criterion(at, criteria)) return false;
    } while (at.take(' '));
    return at.expect(')');
}

// search-criteria = charset 1*(SP search-key)
bool parse_charset_and_keys(Cursor& at, Search& search)
{
    if (!at.space()) return false;
    auto charset = at.astring();
    if (!charset || !at.space()) return false;
    search.charset = ascii::to_upper(*charset);
    return parse_search_keys(at, search.program);
}

}  // namespace

std::optional<Request> parse_sort(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Sort sort;
    sort.search.by_uid = by_uid;
    if (at.take_word("RETURN") && !parse_search_return(at, sort.search)) return std::nullopt;
    if (!parse_criteria(at, sort.criteria) || !parse_charset_and_keys(at, sort.search)) return std::nullopt;
    const bool by_relevancy = std::ranges::find(sort.criteria, SortKey::relevancy, &SortCriterion::key) != sort.criteria.end();
    const bool asks_relevancy = sort.search.returns && sort.search.returns->relevancy;
    // RFC 6203 section 6
    if ((by_relevancy || asks_relevancy) && !sort.search.is_fuzzy()) return at.fail("RELEVANCY needs a FUZZY key");
    return Request(std::move(sort));
}

std::optional<Request> parse_thread(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Thread thread;
    thread.search.by_uid = by_uid;
    if (at.take_word("REFERENCES")) thread.algorithm = ThreadAlgorithm::references;
    else if (!at.take_word("ORDEREDSUBJECT")) return at.fail("unknown threading algorithm");
    if (!parse_charset_and_keys(at, thread.search)) return std::nullopt;
    return Request(std::move(thread));
}

// CANCELUPDATE 1*(SP quoted)
std::optional<Request> parse_cancel_update(Cursor& at)
{
    CancelUpdate cancel;
    do {
        if (!at.space()) return std::nullopt;
        auto tag = at.string();
        if (!tag) return std::nullopt;
        if (cancel.tags.size() == kMaxCancelledTags) return at.fail("too many tags");
        cancel.tags.push_back(std::move(*tag));
    } while (!at.at_end());
    return Request(std::move(cancel));
}

}  // namespace mbx::imap::detail
