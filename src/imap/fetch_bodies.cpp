#include "imap/fetch_bodies.hpp"

#include <chrono>
#include <utility>

#include "imap/message_answer.hpp"

namespace mbx::imap {

namespace {

bool is_full(const std::vector<ListedBody>& slice, std::uint64_t bytes, std::uint64_t more)
{
    return !slice.empty() && (slice.size() >= kFilesAtOnce || bytes + more > kBytesAtOnce);
}

}  // namespace

bool may_read_beside(const FetchPlan& plan)
{
    return may_read_ahead(plan) && !plan.is_quick && !plan.needs_envelope && !plan.needs_structure && !plan.needs_ids &&
           !plan.needs_preview;
}

std::optional<BodyListing> list_bodies(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                                       const NumberSet& uids)
{
    const NumberSet now = first_of(uids, 2 * kFilesAtOnce);
    auto rows = store.placed_rows(mailbox, now);
    if (!rows) return std::nullopt;
    BodyListing listing;
    listing.load = store.placed_loader();
    listing.done_until = now.back().last;
    std::uint64_t first_bytes = 0;
    std::uint64_t second_bytes = 0;
    store::Uid last = 0;
    NumberSet found;
    for (auto& row : *rows) {
        const auto uid = row.row.uid;
        add_above(found, uid);
        const auto sequence = view.sequence(uid);
        if (!sequence) continue;
        const std::uint64_t size = row.row.size;
        ListedBody body{std::move(row), *sequence};
        if (listing.second.empty() && !is_full(listing.first, first_bytes, size)) {
            listing.first.push_back(std::move(body));
            first_bytes += size;
        } else if (!is_full(listing.second, second_bytes, size)) {
            listing.second.push_back(std::move(body));
            second_bytes += size;
        } else {
            listing.done_until = last;
            break;
        }
        last = uid;
    }
    listing.missing = without(intersection(now, {{1, listing.done_until}}), found);
    return listing;
}

FetchSlice read_bodies(const std::vector<ListedBody>& bodies, const FetchPlan& plan, const store::PlacedLoader& load, store::Uid all,
                       std::string spare)
{
    FetchSlice slice;
    const auto began = std::chrono::steady_clock::now();
    std::vector<store::MessageRow> rows;
    rows.reserve(bodies.size());
    for (const auto& body : bodies) rows.push_back(body.message.row);
    SegmentWriter writer(slice.segments);
    if (const auto expected = expected_bytes(plan, rows); expected != 0) writer.reserve(std::move(spare), expected);
    for (const auto& body : bodies) {
        const bool is_long = writer.held_bytes() > kBytesAtOnce || std::chrono::steady_clock::now() - began > kFilesTime;
        if (slice.done_until != 0 && is_long) return slice;
        auto file = load(body.message);
        if (!file) return slice;
        MessageAnswer answer(writer, body.message.row, std::move(file), slice.keywords);
        if (!answer.write(body.sequence, plan, false)) slice.has_unknown_encoding = true;
        slice.done_until = body.message.row.uid;
    }
    slice.done_until = all;
    return slice;
}

}  // namespace mbx::imap
