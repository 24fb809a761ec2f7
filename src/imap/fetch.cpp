#include "imap/fetch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "imap/message_answer.hpp"
#include "imap/quick_fetch.hpp"
#include "store/column_code.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kRowsAtOnce = 1000;          // of a slice that opens no file
constexpr std::uint64_t kDescribedAtOnce = 500;      // of one that tells envelopes or structures
constexpr std::size_t kQuickItems = 50;              // ready texts are copied each time: of more the long ones are held once

bool is_header_only(const mail::Section& section)
{
    using enum mail::SectionText;
    return section.path.empty() && (section.text == header || section.text == header_fields ||
                                    section.text == header_fields_not || section.text == whole);
}

void note_needs(const FetchItem& item, FetchPlan& plan)
{
    switch (item.attribute) {
    case FetchAttribute::flags: plan.needs_flags = true; break;
    case FetchAttribute::uid:
    case FetchAttribute::internal_date:
    case FetchAttribute::rfc822_size:
    case FetchAttribute::save_date: break;
    case FetchAttribute::preview:
        plan.needs_preview = true;
        plan.waits_for_preview = plan.waits_for_preview || !item.lazy;
        break;
    case FetchAttribute::modseq: plan.wants_modseq = true; break;
    case FetchAttribute::envelope: plan.needs_envelope = true; break;
    case FetchAttribute::body:
    case FetchAttribute::body_structure: plan.needs_structure = true; break;
    case FetchAttribute::body_section:
        plan.needs_file = true;
        plan.needs_structure = plan.needs_structure || !is_header_only(item.section);
        break;
    case FetchAttribute::email_id:
    case FetchAttribute::thread_id: plan.needs_ids = true; break;
    case FetchAttribute::binary:
    case FetchAttribute::binary_size:
        plan.needs_file = true;
        plan.needs_structure = true;
        break;
    }
}

// What the index knows of one message, as far as the plan needs it.
struct Known {
    std::string envelope;           // as it is told; empty: not known
    std::string encoded_structure;  // unpacked, a message of many parts takes thirty times as much: one at a time
    std::optional<mail::Structure> structure;
    std::optional<std::string> preview;
    store::ObjectId email_id;
    store::ObjectId thread_id;
    bool is_enough = true;
    bool has_row = false;
};

std::vector<Known> look_up(store::AccountStore& store, store::MailboxId mailbox, const FetchPlan& plan,
                           const std::vector<store::MessageRow>& rows, const NumberSet& which)
{
    std::vector<Known> known(rows.size());
    if (!plan.needs_envelope && !plan.needs_structure && !plan.needs_ids) return known;
    auto columns = store.wire_columns(mailbox, which);
    std::size_t at = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        known[i].is_enough = false;
        while (columns && at < columns->size() && (*columns)[at].uid < rows[i].uid) ++at;
        if (!columns || at == columns->size() || (*columns)[at].uid != rows[i].uid) continue;
        auto& row = (*columns)[at];
        known[i].has_row = true;
        known[i].email_id = row.email_id;
        known[i].thread_id = row.thread_id;
        if (plan.needs_envelope) known[i].envelope = std::move(row.envelope);
        if (plan.needs_structure) known[i].encoded_structure = std::move(row.structure);
        known[i].is_enough = (!plan.needs_envelope || !known[i].envelope.empty()) &&
                             (!plan.needs_structure || !known[i].encoded_structure.empty());
    }
    return known;
}

void unpack(Known& known, const store::MessageRow& row)
{
    if (known.encoded_structure.empty()) return;
    known.structure = store::decode_structure(std::exchange(known.encoded_structure, {}));
    if (known.structure && known.structure->size != row.size) known.structure.reset();
    known.is_enough = known.is_enough && known.structure;
}

// Adds the previews, which stand apart from what most FETCHes want.
void look_up_previews(store::AccountStore& store, store::MailboxId mailbox, const FetchPlan& plan,
                      const std::vector<store::MessageRow>& rows, const NumberSet& which, std::vector<Known>& known)
{
    if (!plan.needs_preview) return;
    auto columns = store.columns(mailbox, which);
    std::size_t at = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        while (columns && at < columns->size() && (*columns)[at].uid < rows[i].uid) ++at;
        if (columns && at < columns->size() && (*columns)[at].uid == rows[i].uid) {
            known[i].preview = std::move((*columns)[at].columns.preview);
            known[i].has_row = true;
        } else if (plan.waits_for_preview) {
            known[i].is_enough = false;
        }
    }
}

