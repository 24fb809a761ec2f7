// The commands over messages (RFC 9051 section 6.4). Long ones go through the mailbox in slices, so that the account's
// strand and the loop serve others in between.
#include <algorithm>
#include <exception>
#include <iterator>

#include "co/scope.hpp"
#include "imap/response.hpp"
#include "imap/search_results.hpp"
#include "imap/session.hpp"
#include "imap/slice_pace.hpp"
#include "imap/stored_rights.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint32_t kExpungedAtOnce = 100;  // messages with \Deleted that go in one job
// What a STORE did, as the store would tell it who asks next: it need not read the rows again for that. None: others changed
// something besides.
std::optional<store::Changes> own_changes(store::AccountStore& store, store::MailboxId mailbox, store::ModSeq before,
                                          const store::FlagsStored& stored)
{
    auto status = store.status(mailbox);
    // One STORE takes one mod-sequence; a second one is of somebody whose rows are not among these.
    if (!status || status->highest_modseq != stored.highest_modseq || stored.highest_modseq > before + 1) return std::nullopt;
    store::Changes changes;
    changes.status = *std::move(status);
    const auto is_changed = [before](const store::MessageRow& row) { return row.modseq > before; };
    std::ranges::copy_if(stored.rows, std::back_inserter(changes.changed), is_changed);
    return changes;
}

// RFC 4315 section 3: both sets name the messages in one order.
std::string copyuid(const store::Copied& copied)
{
    std::vector<store::Uid> from;
    std::vector<store::Uid> to;
    for (const auto& [source, target] : copied.uids) {
        from.push_back(source);
        to.push_back(target);
    }
    return "[COPYUID " + std::to_string(copied.uidvalidity) + " " + in_order_text(from) + " " + in_order_text(to) + "]";
}

std::string refusal_of_copy(store::StoreError error)
{
    if (error == store::StoreError::no_such_mailbox) return "[TRYCREATE] no such mailbox";
    return std::string(refusal_text(error));
}

}  // namespace

co::Task<void> Session::handle(const Check&)
{
    ok("CHECK completed");
    co_return;
}

co::Task<void> Session::handle(const Unselect&)
{
    deselect();
    ok("UNSELECT completed");
    co_return;
}

co::Task<void> Session::handle(const Close&)
{
    // RFC 9051 section 6.4.2: expunges without telling; nothing in a mailbox opened by EXAMINE, nor without the right to it (RFC
    // 4314 section 4).
    if (may(store::kExpungeRight)) {
        const auto gone = co_await expunge(nullptr);
        if (!gone) {
            no(refusal_text(gone.error()));
            deselect();
            co_return;
        }
    }
    deselect();
    ok("CLOSE completed");
}

co::Task<std::optional<NumberSet>> Session::resolve(const SequenceSet& set, bool by_uid)
{
    if (by_uid) co_await announce(false, false);
    if (!open_ || !selected_) co_return NumberSet{};
    auto uids = selected_->resolve(set, by_uid);
    if (!uids) bad("no such sequence number");
    co_return uids;
}

// The answer of a command over messages of which some were gone. By UID that is no error (RFC 9051 section 6.4.9).
void Session::conclude(std::string_view name, bool by_uid, bool has_missing, std::string_view code)
{
    if (has_missing && !by_uid) {
        const auto first = code.empty() ? std::string_view("[EXPUNGEISSUED] ") : code;
        no(std::string(first) + "some of the messages were expunged by another session");
    } else {
        ok(std::string(code) + (by_uid ? "UID " : "") + std::string(name) + " completed");
    }
}

co::Task<void> Session::handle(const Expunge& command)
{
    if (selected_->is_read_only()) {
        no("the mailbox is read-only");
        co_return;
    }
    if (!may(store::kExpungeRight)) {
        no(refusal_text(store::StoreError::no_right));
        co_return;
    }
    std::optional<NumberSet> which;
    if (command.uids) {
        which = co_await resolve(*command.uids, true);
        if (!which || !open_) co_return;
    }
    const NumberSet* only = which ? &*which : nullptr;
    const auto gone = co_await expunge(only);
    // The news that follow tell what went.
    if (gone) {
        ok(command.uids ? "UID EXPUNGE completed" : "EXPUNGE completed");
    } else {
        no(refusal_text(gone.error()));
    }
}

