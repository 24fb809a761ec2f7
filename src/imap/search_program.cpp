// A search made ready: keys against the session's view, texts folded, and what the index of texts can narrow it by.
#include <algorithm>
#include <chrono>

#include "base/ascii.hpp"
#include "imap/search.hpp"
#include "mail/case_fold.hpp"
#include "mail/charset.hpp"
#include "mail/date.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kMaxNeeds = 8;
constexpr std::size_t kMaxChoices = 16;

bool is_object_id(SearchKind kind) { return kind == SearchKind::email_id || kind == SearchKind::thread_id; }

bool is_text(SearchKind kind)
{
    return kind == SearchKind::header || kind == SearchKind::body || kind == SearchKind::text;
}

SearchCost cost_of(const SearchProgram::Node& node)
{
    const auto kind = node.kind;
    const std::string_view field = node.field;
    if (node.settled) return node.settled->open.empty() ? SearchCost::row : SearchCost::brief;
    if (kind == SearchKind::body || kind == SearchKind::text) return SearchCost::file;
    if (kind == SearchKind::header) {
        const auto is_field = [field](std::string_view known) { return ascii::same(known, field); };
        return std::ranges::any_of(store::kBriefFields, is_field) ? SearchCost::brief : SearchCost::file;
    }
    const bool is_sent = kind == SearchKind::sent_before || kind == SearchKind::sent_on || kind == SearchKind::sent_since;
    return is_sent || is_object_id(kind) ? SearchCost::brief : SearchCost::row;
}

// From a program, what every hit must hold. A key that stands under NOT, or beside one that cannot be looked up, says
// nothing. As deep as the parser lets keys be nested.
class NeedsFinder {
public:
    explicit NeedsFinder(const std::vector<SearchProgram::Node>& nodes) : nodes_(nodes) {}

    store::TextNeeds find()
    {
        collect(0);
        return std::move(needs_);
    }

private:
    using Choice = std::optional<std::vector<std::string>>;  // one of these; none: anything may match

    void collect(std::uint32_t index)
    {
        if (nodes_[index].kind == SearchKind::all_of) {
            for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) collect(at);
            return;
        }
        if (nodes_[index].settled) return;  // the candidates are narrowed by it already
        auto choice = choice_of(index);
        if (choice && needs_.size() < kMaxNeeds) needs_.push_back(*std::move(choice));
    }

    Choice choice_of(std::uint32_t index) const
    {
        const auto& node = nodes_[index];
        if (node.kind == SearchKind::any_of) return any(index);
        if (node.kind == SearchKind::all_of) return narrowest(index);
        if (!is_text(node.kind)) return std::nullopt;
        // One word at least stands in what matches, or the whole key does, and its words with it.
        if (node.fuzzy && !std::ranges::all_of(node.fuzzy->words, store::is_searchable_key)) return std::nullopt;
        if (node.fuzzy && !node.fuzzy->words.empty()) return node.fuzzy->words;
        if (!store::is_searchable_key(node.text)) return std::nullopt;
        return std::vector{node.text};
    }

    // Of keys that all hold, one is enough to narrow by.
    Choice narrowest(std::uint32_t index) const
    {
        Choice best;
        for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
            auto one = choice_of(at);
            if (one && (!best || one->size() < best->size())) best = std::move(one);
        }
        return best;
    }

    Choice any(std::uint32_t index) const
    {
        std::vector<std::string> all;
        for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
            const auto one = choice_of(at);
            if (!one || all.size() + one->size() > kMaxChoices) return std::nullopt;
            all.insert(all.end(), one->begin(), one->end());
        }
        if (all.empty()) return std::nullopt;
        return all;
    }

    const std::vector<SearchProgram::Node>& nodes_;
    store::TextNeeds needs_;
};

}  // namespace

bool SearchProgram::is_everything() const
{
    return std::ranges::all_of(nodes_, [](const Node& node) { return node.kind == SearchKind::all_of; });
}

Result<SearchProgram, SearchRefusal> SearchProgram::compile(const Search& search, const SelectedMailbox& mailbox,
                                                            WallTime now, bool lasts)
{
    const auto resolve = [&mailbox, lasts](const SequenceSet& set, bool by_uid) -> std::optional<NumberSet> {
        if (lasts && by_uid && !set.is_saved_result()) return set.resolve(UINT32_MAX);
        return mailbox.resolve(set, by_uid);
    };
    return compile(search, mailbox.view().uids(), resolve, now);
}

Result<SearchProgram, SearchRefusal> SearchProgram::compile(const Search& search, const store::UidTable& view,
                                                            const NumberSet* saved, WallTime now)
{
    const auto resolve = [&view, saved](const SequenceSet& set, bool by_uid) -> std::optional<NumberSet> {
        if (set.is_saved_result()) return saved != nullptr ? view.among(*saved) : NumberSet();
        return by_uid ? view.among(set.resolve(view.last())) : view.uids_of(set.resolve(view.size()));
    };
    return compile(search, view.uids(), resolve, now);
}