// Takes out what did not change since; answers what that were.
NumberSet pass_over_unchanged(std::vector<store::MessageRow>& rows, const FetchPlan& plan)
{
    NumberSet passed;
    if (!plan.changed_since) return passed;
    const auto is_unchanged = [&](const store::MessageRow& row) { return row.modseq <= *plan.changed_since; };
    for (const auto& row : rows) {
        if (is_unchanged(row)) add_above(passed, row.uid);
    }
    std::erase_if(rows, is_unchanged);
    return passed;
}

// Keeps the rows that one slice may open.
void keep_slice(std::vector<store::MessageRow>& rows, const std::vector<Known>& known, const FetchPlan& plan,
                FetchSlice& slice)
{
    std::uint64_t bytes = 0;
    std::uint64_t opened = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!plan.needs_file && known[i].is_enough) continue;
        bytes += rows[i].size;
        if (++opened == 1 || (bytes <= kBytesAtOnce && opened <= kFilesAtOnce)) continue;
        slice.done_until = rows[i - 1].uid;
        rows.resize(i);
        return;
    }
}

// Sets \Seen where it is missing; the rows then hold the new flags, and `told` those that changed.
void set_seen(store::AccountStore& store, store::MailboxId mailbox, std::vector<store::MessageRow>& rows,
              FetchSlice& slice)
{
    NumberSet unseen;
    for (const auto& row : rows) {
        if ((row.flags.system & store::kSeen) == 0) add_above(unseen, row.uid);
    }
    if (unseen.empty()) return;
    store::FlagChange change;
    change.action = store::FlagAction::add;
    change.system = store::kSeen;
    auto stored = store.store_flags(mailbox, unseen, change);
    // The body can be served even where the flag cannot be kept.
    if (!stored) return;
    for (const auto& changed : stored->rows) {
        const auto row = std::ranges::find(rows, changed.uid, &store::MessageRow::uid);
        if (row != rows.end()) *row = changed;
    }
    slice.told = std::move(stored->rows);
}

}  // namespace

FetchPlan make_fetch_plan(const Fetch& fetch, bool read_only)
{
    FetchPlan plan;
    plan.items = fetch.items;
    plan.with_uid = fetch.by_uid;
    plan.changed_since = fetch.changed_since;
    for (const auto& item : fetch.items) {
        note_needs(item, plan);
        plan.sets_seen = plan.sets_seen || (!item.peek && !read_only);
    }
    plan.is_quick = !plan.sets_seen && plan.items.size() <= kQuickItems && std::ranges::all_of(plan.items, is_quick_item);
    return plan;
}

namespace {

// Writes the answers of a slice, message by message, and gathers what had to be parsed for them.
class SliceWriter {
public:
    SliceWriter(store::AccountStore& store, store::MailboxId mailbox, const FetchPlan& plan, FetchSlice& slice)
        : store_(store), mailbox_(mailbox), plan_(plan), slice_(slice), writer_(slice.segments)
    {
    }
    void reserve(std::string spare, std::size_t bytes) { writer_.reserve(std::move(spare), bytes); }
    bool is_full() const { return writer_.held_bytes() > kBytesAtOnce; }

