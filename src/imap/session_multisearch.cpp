// ESEARCH over mailboxes (RFC 7377).
#include <algorithm>

#include "imap/mailbox_filter.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

struct SearchedMailbox {
    std::uint32_t uidvalidity = 0;
    store::UidTable view;
};

Result<SearchedMailbox, store::StoreError> look_at(store::AccountStore& store, store::MailboxId id)
{
    const auto status = store.status(id);
    if (!status) return status.error();
    const auto uids = store.uids(id);
    if (!uids) return uids.error();
    return SearchedMailbox{status->uidvalidity, store::UidTable(*uids)};
}

}  // namespace

co::Task<void> Session::handle(const MultiSearch& command)
{
    const auto& wanted = *command.search.returns;
    const auto is_selected = [](const SearchSource& source) { return source.scope == MailboxScope::selected; };
    const bool asks_selected = std::ranges::any_of(command.sources, is_selected);
    const bool only_selected = std::ranges::all_of(command.sources, is_selected);
    if (!selected_ && (asks_selected || wanted.update)) {
        bad("no mailbox is selected");
        co_return;
    }
    if (wanted.save && !only_selected) {
        bad("SAVE is for the selected mailbox alone");
        co_return;
    }
    if (selected_) co_await announce(false, false);
    if (!open_ || !may_update(command.search)) co_return;
    if (wanted.save) selected_->save({});
    MailboxFilter filter;
    for (const auto& source : command.sources) filter.add(source.scope, source.mailboxes);
    auto listing = [](store::AccountStore& store) { return store.list(); };
    const auto all = co_await account_->run(net::WorkClass::interactive, std::move(listing));
    const auto since = selected_ ? mailbox_->feed().status().highest_modseq : 0;
    std::optional<NumberSet> in_selected;
    for (const auto& mailbox : all) {
        const bool is_it = selected_ && mailbox.id == selected_->id();
        if (out_.is_broken() || (!filter.takes(mailbox) && !(is_it && asks_selected))) continue;
        NumberSet found;
        const bool goes_on = co_await search_mailbox(command, mailbox, found);
        if (!goes_on) co_return;
        if (is_it) in_selected = std::move(found);
        if (out_.is_full()) (void)co_await out_.flush();
    }
    if (wanted.update && in_selected) {
        if (auto context = make_context(command.search)) {
            context->begin(std::move(*in_selected));
            keep_context(std::move(context), since);
        }
    }
    ok("ESEARCH completed");
}

// False: the answer is given already.
co::Task<bool> Session::search_mailbox(const MultiSearch& command, const store::MailboxInfo& mailbox, NumberSet& found_in)
{
    const auto id = mailbox.id;
    auto looking = [id](store::AccountStore& store) { return look_at(store, id); };
    auto looked = co_await account_->run(net::WorkClass::interactive, std::move(looking));
    if (!looked && looked.error() == store::StoreError::no_such_mailbox) co_return true;  // deleted meanwhile
    if (!looked) {
        no(refusal_text(looked.error()));
        co_return false;
    }
    const bool is_selected = selected_ && id == selected_->id();
    const NumberSet* const saved = is_selected ? &selected_->saved() : nullptr;
    const auto& view = is_selected ? selected_->view() : looked->view;
    const auto program = SearchProgram::compile(command.search, view, saved, services_.clock.wall());
    if (!program) {
        refuse_search(program.error(), false);
        co_return false;
    }
    const auto& candidates = program->candidates();
    auto found = co_await find_among(id, *program, candidates, nullptr);
    if (!found && found.error() == store::StoreError::no_such_mailbox) co_return true;
    if (!found) {
        no(refusal_text(found.error()));
        co_return false;
    }
    // RFC 7377 section 2.1: no answer for a mailbox without a hit, whatever was asked for.
    if (!found->uids.empty()) {
        const ResultList uids(found->uids);
        const auto where = " MAILBOX " + mailbox_text(mailbox.name, utf8_) + " UIDVALIDITY " + std::to_string(looked->uidvalidity);
        tell_results(command.search, uids, uids, *found, where);
    }
    found_in = std::move(found->uids);
    co_return true;
}

}  // namespace mbx::imap