// Few messages with \Deleted go in one job; many go slice by slice, so that deliveries come in between: those that have the
// flag when the command begins.
co::Task<Result<void, store::StoreError>> Session::expunge(const NumberSet* which)
{
    using Left = Result<NumberSet, store::StoreError>;
    const auto id = selected_->id();
    store::TracedAct act{"imap", login_->address};
    const auto& all = mailbox_->feed().uids();
    const NumberSet asked = which != nullptr ? all.among(*which) : all.uids();
    auto job = [id, which, &asked, &act](store::AccountStore& store) -> Left {
        const auto status = store.status(id);
        if (!status) return status.error();
        if (status->deleted > kExpungedAtOnce) return store.flagged(id, asked, store::FlagQuery::deleted);
        const auto gone = store.expunge(id, which, &act);
        if (!gone) return gone.error();
        return NumberSet();
    };
    auto first = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    if (!first) co_return first.error();
    NumberSet left = *std::move(first);
    SlicePace pace;
    while (!left.empty()) {
        const auto now = first_of(left, pace.size());
        left = behind(left, now.back().last);
        std::chrono::nanoseconds took{0};
        auto next = [id, &now, &took, &act](store::AccountStore& store) {
            const auto began = std::chrono::steady_clock::now();
            auto gone = store.expunge(id, &now, &act);
            took = std::chrono::steady_clock::now() - began;
            return gone;
        };
        const auto gone = co_await owner_->run(net::WorkClass::interactive, std::move(next));
        if (!gone) co_return gone.error();
        if (count(now) == pace.size()) pace.took(took);
    }
    co_return Result<void, store::StoreError>();
}

co::Task<void> Session::handle(const Copy& command)
{
    const std::string name = command.move ? "MOVE" : "COPY";
    if (command.move && selected_->is_read_only()) {
        no("the mailbox is read-only");
        co_return;
    }
    // RFC 6851 section 4.1: as STORE and EXPUNGE.
    if (command.move && !may(store::kDeleteMessages | store::kExpungeRight)) {
        no(refusal_text(store::StoreError::no_right));
        co_return;
    }
    const auto uids = co_await resolve(command.messages, command.by_uid);
    if (!uids || !open_) co_return;
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_of_copy(place.error()));
        co_return;
    }
    store::TracedAct act{"imap", login_->address};
    if (place->account != owner_) {
        act.to_account = place->account->key();
        act.to_mailbox = listed_name(place->name);
    }
    store::TracedAct* move = command.move ? &act : nullptr;
    Transferred done;
    if (place->account == owner_) {
        const auto id = selected_->id();
        const auto user = login_->account.value;
        auto job = [id, user, &uids, &place, move](store::AccountStore& store) {
            return transfer_within(store, id, *uids, place->name, user, move);
        };
        done = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    } else {
        done = co_await transfer_across(*place, *uids, move);
    }
    if (done.failure && done.copied.uids.empty()) {
        no(refusal_of_copy(*done.failure));
        co_return;
    }
    if (is_selected(place->account, done.target)) {
        for (const auto& [source, target] : done.copied.uids) note_own(target);
    }
    if (done.copied.uids.empty()) {
        // Nothing of the set exists (any more): no error by UID, and none for mbsync's sake by number either.
        ok(name + " completed, nothing to do");
        co_return;
    }
    if (command.move) {
        // RFC 6851 section 4.3: before the EXPUNGEs.
        out_.add("* OK " + copyuid(done.copied) + " moved\r\n");
        if (done.failure) no(refusal_of_copy(*done.failure));
        else ok((command.by_uid ? "UID " : "") + name + " completed");
    } else {
        ok(copyuid(done.copied) + " " + (command.by_uid ? "UID " : "") + name + " completed");
    }
}

