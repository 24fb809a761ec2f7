#include "imap/fetch.hpp"

#include <algorithm>
#include <chrono>

#include "imap/message_answer.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kRowsAtOnce = 1000;          // of a slice that opens no file
constexpr std::uint64_t kFilesAtOnce = 100;
constexpr std::uint64_t kBytesAtOnce = 4U * 1024 * 1024;  // of the messages of one slice, if more than one
constexpr std::chrono::milliseconds kFilesTime{10};       // of a slice that opens files; then the strand serves others

bool opens_file(FetchAttribute attribute)
{
    switch (attribute) {
    case FetchAttribute::flags:
    case FetchAttribute::uid:
    case FetchAttribute::internal_date:
    case FetchAttribute::rfc822_size: return false;
    case FetchAttribute::envelope:
    case FetchAttribute::body:
    case FetchAttribute::body_structure:
    case FetchAttribute::body_section:
    case FetchAttribute::binary:
    case FetchAttribute::binary_size: return true;
    }
    return true;
}

// Keeps the rows that one slice may open.
void keep_slice(std::vector<store::MessageRow>& rows, FetchSlice& slice)
{
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        bytes += rows[i].size;
        if (i == 0 || bytes <= kBytesAtOnce) continue;
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
    for (const auto& item : fetch.items) {
        plan.needs_file = plan.needs_file || opens_file(item.attribute);
        plan.needs_flags = plan.needs_flags || item.attribute == FetchAttribute::flags;
        plan.sets_seen = plan.sets_seen || (!item.peek && !read_only);
    }
    return plan;
}

FetchSlice fetch_slice(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                       const FetchPlan& plan, const NumberSet& uids)
{
    FetchSlice slice;
    const auto began = std::chrono::steady_clock::now();
    const NumberSet now = first_of(uids, plan.needs_file ? kFilesAtOnce : kRowsAtOnce);
    slice.done_until = now.back().last;
    auto rows = store.rows(mailbox, now);
    if (!rows) {
        slice.failure = rows.error();
        return slice;
    }
    if (plan.needs_file) keep_slice(*rows, slice);
    if (plan.sets_seen) set_seen(store, mailbox, *rows, slice);
    if (plan.needs_flags || plan.sets_seen) {
        auto status = store.status(mailbox);
        if (status) slice.keywords = std::move(status->keywords);
    }
    SegmentWriter writer(slice.segments);
    NumberSet found;
    for (const auto& row : *rows) {
        const auto sequence = view.sequence(row.uid);
        store::MessageFilePtr file;
        if (plan.needs_file && std::chrono::steady_clock::now() - began > kFilesTime && !found.empty()) {
            slice.done_until = found.back().last;
            break;
        }
        if (plan.needs_file && sequence) {
            auto opened = store.message(mailbox, row.uid);
            if (!opened && opened.error() == store::StoreError::no_such_message) continue;
            if (!opened) slice.failure = opened.error();
            if (opened) file = std::move(*opened);
        }
        add_above(found, row.uid);
        if (!sequence || (plan.needs_file && !file)) continue;
        const bool seen_now = std::ranges::binary_search(slice.told, row.uid, {}, &store::MessageRow::uid);
        MessageAnswer answer(writer, row, std::move(file), slice.keywords);
        if (!answer.write(*sequence, plan, seen_now)) slice.has_unknown_encoding = true;
    }
    slice.missing = without(intersection(now, {{1, slice.done_until}}), found);
    return slice;
}

}  // namespace mbx::imap