    bool opens(const Known& known) const { return plan_.needs_file || !known.is_enough; }
    // False: the message is gone.
    bool write(std::uint32_t sequence, const store::MessageRow& row, Known known)
    {
        store::MessageFilePtr file;
        if (opens(known)) {
            auto opened = store_.message(mailbox_, row.uid);
            if (!opened && opened.error() == store::StoreError::no_such_message) return false;
            if (!opened) slice_.failure = opened.error();
            if (!opened) return true;
            file = std::move(*opened);
        }
        if (!known.is_enough) parse(row.uid, file->bytes(), known);
        const bool seen_now = std::ranges::binary_search(slice_.told, row.uid, {}, &store::MessageRow::uid);
        MessageAnswer answer(writer_, row, std::move(file), slice_.keywords);
        answer.use(std::move(known.envelope), std::move(known.structure));
        answer.use(known.email_id, known.thread_id);
        answer.use(std::move(known.preview));
        if (!answer.write(sequence, plan_, seen_now)) slice_.has_unknown_encoding = true;
        return true;
    }
    void leave_behind() { store_.keep_columns(mailbox_, parsed_); }

private:
    void parse(store::Uid uid, std::string_view bytes, Known& known)
    {
        known.structure = mail::parse_structure(bytes);
        known.envelope = mail::imap_envelope(known.structure->envelope());
        // What is too long for its row is parsed each time.
        if (known.has_row) return;
        parsed_.push_back({uid, store::make_columns(bytes, *known.structure)});
        known.email_id = parsed_.back().columns.email_id;
        known.thread_id = parsed_.back().columns.thread_id;
        known.preview = parsed_.back().columns.preview;
    }
    store::AccountStore& store_;
    store::MailboxId mailbox_;
    const FetchPlan& plan_;
    FetchSlice& slice_;
    SegmentWriter writer_;
    std::vector<store::MessageColumns> parsed_;
};

}  // namespace

std::size_t expected_bytes(const FetchPlan& plan, const std::vector<store::MessageRow>& rows)
{
    constexpr std::size_t kAround = 128;
    constexpr std::uint64_t kSmall = 8 * 1024;  // larger ones are not copied
    const auto is_whole = [](const FetchItem& item) {
        return item.attribute == FetchAttribute::body_section && item.section.path.empty() && !item.partial &&
               item.section.text == mail::SectionText::whole;
    };
    if (std::ranges::none_of(plan.items, is_whole)) return 0;
    std::size_t bytes = 0;
    for (const auto& row : rows) bytes += kAround + (row.size <= kSmall ? row.size : 0);
    return bytes;
}

bool may_read_ahead(const FetchPlan& plan)
{
    return plan.needs_file && !plan.needs_flags && !plan.sets_seen && !plan.wants_modseq && !plan.changed_since;
}

FetchSlice fetch_slice(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                       const FetchPlan& plan, const NumberSet& uids, std::string spare)
{
    if (plan.is_quick) {
        auto quick = quick_slice(store, mailbox, view, plan, uids, spare);
        if (quick) return *std::move(quick);
    }
    FetchSlice slice;
    const auto began = std::chrono::steady_clock::now();
    const bool describes = plan.needs_envelope || plan.needs_structure || plan.needs_ids || plan.needs_preview;
    const NumberSet now = first_of(uids, plan.needs_file ? kFilesAtOnce : describes ? kDescribedAtOnce : kRowsAtOnce);
    slice.done_until = now.back().last;
    auto rows = store.rows(mailbox, now);
    if (!rows) {
        slice.failure = rows.error();
        return slice;
    }
    const NumberSet passed = pass_over_unchanged(*rows, plan);
    auto known = look_up(store, mailbox, plan, *rows, now);
    look_up_previews(store, mailbox, plan, *rows, now, known);
    keep_slice(*rows, known, plan, slice);
    if (plan.sets_seen) set_seen(store, mailbox, *rows, slice);
    if (plan.needs_flags || plan.sets_seen) {
        auto status = store.status(mailbox);
        if (status) slice.keywords = std::move(status->keywords);
    }
    SliceWriter writer(store, mailbox, plan, slice);
    if (const auto expected = expected_bytes(plan, *rows); expected != 0) writer.reserve(std::move(spare), expected);
    NumberSet found;
    for (std::size_t i = 0; i < rows->size(); ++i) {
        const auto& row = (*rows)[i];
        const auto sequence = view.sequence(row.uid);
        unpack(known[i], row);
        const bool is_late = writer.opens(known[i]) && std::chrono::steady_clock::now() - began > kFilesTime;
        if ((is_late || writer.is_full()) && !found.empty()) {
            slice.done_until = found.back().last;
            break;
        }
        if (sequence && !writer.write(*sequence, row, std::move(known[i]))) continue;
        add_above(found, row.uid);
    }
    // Of those that the slice did not suffice for the flags are news like others.
    std::erase_if(slice.told, [&slice](const store::MessageRow& row) { return row.uid > slice.done_until; });
    writer.leave_behind();
    slice.missing = without(without(intersection(now, {{1, slice.done_until}}), found), passed);
    return slice;
}

}  // namespace mbx::imap