Result<SearchProgram, SearchRefusal> SearchProgram::compile(const Search& search, NumberSet candidates,
                                                            const Resolve& resolve, WallTime now)
{
    const std::string charset = search.charset.empty() ? "UTF-8" : search.charset;
    if (!mail::is_known_charset(charset)) return SearchRefusal::bad_charset;
    SearchProgram program;
    for (const auto& from : search.program) {
        Node node;
        node.kind = from.kind;
        node.end = from.end;
        node.flag = from.flag;
        node.number = from.number;
        node.field = from.field;
        const bool is_keyword = from.kind == SearchKind::keyword || from.kind == SearchKind::unkeyword;
        if (is_keyword && ascii::same(from.text, "$Forwarded")) {
            node.kind = from.kind == SearchKind::keyword ? SearchKind::flag_set : SearchKind::flag_clear;
            node.flag = store::kForwarded;
        } else if (is_keyword || is_object_id(from.kind)) {
            node.text = from.text;
        } else {
            node.text = mail::fold_case(mail::to_utf8(from.text, charset).text);
        }
        node.day = mail::days_since_epoch(from.date);
        if (from.kind == SearchKind::older || from.kind == SearchKind::younger) {
            const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
            node.day = seconds - static_cast<std::int64_t>(from.number);
        }
        if (from.kind == SearchKind::sequence || from.kind == SearchKind::uid) {
            auto uids = resolve(from.set, from.kind == SearchKind::uid);
            if (!uids) return SearchRefusal::bad_sequence;
            node.uids = std::move(*uids);
        }
        program.asks_modseq_ = program.asks_modseq_ || from.kind == SearchKind::modseq;
        program.is_fuzzy_ = program.is_fuzzy_ || from.fuzzy;
        if (from.fuzzy && is_text(from.kind)) node.fuzzy = mail::make_fuzzy_key(node.text);
        program.nodes_.push_back(std::move(node));
    }
    auto& nodes = program.nodes_;
    program.candidates_ = std::move(candidates);
    for (std::uint32_t at = 1; at < nodes[0].end; at = nodes[at].end) {
        const bool is_set = nodes[at].kind == SearchKind::sequence || nodes[at].kind == SearchKind::uid;
        if (is_set) program.candidates_ = intersection(program.candidates_, nodes[at].uids);
        if (nodes[at].kind == SearchKind::flag_clear && nodes[at].flag == store::kSeen) {
            program.flag_query_ = store::FlagQuery::unseen;
        } else if (nodes[at].kind == SearchKind::flag_set && nodes[at].flag == store::kDeleted) {
            program.flag_query_ = store::FlagQuery::deleted;
        }
    }
    program.judge();
    return program;
}

void SearchProgram::judge()
{
    uses_briefs_ = false;
    // A node's nodes stand behind it: from the end, each tells all that hold it.
    for (std::size_t i = nodes_.size(); i-- > 0;) {
        nodes_[i].cost = cost_of(nodes_[i]);
        uses_briefs_ = uses_briefs_ || nodes_[i].cost == SearchCost::brief;
        for (auto at = static_cast<std::uint32_t>(i) + 1; at < nodes_[i].end; at = nodes_[at].end) {
            nodes_[i].cost = std::max(nodes_[i].cost, nodes_[at].cost);
        }
    }
    needs_ = NeedsFinder(nodes_).find();
}

std::vector<std::uint32_t> SearchProgram::field_nodes(std::size_t most) const
{
    std::vector<std::uint32_t> places;
    for (std::uint32_t at = 0; at < nodes_.size() && places.size() < most; ++at) {
        const auto& node = nodes_[at];
        const bool is_open = node.kind == SearchKind::header && !node.fuzzy && !node.settled;
        if (is_open && node.cost == SearchCost::brief) places.push_back(at);
    }
    return places;
}

namespace {

// Whether every hit holds this key.
bool is_demanded(const std::vector<SearchProgram::Node>& nodes, std::uint32_t node)
{
    std::uint32_t at = 0;
    while (at != node) {
        if (nodes[at].kind != SearchKind::all_of) return false;
        for (++at; nodes[at].end <= node; at = nodes[at].end) {
        }
    }
    return true;
}

}  // namespace

void SearchProgram::settle(std::uint32_t node, Node::Settled answer)
{
    if (is_demanded(nodes_, node)) {
        NumberSet left = answer.held;
        left.insert(left.end(), answer.open.begin(), answer.open.end());
        candidates_ = intersection(candidates_, normalised(std::move(left)));
    }
    nodes_[node].settled = std::move(answer);
    judge();
}

}  // namespace mbx::imap
