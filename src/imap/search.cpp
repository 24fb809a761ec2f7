#include "imap/search.hpp"

#include <algorithm>
#include <chrono>

#include "base/ascii.hpp"
#include "imap/fetch.hpp"
#include "imap/search_text.hpp"
#include "mail/case_fold.hpp"
#include "mail/charset.hpp"
#include "mail/date.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kRowsAtOnce = 1000;
constexpr std::uint64_t kNarrowedAtOnce = 10'000;  // messages that the index of texts is asked about at once
constexpr std::size_t kMaxNeeds = 8;
constexpr std::size_t kMaxChoices = 16;
constexpr std::chrono::milliseconds kSliceTime{10};  // then the strand serves others
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kMinute = 60;

bool is_in_columns(SearchKind kind)
{
    return kind == SearchKind::sent_before || kind == SearchKind::sent_on || kind == SearchKind::sent_since ||
           kind == SearchKind::email_id || kind == SearchKind::thread_id;
}

bool opens_file(SearchKind kind)
{
    return is_in_columns(kind) || kind == SearchKind::header || kind == SearchKind::body || kind == SearchKind::text;
}

// INTERNALDATE's day, time and zone disregarded: we keep and show it in UTC.
std::int64_t day_of(std::int64_t seconds)
{
    return seconds >= 0 ? seconds / kDay : -((-seconds + kDay - 1) / kDay);
}

class Evaluation {
public:
    Evaluation(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
               MessageSource& source)
        : nodes_(program.nodes()), row_(row), keywords_(keywords), source_(source), text_(source)
    {
    }

    bool holds(std::uint32_t index)
    {
        const auto& node = nodes_[index];
        switch (node.kind) {
        case SearchKind::all_of: return all(index);
        case SearchKind::any_of: return any(index);
        case SearchKind::none_of: return !holds(index + 1);
        case SearchKind::nothing: return false;
        case SearchKind::flag_set: return (row_.flags.system & node.flag) != 0;
        case SearchKind::flag_clear: return (row_.flags.system & node.flag) == 0;
        case SearchKind::keyword: return has_keyword(node.text);
        case SearchKind::unkeyword: return !has_keyword(node.text);
        case SearchKind::before: return day_of(row_.internal_date) < node.day;
        case SearchKind::on: return day_of(row_.internal_date) == node.day;
        case SearchKind::since: return day_of(row_.internal_date) >= node.day;
        case SearchKind::sent_before: return sent_day() && *sent_day() < node.day;
        case SearchKind::sent_on: return sent_day() && *sent_day() == node.day;
        case SearchKind::sent_since: return sent_day() && *sent_day() >= node.day;
        case SearchKind::email_id: return store::email_id_text(columns().email_id) == node.text;
        case SearchKind::thread_id: return store::thread_id_text(columns().thread_id) == node.text;
        case SearchKind::older: return row_.internal_date <= node.day;
        case SearchKind::younger: return row_.internal_date >= node.day;
        case SearchKind::saved_before: return day_of(row_.save_date) < node.day;
        case SearchKind::saved_on: return day_of(row_.save_date) == node.day;
        case SearchKind::saved_since: return day_of(row_.save_date) >= node.day;
        case SearchKind::modseq: return row_.modseq >= node.number;
        case SearchKind::larger: return row_.size > node.number;
        case SearchKind::smaller: return row_.size < node.number;
        case SearchKind::header: return text_.header_contains(node.field, node.text);
        case SearchKind::body: return text_.body_contains(node.text);
        case SearchKind::text: return text_.text_contains(node.text);
        case SearchKind::sequence:
        case SearchKind::uid: return contains(node.uids, row_.uid);
        }
        return false;
    }

private:
    // What the index answers is asked first, so that files are opened last.
    bool all(std::uint32_t index)
    {
        for (const bool file : {false, true}) {
            for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
                if (nodes_[at].needs_file == file && !holds(at)) return false;
            }
        }
        return true;
    }
    bool any(std::uint32_t index)
    {
        for (const bool file : {false, true}) {
            for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
                if (nodes_[at].needs_file == file && holds(at)) return true;
            }
        }
        return false;
    }
    // Where the index knows a date it is that of the first Date field, as in the file; where it knows none another field of
    // that name may have one.
    std::optional<std::int64_t> sent_day()
    {
        const auto* known = source_.columns();
        if (known == nullptr || !known->sent) return text_.sent_day();
        return day_of(*known->sent + known->sent_zone * kMinute);
    }
    const store::ParsedColumns& columns()
    {
        if (const auto* known = source_.columns()) return *known;
        if (!made_) made_ = store::make_columns(source_.bytes());
        return *made_;
    }
    bool has_keyword(std::string_view name) const
    {
        for (std::size_t bit = 0; bit < keywords_.size() && bit < 32; ++bit) {
            if ((row_.flags.keywords & (1U << bit)) != 0 && ascii::same(keywords_[bit], name)) return true;
        }
        return false;
    }

    const std::vector<SearchProgram::Node>& nodes_;
    const store::MessageRow& row_;
    const std::vector<std::string>& keywords_;
    MessageSource& source_;
    SearchText text_;
    std::optional<store::ParsedColumns> made_;
};

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
        auto choice = choice_of(index);
        if (choice && needs_.size() < kMaxNeeds) needs_.push_back(*std::move(choice));
    }

    Choice choice_of(std::uint32_t index) const
    {
        const auto& node = nodes_[index];
        if (node.kind == SearchKind::any_of) return any(index);
        if (node.kind == SearchKind::all_of) return narrowest(index);
        const bool is_text = node.kind == SearchKind::header || node.kind == SearchKind::body || node.kind == SearchKind::text;
        if (!is_text || !store::is_searchable_key(node.text)) return std::nullopt;
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

class StoredMessage final : public MessageSource {
public:
    StoredMessage(store::AccountStore& store, store::MailboxId mailbox, store::Uid uid, const store::ParsedColumns* columns)
        : store_(store), mailbox_(mailbox), uid_(uid), columns_(columns)
    {
    }
    std::string_view bytes() override
    {
        if (file_) return file_->bytes();
        auto opened = store_.message(mailbox_, uid_);
        if (!opened) {
            failure_ = opened.error();
            return {};
        }
        file_ = std::move(*opened);
        return file_->bytes();
    }
    const store::ParsedColumns* columns() override { return columns_; }
    const std::optional<store::StoreError>& failure() const { return failure_; }

private:
    store::AccountStore& store_;
    store::MailboxId mailbox_;
    store::Uid uid_;
    const store::ParsedColumns* columns_;
    store::MessageFilePtr file_;
    std::optional<store::StoreError> failure_;
};

}  // namespace

