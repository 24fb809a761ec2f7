#include "imap/search.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/ascii.hpp"
#include "imap/search_text.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kRowsAtOnce = 1000;
constexpr std::uint64_t kNarrowedAtOnce = 10'000;  // messages that the index of texts is asked about at once
constexpr std::chrono::milliseconds kSliceTime{10};  // then the strand serves others
using Steady = std::chrono::steady_clock;
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kMinute = 60;

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
        case SearchKind::none_of: return denies(index + 1);
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
        case SearchKind::email_id: return store::email_id_text(email_id()) == node.text;
        case SearchKind::thread_id: return store::thread_id_text(thread_id()) == node.text;
        case SearchKind::older: return row_.internal_date <= node.day;
        case SearchKind::younger: return row_.internal_date >= node.day;
        case SearchKind::saved_before: return day_of(row_.save_date) < node.day;
        case SearchKind::saved_on: return day_of(row_.save_date) == node.day;
        case SearchKind::saved_since: return day_of(row_.save_date) >= node.day;
        case SearchKind::modseq: return row_.modseq >= node.number;
        case SearchKind::larger: return row_.size > node.number;
        case SearchKind::smaller: return row_.size < node.number;
        case SearchKind::header: return header(node);
        case SearchKind::body: return node.fuzzy ? scored(text_.body_score(*node.fuzzy)) : text_.body_contains(node.text);
        case SearchKind::text: return node.fuzzy ? scored(text_.text_score(*node.fuzzy)) : text_.text_contains(node.text);
        case SearchKind::sequence:
        case SearchKind::uid: return contains(node.uids, row_.uid);
        }
        return false;
    }

    // The mean of the fuzzy keys that held.
    unsigned score() const { return scores_ == 0 ? 100 : std::max(1U, sum_ / scores_); }

private:
    static constexpr std::array kCosts{SearchCost::row, SearchCost::brief, SearchCost::file};

    // What the index answers is asked first, so that files are opened last.
    bool all(std::uint32_t index)
    {
        for (const auto cost : kCosts) {
            for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
                if (nodes_[at].cost == cost && !holds(at)) return false;
            }
        }
        return true;
    }
    bool any(std::uint32_t index)
    {
        for (const auto cost : kCosts) {
            for (auto at = index + 1; at < nodes_[index].end; at = nodes_[at].end) {
                if (nodes_[at].cost == cost && holds(at)) return true;
            }
        }
        return false;
    }
    bool denies(std::uint32_t index)
    {
        const auto sum = sum_;
        const auto scores = scores_;
        const bool held = holds(index);
        sum_ = sum;
        scores_ = scores;
        return !held;
    }
    bool scored(unsigned score)
    {
        if (score == 0) return false;
        sum_ += score;
        ++scores_;
        return true;
    }
    unsigned header_score(const SearchProgram::Node& node)
    {
        unsigned best = 0;
        const auto take = [&best, &node](std::string_view text) {
            best = std::max(best, mail::fuzzy_score(*node.fuzzy, text));
            return best < 100;
        };
        const auto* known = source_.known();
        if (known != nullptr && store::visit_brief_field(known->brief, node.field, take)) return best;
        return text_.header_score(node.field, *node.fuzzy);
    }
    // Where the index knows a date it is that of the first Date field, as in the file; where it knows none another field of
    // that name may have one.
    std::optional<std::int64_t> sent_day()
    {
        const auto* known = source_.known();
        if (known == nullptr || !known->brief.sent) return text_.sent_day();
        return day_of(*known->brief.sent + known->brief.sent_zone * kMinute);
    }
    bool header(const SearchProgram::Node& node)
    {
        if (node.fuzzy) return scored(header_score(node));
        if (node.settled && contains(node.settled->held, row_.uid)) return true;
        if (node.settled && !contains(node.settled->open, row_.uid)) return false;
        return header_contains(node);
    }
    bool header_contains(const SearchProgram::Node& node)
    {
        if (const auto* known = source_.known()) {
            const auto held = store::brief_field_contains(known->brief, node.field, node.text);
            if (held) return *held;
        }
        return text_.header_contains(node.field, node.text);
    }
    store::ObjectId email_id()
    {
        const auto* known = source_.known();
        return known != nullptr ? known->email_id : columns().email_id;
    }
    store::ObjectId thread_id()
    {
        const auto* known = source_.known();
        return known != nullptr ? known->thread_id : columns().thread_id;
    }
    const store::ParsedColumns& columns()
    {
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
    unsigned sum_ = 0;     // of the scores of fuzzy keys
    unsigned scores_ = 0;
};