co::Task<void> Session::handle(const imap::Store& command)
{
    if (selected_->is_read_only()) {
        no("the mailbox is read-only");
        co_return;
    }
    const auto held = rights();
    if (!may_store(command, held)) {
        no(refusal_text(store::StoreError::no_right));
        co_return;
    }
    const auto uids = co_await resolve(command.messages, command.by_uid);
    if (!uids || !open_) co_return;
    store::FlagChange change;
    change.action = command.action;
    change.system = command.flags.system;
    change.keywords = command.flags.keywords;
    change.unchanged_since = command.unchanged_since;
    if (command.unchanged_since) enable_condstore();
    NumberSet modified;
    struct Outcome {
        Result<store::Changes, store::StoreError> before;
        Result<store::FlagsStored, store::StoreError> stored;
        std::optional<store::Changes> own;
        std::chrono::nanoseconds took;
    };
    NumberSet left = *uids;
    SlicePace pace;
    bool has_missing = false;
    while (!left.empty() && !out_.is_broken()) {
        const auto now = first_of(left, pace.size());
        left = behind(left, now.back().last);
        const auto id = selected_->id();
        const auto since = mailbox_->feed().status().highest_modseq;
        const auto told = mailbox_->told();
        // What others changed before is told apart from what this command changes: a silent STORE hides only its own.
        auto job = [id, since, held, &now, &change](store::AccountStore& store) {
            const auto began = std::chrono::steady_clock::now();
            auto before = store.changes(id, since);
            auto stored = store_with_rights(store, id, now, change, held);
            std::optional<store::Changes> own;
            if (before && stored) own = own_changes(store, id, before->status.highest_modseq, *stored);
            return Outcome{std::move(before), std::move(stored), std::move(own), std::chrono::steady_clock::now() - began};
        };
        auto outcome = co_await owner_->run(net::WorkClass::interactive, std::move(job));
        if (outcome.before) (void)mailbox_->take(std::move(*outcome.before));
        if (!outcome.stored) {
            no(refusal_text(outcome.stored.error()));
            co_return;
        }
        if (count(now) == pace.size()) pace.took(outcome.took);
        has_missing = has_missing || outcome.stored->rows.size() < count(now);
        selected_->take_keywords(outcome.stored->keywords);
        selected_->mark_told(outcome.stored->rows);
        if (outcome.own) mailbox_->take_own(*std::move(outcome.own), told);
        if (!is_silenced()) co_await take_news();
        co_await tell_news(false);
        co_await tell_stored(*outcome.stored, command);
        for (const auto uid : outcome.stored->not_stored) add_above(modified, uid);
    }
    // RFC 7162 section 3.1.3
    if (!command.by_uid) modified = selected_->view().sequences_of(modified);
    conclude("STORE", command.by_uid, has_missing, modified.empty() ? "" : "[MODIFIED " + to_text(modified) + "] ");
}

// With CONDSTORE each message is told its mod-sequence, silent or not, and one that was changed before all its flags
// (RFC 7162 section 3.1.3, examples 6 and 14).
co::Task<void> Session::tell_stored(const store::FlagsStored& stored, const imap::Store& command)
{
    if (command.silent && !condstore_) co_return;
    for (const auto& row : stored.rows) {
        const auto number = selected_->view().sequence(row.uid);
        if (!number) continue;
        std::string& out = out_.text();
        const bool with_flags = !command.silent || std::ranges::binary_search(stored.not_stored, row.uid);
        out += "* " + std::to_string(*number) + " FETCH (";
        if (command.by_uid || condstore_) out += "UID " + std::to_string(row.uid) + " ";
        if (with_flags) out += "FLAGS " + flags_text(row.flags, stored.keywords);
        if (condstore_) out += (with_flags ? " MODSEQ (" : "MODSEQ (") + std::to_string(row.modseq) + ")";
        out += ")\r\n";
        if (out_.is_full()) (void)co_await out_.flush();
    }
}

co::Task<void> Session::handle(const Fetch& command)
{
    if (command.vanished && !qresync_) {
        bad("QRESYNC was not enabled");  // RFC 7162 section 3.2.6
        co_return;
    }
    auto uids = co_await resolve(command.messages, command.by_uid);
    if (!uids || !open_) co_return;
    auto plan = make_fetch_plan(command, !may(store::kKeepSeen));
    if (plan.wants_modseq) enable_condstore();
    plan.tells_modseq = condstore_;
    if (command.changed_since) {
        uids = co_await changed_among(command, *std::move(uids));
        if (!uids) co_return;
    }
    NumberSet left = *std::move(uids);
    bool has_missing = false;
    bool has_unknown_encoding = false;
    std::optional<store::StoreError> failure;
    std::array<std::string, 2> spares;
    std::vector<FetchSlice> slices;
    std::size_t at = 0;
    // Encrypting takes the loop longer than one worker reads: a second one would only take the processor from it.
    const bool is_beside = may_read_beside(plan) && !stream_->is_encrypted();
    std::shared_ptr<FetchAhead> ahead;
    co::Scope reading;
    while ((at < slices.size() || !left.empty()) && !out_.is_broken()) {
        if (at == slices.size()) {
            slices.clear();
            at = 0;
            if (ahead) {
                co_await reading.finished();
                if (ahead->bug) std::rethrow_exception(ahead->bug);
                slices = std::move(ahead->slices);
                ahead.reset();
            } else {
                auto next = co_await next_slice(plan, left, std::move(spares.front()));
                slices.push_back(std::move(next));
            }
            left = behind(left, slices.back().done_until);
            if (may_read_ahead(plan) && !left.empty()) {
                ahead = std::make_shared<FetchAhead>(FetchAhead{plan, selected_->view(), left, std::move(spares), is_beside, {}, {}, {}});
                reading.spawn(read_ahead(owner_, selected_->id(), ahead));
            }
        }
        FetchSlice slice = std::move(slices[at]);
        has_missing = has_missing || !slice.missing.empty();
        has_unknown_encoding = has_unknown_encoding || slice.has_unknown_encoding;
        if (slice.failure) failure = slice.failure;
        if (plan.needs_flags || !slice.told.empty()) {
            selected_->take_keywords(slice.keywords);
            co_await tell_news(false);
        }
        selected_->mark_shown(slice.told);
        (void)co_await write_segments(slice.segments);
        spares.at(at) = slice.segments.empty() ? std::string() : std::move(slice.segments.front().text);
        ++at;
    }
    co_await reading.finished();  // where the client went away
    if (has_unknown_encoding) {
        no("[UNKNOWN-CTE] a part has an unknown transfer encoding");
    } else if (failure) {
        no(refusal_text(*failure));
    } else {
        conclude("FETCH", command.by_uid, has_missing);
    }
}

