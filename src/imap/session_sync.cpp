// CONDSTORE and QRESYNC (RFC 7162): what changed since the client was here last, and which mod-sequence it may keep.
#include <algorithm>

#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

NumberSet as_numbers(const std::vector<store::Uid>& ascending)
{
    NumberSet set;
    for (const auto uid : ascending) add_above(set, uid);
    return set;
}

// How many of the `most` messages from `sequence` on have the UIDs from `uid` on, one after the other.
std::uint32_t matching(const store::UidTable& view, std::uint32_t sequence, store::Uid uid, std::uint32_t most)
{
    // UIDs grow at least as fast as sequence numbers: what matches stands in front of what does not.
    std::uint32_t good = 0;
    std::uint32_t bad = most + 1;
    while (bad - good > 1) {
        const auto middle = good + (bad - good) / 2;
        const auto at = std::uint64_t{sequence} + middle - 1;
        const bool is_same = at <= view.size() && view.uid(static_cast<std::uint32_t>(at)) == std::uint64_t{uid} + middle - 1;
        if (is_same) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    return good;
}

// RFC 7162 section 3.2.5.2: up to this UID the client knows what was expunged; 0: nothing is known. Ranges are compared,
// never their numbers one by one.
store::Uid known_until(const store::UidTable& view, const std::pair<SequenceSet, SequenceSet>& matches)
{
    const auto sequences = matches.first.resolve(UINT32_MAX);
    const auto uids = matches.second.resolve(UINT32_MAX);
    store::Uid until = 0;
    std::size_t i = 0;
    std::size_t k = 0;
    std::uint32_t of_i = 0;  // numbers of the range that were compared
    std::uint32_t of_k = 0;
    while (i < sequences.size() && k < uids.size()) {
        const auto sequence = sequences[i].first + of_i;
        const auto uid = uids[k].first + of_k;
        const auto most = std::min({sequences[i].last - sequence, uids[k].last - uid, UINT32_MAX - 2}) + 1;
        const auto same = matching(view, sequence, uid, most);
        if (same != 0) until = uid + (same - 1);
        if (same != most) break;
        of_i += most;
        of_k += most;
        if (sequence + (most - 1) == sequences[i].last) {
            ++i;
            of_i = 0;
        }
        if (uid + (most - 1) == uids[k].last) {
            ++k;
            of_k = 0;
        }
    }
    return until;
}

}  // namespace

void Session::enable_condstore()
{
    // RFC 7162 section 3.1: the first enabling command tells the mod-sequence of the selected mailbox.
    if (std::exchange(condstore_, true) || !selected_) return;
    out_.add("* OK [HIGHESTMODSEQ " + std::to_string(selected_->told_until()) + "] highest\r\n");
}

// In pieces, so that no line becomes longer than a client reads.
void Session::tell_vanished(const NumberSet& uids)
{
    for (std::size_t at = 0; at < uids.size();) {
        const auto end = std::min(uids.size(), at + kMaxVanishedRanges);
        const auto begin = uids.begin();
        const NumberSet piece(begin + static_cast<std::ptrdiff_t>(at), begin + static_cast<std::ptrdiff_t>(end));
        out_.add("* VANISHED (EARLIER) " + to_text(piece) + "\r\n");
        at = end;
    }
}

// The answer of a SELECT with QRESYNC (RFC 7162 section 3.2.5). A client whose mailbox had another UIDVALIDITY is told
// nothing; what the store no longer knows is told by difference, so that it can be more than happened since, never less.
co::Task<void> Session::resynchronize(const Qresync& known)
{
    if (known.uidvalidity != mailbox_->feed().status().uidvalidity) co_return;
    const auto id = selected_->id();
    const auto since = known.modseq;
    auto job = [id, since](store::AccountStore& store) { return store.changes(id, since); };
    const auto changes = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    if (!changes) co_return;  // the client learns it as it would without QRESYNC: by FETCH
    const auto& view = selected_->view();
    const NumberSet asked = known.known ? known.known->resolve(UINT32_MAX) : NumberSet{{1, UINT32_MAX}};
    // What went after this view was taken is told as news, by the next command.
    auto gone = without(intersection(as_numbers(changes->expunged), asked), view.uids());
    if (known.matches) gone = behind(gone, known_until(view, *known.matches));
    tell_vanished(gone);
    for (const auto& row : changes->changed) {
        const auto number = contains(asked, row.uid) ? view.sequence(row.uid) : std::nullopt;
        if (!number) continue;
        out_.text() += "* " + std::to_string(*number) + " FETCH (UID " + std::to_string(row.uid) + " FLAGS " +
                       flags_text(row.flags, changes->status.keywords) + " MODSEQ (" + std::to_string(row.modseq) + "))\r\n";
        if (out_.is_full()) (void)co_await out_.flush();
        if (out_.is_broken()) co_return;
    }
}

// CHANGEDSINCE (RFC 7162 section 3.1.4.1): which of them changed; VANISHED first (section 3.2.6). None: the reply is set.
co::Task<std::optional<NumberSet>> Session::changed_among(const Fetch& command, NumberSet uids)
{
    const auto id = selected_->id();
    const auto since = *command.changed_since;
    auto job = [id, since](store::AccountStore& store) { return store.changes(id, since); };
    const auto changes = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    if (!changes) {
        no(refusal_text(changes.error()));
        co_return std::nullopt;
    }
    if (command.vanished && !command.messages.is_saved_result()) {
        const auto asked = command.messages.resolve(std::max(selected_->view().last(), changes->status.uidnext - 1));
        tell_vanished(without(intersection(as_numbers(changes->expunged), asked), selected_->view().uids()));
    }
    NumberSet changed;
    for (const auto& row : changes->changed) add_above(changed, row.uid);
    co_return intersection(uids, changed);
}

void Session::conclude_modseq(const Request& request, store::ModSeq before)
{
    const auto highest = std::to_string(selected_->told_until());
    if (selected_->holds_expunges()) {
        // RFC 7162 section 3.2: a client that kept a mod-sequence it saw beyond them would never hear of these expunges.
        out_.add("* OK [HIGHESTMODSEQ " + highest + "] expunges are told later\r\n");
        holds_modseq_ = true;
        return;
    }
    const auto* copy = std::get_if<Copy>(&request);
    const bool expunges = std::holds_alternative<Expunge>(request) || std::holds_alternative<Replace>(request) || (copy != nullptr && copy->move);
    const bool advanced = selected_->told_until() != before;
    if (expunges && advanced && reply_.starts_with("OK ")) {
        // Sections 3.2.7 and 3.2.9.
        reply_.insert(3, "[HIGHESTMODSEQ " + highest + "] ");
        holds_modseq_ = false;
    } else if (std::exchange(holds_modseq_, false)) {
        out_.add("* OK [HIGHESTMODSEQ " + highest + "] all expunges are told\r\n");
    }
}

}  // namespace mbx::imap