class StoredMessage final : public MessageSource {
public:
    StoredMessage(store::AccountStore& store, store::MailboxId mailbox, store::Uid uid, const KnownMessage* known)
        : store_(store), mailbox_(mailbox), uid_(uid), known_(known)
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
    const KnownMessage* known() override { return known_; }
    bool was_opened() const { return file_ || failure_; }
    const std::optional<store::StoreError>& failure() const { return failure_; }

private:
    store::AccountStore& store_;
    store::MailboxId mailbox_;
    store::Uid uid_;
    const KnownMessage* known_;
    store::MessageFilePtr file_;
    std::optional<store::StoreError> failure_;
};

}  // namespace

void FoundModSeqs::add(const store::MessageRow& row) { add(FoundModSeqs{row.modseq, row.modseq, row.modseq}); }

void FoundModSeqs::add(const FoundModSeqs& behind)
{
    if (behind.highest == 0) return;
    highest = std::max(highest, behind.highest);
    if (of_first == 0) of_first = behind.of_first;
    of_last = behind.of_last;
}

unsigned match_score(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
                     MessageSource& source)
{
    Evaluation evaluation(program, row, keywords, source);
    return evaluation.holds(0) ? evaluation.score() : 0;
}

namespace {

// Fills `chosen` anew.
std::optional<store::StoreError> choose(store::AccountStore& store, store::MailboxId mailbox,
                                        const SearchProgram& program, SearchCursor& cursor)
{
    const bool narrows = program.flag_query() || !program.needs().empty();
    const NumberSet now = first_of(cursor.left, narrows ? kNarrowedAtOnce : kRowsAtOnce);
    cursor.left = behind(cursor.left, now.back().last);
    cursor.chosen = now;
    if (program.flag_query()) {
        auto flagged = store.flagged(mailbox, now, *program.flag_query());
        if (!flagged) return flagged.error();
        cursor.chosen = *std::move(flagged);
    }
    if (program.needs().empty() || cursor.chosen.empty()) return std::nullopt;
    auto narrowed = store.text_candidates(mailbox, cursor.chosen, program.needs());
    if (!narrowed) return narrowed.error();
    cursor.chosen = *std::move(narrowed);
    return std::nullopt;
}

// Everything is asked for: no row is read. Mostly the view is what the mailbox holds; else messages are gone that it still shows.
std::optional<store::StoreError> take_those_there(store::AccountStore& store, store::MailboxId mailbox, SearchCursor& cursor,
                                                  NumberSet& hits)
{
    const auto wanted = std::exchange(cursor.left, {});
    if (wanted.empty()) return std::nullopt;
    const auto status = store.status(mailbox);
    if (!status) return status.error();
    // No message above the last one that is asked about, and as many below it as are asked about.
    if (status->uidnext == wanted.back().last + 1 && status->messages == count(wanted)) {
        hits = wanted;
        return std::nullopt;
    }
    const auto uids = store.uids(mailbox);
    if (!uids) return uids.error();
    for (const auto uid : *uids) {
        if (contains(wanted, uid)) store::add_above(hits, {uid, uid});
    }
    return std::nullopt;
}

// One step through the chosen messages.
class SliceStep {
public:
    SliceStep(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program, Harvest* harvest)
        : store_(store), mailbox_(mailbox), program_(program), harvest_(harvest)
    {
    }