Result<SearchProgram, SearchRefusal> SearchProgram::compile(const Search& search, const SelectedMailbox& mailbox,
                                                             WallTime now)
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
        } else if (is_keyword || is_in_columns(from.kind)) {
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
            auto uids = mailbox.resolve(from.set, from.kind == SearchKind::uid);
            if (!uids) return SearchRefusal::bad_sequence;
            node.uids = std::move(*uids);
        }
        program.nodes_.push_back(std::move(node));
    }
    auto& nodes = program.nodes_;
    program.candidates_ = mailbox.view().uids();
    for (std::uint32_t at = 1; at < nodes[0].end; at = nodes[at].end) {
        const bool is_set = nodes[at].kind == SearchKind::sequence || nodes[at].kind == SearchKind::uid;
        if (is_set) program.candidates_ = intersection(program.candidates_, nodes[at].uids);
    }
    // A node's nodes stand behind it: from the end, each tells all that hold it.
    for (std::size_t i = nodes.size(); i-- > 0;) {
        nodes[i].needs_file = opens_file(nodes[i].kind);
        program.uses_columns_ = program.uses_columns_ || is_in_columns(nodes[i].kind);
        for (auto at = static_cast<std::uint32_t>(i) + 1; at < nodes[i].end; at = nodes[at].end) {
            nodes[i].needs_file = nodes[i].needs_file || nodes[at].needs_file;
        }
    }
    program.needs_ = NeedsFinder(nodes).find();
    return program;
}

void FoundModSeqs::add(const store::MessageRow& row) { add(FoundModSeqs{row.modseq, row.modseq, row.modseq}); }

void FoundModSeqs::add(const FoundModSeqs& behind)
{
    if (behind.highest == 0) return;
    highest = std::max(highest, behind.highest);
    if (of_first == 0) of_first = behind.of_first;
    of_last = behind.of_last;
}

bool matches(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
             MessageSource& source)
{
    return Evaluation(program, row, keywords, source).holds(0);
}

namespace {

// Fills `chosen` anew.
std::optional<store::StoreError> choose(store::AccountStore& store, store::MailboxId mailbox,
                                        const SearchProgram& program, SearchCursor& cursor)
{
    const NumberSet now = first_of(cursor.left, program.needs().empty() ? kRowsAtOnce : kNarrowedAtOnce);
    cursor.left = behind(cursor.left, now.back().last);
    cursor.chosen = now;
    if (program.needs().empty()) return std::nullopt;
    auto narrowed = store.text_candidates(mailbox, now, program.needs());
    if (!narrowed) return narrowed.error();
    cursor.chosen = *std::move(narrowed);
    return std::nullopt;
}

}  // namespace

SearchSlice search_slice(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program,
                         SearchCursor& cursor)
{
    SearchSlice slice;
    const auto began = std::chrono::steady_clock::now();
    if (cursor.chosen.empty()) slice.failure = choose(store, mailbox, program, cursor);
    if (slice.failure || cursor.chosen.empty()) return slice;
    const NumberSet now = first_of(cursor.chosen, kRowsAtOnce);
    auto done_until = now.back().last;
    const auto rows = store.rows(mailbox, now);
    const auto status = store.status(mailbox);
    if (!rows || !status) {
        slice.failure = !rows ? rows.error() : status.error();
        return slice;
    }
    std::vector<store::MessageColumns> columns;
    if (program.uses_columns()) {
        if (auto known = store.columns(mailbox, now)) columns = *std::move(known);
    }
    for (const auto& row : *rows) {
        const auto known = std::ranges::lower_bound(columns, row.uid, {}, &store::MessageColumns::uid);
        const bool is_known = known != columns.end() && known->uid == row.uid;
        StoredMessage source(store, mailbox, row.uid, is_known ? &known->columns : nullptr);
        const bool hit = matches(program, row, status->keywords, source);
        if (source.failure() && *source.failure() != store::StoreError::no_such_message) slice.failure = source.failure();
        if (hit && !source.failure()) {
            add_above(slice.hits, row.uid);
            slice.modseqs.add(row);
        }
        if (program.nodes()[0].needs_file && std::chrono::steady_clock::now() - began > kSliceTime) {
            done_until = row.uid;
            break;
        }
    }
    cursor.chosen = behind(cursor.chosen, done_until);
    return slice;
}

}  // namespace mbx::imap
