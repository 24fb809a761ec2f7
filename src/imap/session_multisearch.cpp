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
    const auto is_of_selected = [](const SearchSource& source) { return source.scope == MailboxScope::selected; };
    const bool asks_selected = std::ranges::any_of(command.sources, is_of_selected);
    const bool only_selected = std::ranges::all_of(command.sources, is_of_selected);
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
    const auto all = co_await searchable(filter);
    const auto since = selected_ ? mailbox_->feed().status().highest_modseq : 0;
    std::optional<NumberSet> in_selected;
    for (const auto& mailbox : all) {
        const bool is_it = is_selected(mailbox.account, mailbox.info.id);
        if (out_.is_broken() || (!filter.takes(mailbox.info) && !(is_it && asks_selected))) continue;
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

// What can be searched, by name: the own mailboxes, the selected one, and those of others where the filter may reach them.
co::Task<std::vector<Session::Visible>> Session::searchable(const MailboxFilter& filter)
{
    std::vector<Visible> all;
    auto listing = [](store::AccountStore& store) { return store.list(); };
    const auto own = co_await account_->run(net::WorkClass::interactive, std::move(listing));
    for (const auto& info : own) {
        if (!is_other_users(info.name)) all.push_back({account_, info});
    }
    const bool is_other_selected = selected_ && owner_ != account_;
    if (!filter.may_take_others() && !is_other_selected) co_return all;
    std::vector<std::string> everything{std::string("*")};
    auto others = co_await visible_others(std::move(everything));
    auto subscribed = [](store::AccountStore& store) { return store.subscriptions(); };
    const auto subscriptions = co_await account_->run(net::WorkClass::interactive, std::move(subscribed));
    bool has_selected = false;
    for (auto& one : others) {
        // RFC 7377 section 5: others are passed over.
        if ((one.info.rights & store::kRead) == 0) continue;
        one.info.subscribed = std::ranges::binary_search(subscriptions, one.info.name);
        has_selected = has_selected || is_selected(one.account, one.info.id);
        all.push_back(std::move(one));
    }
    // May be read, but not looked up.
    if (is_other_selected && !has_selected) all.push_back({owner_, selected_->info()});
    co_return all;
}

// False: the answer is given already.
co::Task<bool> Session::search_mailbox(const MultiSearch& command, const Visible& mailbox, NumberSet& found_in)
{
    const auto id = mailbox.info.id;
    auto looking = [id](store::AccountStore& store) { return look_at(store, id); };
    auto looked = co_await mailbox.account->run(net::WorkClass::interactive, std::move(looking));
    if (!looked && looked.error() == store::StoreError::no_such_mailbox) co_return true;  // deleted meanwhile
    if (!looked) {
        no(refusal_text(looked.error()));
        co_return false;
    }
    const bool is_it = is_selected(mailbox.account, id);
    const NumberSet* const saved = is_it ? &selected_->saved() : nullptr;
    const auto& view = is_it ? selected_->view() : looked->view;
    const auto program = SearchProgram::compile(command.search, view, saved, services_.clock.wall());
    if (!program) {
        refuse_search(program.error(), false);
        co_return false;
    }
    const auto& candidates = program->candidates();
    auto found = co_await find_among(mailbox.account, id, *program, candidates, nullptr);
    if (!found && found.error() == store::StoreError::no_such_mailbox) co_return true;
    if (!found) {
        no(refusal_text(found.error()));
        co_return false;
    }
    // RFC 7377 section 2.1: no answer for a mailbox without a hit, whatever was asked for.
    if (!found->uids.empty()) {
        const ResultList uids(found->uids);
        const auto where = " MAILBOX " + mailbox_text(mailbox.info.name, utf8_) + " UIDVALIDITY " + std::to_string(looked->uidvalidity);
        tell_results(command.search, uids, uids, *found, where);
    }
    found_in = std::move(found->uids);
    co_return true;
}

}  // namespace mbx::imap