    void run(SearchCursor& cursor, SearchSlice& slice, Steady::time_point until)
    {
        const NumberSet now = first_of(cursor.chosen, kRowsAtOnce);
        auto done_until = now.back().last;
        const auto rows = load(now);
        const auto status = store_.status(mailbox_);
        if (!rows || !status) {
            slice.failure = !rows ? rows.error() : status.error();
            return;
        }
        for (const auto& one : *rows) {
            const bool was_opened = look_at(one, status->keywords, slice);
            if (!was_opened || Steady::now() < until) continue;
            done_until = one.row.uid;
            break;
        }
        if (!parsed_.empty()) store_.keep_columns(mailbox_, parsed_);
        cursor.chosen = behind(cursor.chosen, done_until);
    }

private:
    Result<std::vector<store::BriefRow>, store::StoreError> load(const NumberSet& which)
    {
        if (needs_briefs() || program_.uses_briefs()) return store_.brief_rows(mailbox_, which);
        const auto plain = store_.rows(mailbox_, which);
        if (!plain) return plain.error();
        std::vector<store::BriefRow> rows;
        rows.reserve(plain->size());
        for (const auto& row : *plain) rows.push_back({row, {}, {}, {}});
        return rows;
    }

    bool needs_briefs() const { return harvest_ != nullptr && harvest_->needs_briefs(); }

    // Answers whether the file was opened.
    bool look_at(const store::BriefRow& one, const std::vector<std::string>& keywords, SearchSlice& slice)
    {
        std::optional<KnownMessage> known;
        if (const auto brief = store::decode_brief(one.brief)) known = KnownMessage{*brief, one.email_id, one.thread_id};
        StoredMessage source(store_, mailbox_, one.row.uid, known ? &*known : nullptr);
        const auto score = match_score(program_, one.row, keywords, source);
        const bool is_hit = score != 0 && !source.failure();
        if (is_hit && (harvest_ == nullptr || harvest(one.row, known, source, score))) {
            add_above(slice.hits, one.row.uid);
            slice.modseqs.add(one.row);
            if (program_.is_fuzzy()) slice.scores.push_back({one.row.uid, static_cast<std::uint8_t>(score)});
        }
        if (source.failure() && *source.failure() != store::StoreError::no_such_message) slice.failure = source.failure();
        return source.was_opened();
    }

    bool harvest(const store::MessageRow& row, const std::optional<KnownMessage>& known, StoredMessage& source,
                 unsigned score)
    {
        if (known) {
            harvest_->take(row, known->brief, score);
            return true;
        }
        if (!harvest_->needs_briefs()) {
            harvest_->take(row, {}, score);
            return true;
        }
        const auto bytes = source.bytes();
        if (source.failure()) return false;
        parsed_.push_back({row.uid, store::make_columns(bytes)});
        if (const auto brief = store::decode_brief(parsed_.back().columns.brief)) harvest_->take(row, *brief, score);
        return true;
    }

    store::AccountStore& store_;
    store::MailboxId mailbox_;
    const SearchProgram& program_;
    Harvest* harvest_;
    std::vector<store::MessageColumns> parsed_;
};

}  // namespace

SearchSlice search_slice(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program,
                         SearchCursor& cursor, Harvest* harvest)
{
    SearchSlice slice;
    if (program.is_everything() && harvest == nullptr) {
        slice.failure = take_those_there(store, mailbox, cursor, slice.hits);
        return slice;
    }
    const auto began = Steady::now();
    do {
        if (cursor.chosen.empty()) slice.failure = choose(store, mailbox, program, cursor);
        if (slice.failure || cursor.chosen.empty()) continue;
        if (program.is_flag_query_alone() && harvest == nullptr) {
            for (const auto& range : cursor.chosen) store::add_above(slice.hits, range);
            cursor.chosen.clear();
            continue;
        }
        SliceStep(store, mailbox, program, harvest).run(cursor, slice, began + kSliceTime);
    } while (!slice.failure && !cursor.is_done() && Steady::now() - began < kSliceTime / 2);
    return slice;
}

}  // namespace mbx::imap
