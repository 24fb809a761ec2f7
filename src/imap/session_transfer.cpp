// COPY and MOVE from one account into another one, where a mailbox is shared (RFC 4314): the messages go through the intake
// like those of an APPEND, in slices. A COPY that fails half-way takes back what it made; of a MOVE each message is here or
// there (RFC 6851 section 3.3), never in neither.
#include <algorithm>

#include "imap/session.hpp"
#include "imap/stored_rights.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kMessagesAtOnce = 100;
constexpr std::uint64_t kTransferAtOnce = 16ULL << 20U;
constexpr std::size_t kDraftChunk = std::size_t{64} * 1024;

struct Outgoing {
    store::MessageRow row;
    store::MessageFilePtr file;
};

// What a slice takes along.
struct OutgoingSlice {
    std::optional<store::StoreError> failure;
    std::vector<Outgoing> messages;
    std::vector<std::string> keywords;
    store::Uid done_until = 0;
};

OutgoingSlice take_slice(store::AccountStore& store, store::MailboxId from, const NumberSet& uids)
{
    OutgoingSlice slice;
    const auto now = first_of(uids, kMessagesAtOnce);
    slice.done_until = now.back().last;
    const auto status = store.status(from);
    const auto rows = store.rows(from, now);
    if (!status || !rows) {
        slice.failure = !status ? status.error() : rows.error();
        return slice;
    }
    slice.keywords = status->keywords;
    std::uint64_t bytes = 0;
    for (const auto& row : *rows) {
        if (!slice.messages.empty() && bytes + row.size > kTransferAtOnce) {
            slice.done_until = row.uid - 1;
            break;
        }
        auto file = store.message(from, row.uid);
        if (!file && file.error() == store::StoreError::no_such_message) continue;
        if (!file) {
            slice.failure = file.error();
            return slice;
        }
        bytes += row.size;
        slice.messages.push_back({row, *std::move(file)});
    }
    return slice;
}

store::Incoming incoming_of(const store::MessageRow& row, const std::vector<std::string>& keywords, const std::string& mailbox)
{
    store::Incoming incoming;
    incoming.mailbox = mailbox;
    incoming.system_flags = row.flags.system;
    for (std::size_t bit = 0; bit < keywords.size() && bit < 32; ++bit) {
        if ((row.flags.keywords >> bit & 1U) != 0) incoming.keywords.push_back(keywords[bit]);
    }
    incoming.internal_date = WallTime(std::chrono::seconds(row.internal_date));
    return incoming;
}

}  // namespace

co::Task<Result<void, store::StoreError>> Session::fill_draft(std::string_view bytes, intake::Draft& into)
{
    while (!bytes.empty()) {
        const auto now = bytes.substr(0, kDraftChunk);
        bytes.remove_prefix(now.size());
        const auto appended = co_await into.append(now);
        if (!appended) co_return to_store_error(appended.error());
    }
    co_return Result<void, store::StoreError>();
}

// Removes messages whatever their flags; best effort.
co::Task<bool> Session::remove_messages(std::shared_ptr<store::Account> account, store::MailboxId mailbox, NumberSet uids,
                                        store::TracedAct* act)
{
    auto job = [mailbox, &uids, act](store::AccountStore& store) { return store.expunge_these(mailbox, uids, act); };
    const auto gone = co_await account->run(net::WorkClass::interactive, std::move(job));
    co_return bool(gone);
}

// `move`: what the trace is told of a MOVE; none: a COPY.
co::Task<Transferred> Session::transfer_across(Place to, NumberSet uids, store::TracedAct* move)
{
    Transferred done;
    const auto user = login_->account.value;
    const auto from = selected_->id();
    const auto source = owner_;
    NumberSet made;
    while (!uids.empty() && !done.failure) {
        // Each time: rights may be taken meanwhile.
        auto look = [&to, user](store::AccountStore& store) { return store.find_for(to.name, user, store::kInsert); };
        const auto target = co_await to.account->run(net::WorkClass::interactive, std::move(look));
        if (!target) {
            done.failure = target.error();
            break;
        }
        done.target = target->id;
        auto take = [from, &uids](store::AccountStore& store) { return take_slice(store, from, uids); };
        const auto slice = co_await source->run(net::WorkClass::interactive, std::move(take));
        done.failure = slice.failure;
        if (slice.failure) break;
        uids = behind(uids, slice.done_until);
        std::vector<intake::Intake::Addition> additions;
        for (const auto& message : slice.messages) {
            auto incoming = incoming_of(message.row, slice.keywords, to.name);
            keep_settable(incoming, target->rights);
            additions.push_back({std::move(incoming), services_.intake.new_draft()});
            const auto filled = co_await fill_draft(message.file->bytes(), additions.back().draft);
            if (!filled) done.failure = filled.error();
            if (!filled) break;
        }
        if (done.failure || additions.empty()) continue;
        const auto appended = co_await services_.intake.append_all(to.account, std::move(additions), std::nullopt);
        if (!appended) {
            done.failure = appended.error();
            break;
        }
        NumberSet here;
        NumberSet there;
        for (std::size_t i = 0; i < appended->size(); ++i) {
            add_above(here, slice.messages[i].row.uid);
            there.push_back({(*appended)[i].uid, (*appended)[i].uid});
        }
        there = normalised(std::move(there));
        if (move != nullptr) move->to_id = target->id;
        if (move != nullptr) move->moved.clear();
        for (std::size_t i = 0; i < appended->size() && move != nullptr; ++i)
            move->moved.emplace_back(slice.messages[i].row.uid, (*appended)[i].uid);
        bool is_gone = true;
        if (move != nullptr) is_gone = co_await remove_messages(source, from, here, move);
        if (!is_gone) {
            (void)co_await remove_messages(to.account, target->id, there);
            done.failure = store::StoreError::io;
            break;
        }
        done.copied.uidvalidity = appended->front().uidvalidity;
        for (std::size_t i = 0; i < appended->size(); ++i) {
            done.copied.uids.emplace_back(slice.messages[i].row.uid, (*appended)[i].uid);
        }
        made.insert(made.end(), there.begin(), there.end());
    }
    if (done.failure && move == nullptr && !made.empty()) {
        // RFC 9051 section 6.4.7
        (void)co_await remove_messages(to.account, done.target, normalised(made));
        done.copied.uids.clear();
    }
    co_return done;
}

}  // namespace mbx::imap