co::Task<FetchSlice> Session::next_slice(const FetchPlan& plan, const NumberSet& left, std::string spare)
{
    const auto id = selected_->id();
    const auto& view = selected_->view();
    auto job = [id, &view, &plan, &left, &spare](store::AccountStore& store) {
        return fetch_slice(store, id, view, plan, left, std::move(spare));
    };
    auto slice = co_await owner_->run(net::WorkClass::interactive, std::move(job));
    co_return slice;
}

co::Task<void> Session::read_ahead(std::shared_ptr<store::Account> account, store::MailboxId id, std::shared_ptr<FetchAhead> ahead)
{
    try {
        if (ahead->is_beside) co_await read_beside(account, id, ahead);
        if (!ahead->slices.empty() || ahead->bug) co_return;
        auto job = [id, &ahead](store::AccountStore& store) {
            return fetch_slice(store, id, ahead->view, ahead->plan, ahead->left, std::move(ahead->spares.front()));
        };
        auto slice = co_await account->run(net::WorkClass::interactive, std::move(job));
        ahead->slices.push_back(std::move(slice));
    } catch (...) {
        ahead->bug = std::current_exception();
    }
}

co::Task<void> Session::read_beside(std::shared_ptr<store::Account> account, store::MailboxId id, std::shared_ptr<FetchAhead> ahead)
{
    auto list = [id, &ahead](store::AccountStore& store) {
        return list_bodies(store, id, ahead->view, ahead->left);
    };
    auto listed = co_await account->run(net::WorkClass::interactive, std::move(list));
    ahead->listing = std::move(listed);
    if (!ahead->listing) co_return;
    const BodyListing& listing = *ahead->listing;
    FetchSlice second;
    co::Scope reading;
    if (!listing.second.empty()) reading.spawn(read_second(account, ahead, &second));
    const store::Uid end = listing.second.empty() ? listing.done_until : listing.first.back().message.row.uid;
    FetchSlice first;
    try {
        auto job = [&listing, &ahead, end] { return read_bodies(listing.first, ahead->plan, listing.load, end, std::move(ahead->spares.front())); };
        auto read = co_await account->compute(net::WorkClass::interactive, std::move(job));
        first = std::move(read);
    } catch (...) {
        ahead->bug = std::current_exception();
    }
    co_await reading.finished();
    if (ahead->bug || first.done_until == 0) co_return;
    const bool is_whole = first.done_until == end;
    first.missing = listing.missing;
    ahead->slices.push_back(std::move(first));
    if (is_whole && second.done_until != 0) ahead->slices.push_back(std::move(second));
}

co::Task<void> Session::read_second(std::shared_ptr<store::Account> account, std::shared_ptr<FetchAhead> ahead, FetchSlice* slice)
{
    try {
        const BodyListing& listing = *ahead->listing;
        auto job = [&listing, &ahead] {
            return read_bodies(listing.second, ahead->plan, listing.load, listing.done_until, std::move(ahead->spares.back()));
        };
        auto read = co_await account->compute(net::WorkClass::interactive, std::move(job));
        *slice = std::move(read);
    } catch (...) {
        ahead->bug = std::current_exception();
    }
}

co::Task<bool> Session::write_segments(const std::vector<Segment>& segments)
{
    for (const auto& segment : segments) {
        metrics_.fetched_bytes.add(segment.text.size());
        if (segment.text.size() < Output::kBatch) {
            out_.add(segment.text);
        } else {
            // Written from where it stands.
            const std::vector<std::string_view> whole{segment.text};
            (void)co_await out_.write(whole);
        }
        if (segment.owner) {
            for (const auto piece : segment.pieces) metrics_.fetched_bytes.add(piece.size());
            (void)co_await out_.write(segment.pieces);
        }
        if (out_.is_full()) (void)co_await out_.flush();
        if (out_.is_broken()) co_return false;
    }
    co_return true;
}

}  // namespace mbx::imap
