// ENABLE, SELECT and the commands over mailboxes (RFC 9051 section 6.3).
#include <algorithm>

#include "imap/list_pattern.hpp"
#include "imap/mailbox_listing.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"
#include "store/mailbox_name.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kStatusesAtOnce = 20;  // of LIST RETURN (STATUS …) in one job

// The status, with what costs more only where it is asked for.
Result<store::MailboxStatus, store::StoreError> ask_status(store::AccountStore& store, store::MailboxId mailbox,
                                                           const std::vector<StatusItem>& items)
{
    auto status = store.status(mailbox);
    if (!status || std::ranges::find(items, StatusItem::deleted_storage) == items.end()) return status;
    const auto size = store.deleted_size(mailbox);
    if (!size) return size.error();
    status->deleted_size = *size;
    return status;
}

// None where others may make it: whoever owns the account, or has the right k on the nearest mailbox above (RFC 4314
// section 4).
std::optional<store::StoreError> why_not_create(store::AccountStore& store, std::string name, std::int64_t user, bool is_owner)
{
    if (is_owner) return std::nullopt;
    if (const auto there = store.find(name)) {
        const bool is_visible = (store.rights(there->id, user) & store::kLookup) != 0;
        return is_visible ? store::StoreError::mailbox_exists : store::StoreError::no_right;
    }
    while (!(name = store::parent_name(name)).empty()) {
        const auto above = store.find(name);
        if (!above) continue;
        const bool is_allowed = (store.rights(above->id, user) & store::kCreateBelow) != 0;
        return is_allowed ? std::nullopt : std::optional(store::StoreError::no_right);
    }
    return store::StoreError::no_right;
}

// For somebody who is not the owner: mailboxes below that he may not see are not told of.
Result<void, store::StoreError> remove_for(store::AccountStore& store, const store::MailboxInfo& info, std::int64_t user,
                                          const store::TracedAct& act)
{
    auto done = store.remove(info.name, &act);
    if (done || done.error() != store::StoreError::has_children) return done;
    for (const auto& one : store.list()) {
        const bool is_seen = store::is_below(one.name, info.name) && (store.rights(one.id, user) & store::kLookup) != 0;
        if (is_seen) return done;
    }
    return store::StoreError::no_right;
}

}  // namespace

// The own mailboxes and those of others; own names that look like those of others cannot be reached by them.
std::vector<store::MailboxInfo> Session::all_listed(const store::AccountStore& store, const std::vector<Visible>& others)
{
    auto all = store.list();
    std::erase_if(all, [](const store::MailboxInfo& info) { return is_other_users(info.name); });
    for (const auto& one : others) all.push_back(one.info);
    return all;
}

co::Task<void> Session::handle(const Enable& command)
{
    std::string enabled;
    for (const auto& capability : command.capabilities) {
        // RFC 5161 section 3.1: what we do not know is left out silently.
        if (capability == "IMAP4REV2" && !rev2_) {
            rev2_ = true;
            utf8_ = true;
            enabled += " IMAP4rev2";
        } else if (capability == "UTF8=ACCEPT" && !utf8_accept_) {
            utf8_accept_ = true;
            utf8_ = true;
            enabled += " UTF8=ACCEPT";
        } else if (capability == "CONDSTORE") {
            enable_condstore();
            enabled += " CONDSTORE";
        } else if (capability == "QRESYNC" && !qresync_) {
            // RFC 7162 section 3.2.3: it enables CONDSTORE too.
            enable_condstore();
            qresync_ = true;
            enabled += " QRESYNC";
        } else if (capability == "METADATA" && !enabled_metadata_) {
            MetadataFeed::Listener& self = *this;
            if (!metadata_) metadata_.emplace(metadata_feed_, login_->account.value, self);
            enabled_metadata_ = true;
            enabled += " METADATA";
        }
    }
    out_.add("* ENABLED" + enabled + "\r\n");
    ok("ENABLE completed");
    co_return;
}

void Session::deselect()
{
    if (notify_ && mailbox_) {
        if (auto* const watched = notify_->find(owner_)) watched->mailboxes.set_known(mailbox_->feed().status());
    }
    contexts_.clear();
    own_uids_.clear();
    arrived_until_ = 0;
    selected_.reset();
    mailbox_.reset();
    owner_.reset();
    news_failed_ = false;
    holds_modseq_ = false;
    exists_told_in_fetch_ = false;
    is_key_reset_ = false;
}

co::Task<void> Session::handle(const Select& command)
{
    if (command.qresync && !qresync_) {
        bad("QRESYNC was not enabled");  // RFC 7162 section 3.2.5; the mailbox stays selected
        co_return;
    }
    // A SELECT that fails leaves nothing selected (RFC 9051 section 6.3.2). RFC 7162 section 3.2.11: whoever enables nothing
    // is told where the old mailbox ends as well.
    if (selected_) out_.add("* OK [CLOSED] the previous mailbox is closed\r\n");
    deselect();
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    auto opened = co_await open_mailbox(*place);
    if (!opened) {
        no(refusal_text(opened.error()));
        co_return;
    }
    owner_ = place->account;
    mailbox_ = std::move(opened->mailbox);
    selected_ = std::make_unique<SelectedMailbox>(std::move(opened->info), command.read_only, mailbox_->feed(),
                                                  [this] { on_news(); });
    arrived_until_ = selected_->view().last();
    if (notify_ && notify_->tells_selected) (void)mailbox_->watch();
    const auto& status = mailbox_->feed().status();
    std::uint32_t first_unseen = 0;
    if (status.first_unseen) first_unseen = selected_->view().sequence(*status.first_unseen).value_or(0);
    tell_selected(status, first_unseen);
    if (!place->is_other()) warn_of_quota();
    condstore_ = condstore_ || command.condstore || command.qresync;
    if (command.qresync) co_await resynchronize(*command.qresync);
    // RFC 4314 section 5.2
    const bool may_change = (rights() & (store::kInsert | store::kExpungeRight)) != 0 || settable_flags(rights()) != 0;
    if (command.read_only) ok("[READ-ONLY] EXAMINE completed");
    else ok(may_change ? "[READ-WRITE] SELECT completed" : "[READ-ONLY] SELECT completed");
}

// Under the name that this session knows, if it may read it.
co::Task<Result<store::OpenedMailbox, store::StoreError>> Session::open_mailbox(Place place)
{
    if (!place.is_other()) co_return co_await store::OpenMailbox::open(place.account, place.name);
    const auto user = login_->account.value;
    auto job = [&place, user](store::AccountStore& store) { return store.find_for(place.name, user, store::kRead); };
    const auto allowed = co_await place.account->run(net::WorkClass::interactive, std::move(job));
    if (!allowed) co_return allowed.error();
    auto opened = co_await store::OpenMailbox::open(place.account, place.name);
    if (!opened) co_return opened.error();
    // Another one has the name by now, whose rights are others.
    if (opened->info.id != allowed->id) co_return store::StoreError::no_such_mailbox;
    const auto name = place.prefix + opened->info.name;
    auto subscribed = [&name](store::AccountStore& store) { return std::ranges::count(store.subscriptions(), name) != 0; };
    const bool is_subscribed = co_await account_->run(net::WorkClass::interactive, std::move(subscribed));
    opened->info.subscribed = is_subscribed;
    opened->info.name = name;
    opened->info.special_use = store::SpecialUse::none;
    opened->info.rights = allowed->rights;
    opened->info.has_children = false;
    std::vector<std::string> below{name + "/"};
    const auto others = co_await visible_others(std::move(below));
    for (const auto& one : others) opened->info.has_children = opened->info.has_children || one.info.name.starts_with(name + "/");
    co_return std::move(*opened);
}

void Session::tell_selected(const store::MailboxStatus& status, std::uint32_t first_unseen)
{
    told_rights_ = rights();
    std::string& out = out_.text();
    out += "* FLAGS " + defined_flags_text(status.keywords, false) + "\r\n";
    tell_permanent_flags();
    out += "* " + std::to_string(selected_->view().size()) + " EXISTS\r\n";
    // IMAP4rev2 has neither (RFC 9051 appendix E).
    if (!rev2_) out += "* 0 RECENT\r\n";
    if (!rev2_ && first_unseen != 0) {
        out += "* OK [UNSEEN " + std::to_string(first_unseen) + "] first unseen message\r\n";
    }
    out += "* OK [UIDVALIDITY " + std::to_string(status.uidvalidity) + "] UIDs valid\r\n";
    out += "* OK [UIDNEXT " + std::to_string(status.uidnext) + "] predicted next UID\r\n";
    out += "* OK [HIGHESTMODSEQ " + std::to_string(status.highest_modseq) + "] highest\r\n";  // RFC 7162 section 3.1.2.1
    out += "* OK [MAILBOXID (" + object_id_text(selected_->id(), is_own(owner_->key()) ? 0 : owner_->key().id) + ")] of the mailbox\r\n";  // RFC 8474 section 4.2
    out += "* OK [URLMECH INTERNAL] of URLs\r\n";  // RFC 4467 section 8
    // RFC 9051 section 6.3.2: and its attributes are accurate.
    if (rev2_) out += listed_text("LIST", listed_of(selected_->info()), utf8_);
}

co::Task<void> Session::handle(const Create& command)
{
    auto use = store::SpecialUse::none;
    if (command.uses.size() > 1 || (!command.uses.empty() && !parse_special_use(command.uses.front(), use))) {
        no("[USEATTR] that special use is not possible");
        co_return;
    }
    auto name = command.mailbox;
    // RFC 9051 section 6.3.4: a separator at the end only declares that there will be mailboxes below.
    if (name.size() > 1 && name.back() == kSeparator) name.pop_back();
    if (name == kOtherUsers) {
        no(refusal_text(store::StoreError::not_permitted));
        co_return;
    }
    const auto place = co_await place_of(name);
    if (!place) {
        // Whether nothing is shared, or there is no such account: one answer.
        const bool is_unknown = place.error() == store::StoreError::no_such_mailbox;
        no(refusal_text(is_unknown ? store::StoreError::no_right : place.error()));
        co_return;
    }
    if (place->is_other() && use != store::SpecialUse::none) {
        no("[USEATTR] only the owner's mailboxes have a use");
        co_return;
    }
    note_own(name);
    const auto user = login_->account.value;
    auto job = [&place, use, user](store::AccountStore& store) -> Result<store::MailboxInfo, store::StoreError> {
        if (const auto reason = why_not_create(store, place->name, user, !place->is_other())) return *reason;
        return store.create(place->name, use);
    };
    const auto created = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (created) {
        ok("[MAILBOXID (" + object_id_text(created->id, place->owner()) + ")] CREATE completed");  // RFC 8474 section 4.1
    } else {
        no(refusal_text(created.error()));
    }
}

co::Task<void> Session::handle(const Delete& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    note_own(command.mailbox);
    struct Removed {
        store::MailboxId id;
        Result<void, store::StoreError> outcome;
    };
    const auto user = login_->account.value;
    const store::TracedAct act{"imap", login_->address};
    auto job = [&place, user, &act](store::AccountStore& store) {
        const auto info = store.find_for(place->name, user, store::kDeleteMailbox);
        if (!info) return Removed{{}, info.error()};
        return Removed{info->id, remove_for(store, *info, user, act)};
    };
    const auto removed = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!removed.outcome) {
        no(refusal_text(removed.outcome.error()));
        co_return;
    }
    if (is_selected(place->account, removed.id)) {
        if (rev2_ || qresync_) out_.add("* OK [CLOSED] the selected mailbox was deleted\r\n");
        deselect();
    }
    ok("DELETE completed");
}

co::Task<void> Session::handle(const Rename& command)
{
    const auto from = co_await place_of(command.from);
    if (!from) {
        no(refusal_text(from.error()));
        co_return;
    }
    const auto to = co_await place_of(command.to);
    note_own(command.to);
    const auto user = login_->account.value;
    const bool is_within = to && to->account == from->account && command.to != kOtherUsers;
    store::TracedAct act{"imap", login_->address};
    auto job = [&from, &to, user, is_within, &act](store::AccountStore& store) -> Result<void, store::StoreError> {
        const auto info = store.find_for(from->name, user, store::kDeleteMailbox);
        if (!info) return info.error();
        // From one account into another one: that would be other messages. INBOX stays where it is, and with whom.
        if (!is_within || (from->is_other() && info->name == "INBOX")) return store::StoreError::not_permitted;
        if (const auto reason = why_not_create(store, to->name, user, !from->is_other())) return *reason;
        return store.rename(from->name, to->name, &act);
    };
    const auto renamed = co_await from->account->run(net::WorkClass::interactive, std::move(job));
    if (renamed) {
        ok("RENAME completed");
    } else {
        no(refusal_text(renamed.error()));
    }
}

co::Task<void> Session::handle(const Subscribe& command)
{
    // Whether it exists is not looked at, so nobody learns it (RFC 4314 section 4).
    const auto name = canonical_name(command.mailbox);
    const bool on = command.on;
    note_own(name);
    auto job = [name, on](store::AccountStore& store) { return store.subscribe(name, on); };
    const auto done = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (done) {
        ok(on ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
    } else {
        no(refusal_text(done.error()));
    }
}

co::Task<void> Session::handle(const Namespace&)
{
    out_.add("* NAMESPACE ((\"\" \"/\")) ((\"" + std::string(kOtherUsers) + "/\" \"/\")) NIL\r\n");
    ok("NAMESPACE completed");
    co_return;
}

co::Task<void> Session::handle(const Status& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto user = login_->account.value;
    using Found = Result<std::pair<store::MailboxInfo, store::MailboxStatus>, store::StoreError>;
    auto job = [&place, user, &command](store::AccountStore& store) -> Found {
        auto info = store.find_for(place->name, user, store::kRead);
        if (!info) return info.error();
        auto status = ask_status(store, info->id, command.items);
        if (!status) return status.error();
        return std::pair(std::move(*info), std::move(*status));
    };
    const auto found = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!found) {
        no(refusal_text(found.error()));
        co_return;
    }
    if (std::ranges::find(command.items, StatusItem::highestmodseq) != command.items.end()) enable_condstore();
    out_.add(status_text(place->prefix + found->first.name, found->second, command.items, options_->max_append, utf8_, place->owner()));
    ok("STATUS completed");
}

co::Task<std::vector<Session::Visible>> Session::others_for(std::string reference, std::vector<std::string> patterns)
{
    for (auto& pattern : patterns) pattern.insert(0, reference);
    return visible_others(std::move(patterns));
}

co::Task<void> Session::handle(const List& command)
{
    if (std::ranges::find(command.return_status, StatusItem::highestmodseq) != command.return_status.end()) enable_condstore();
    std::vector<std::string> patterns = command.patterns;
    if (!command.extended && patterns.front().empty()) patterns.clear();  // asks for the separator
    const auto others = co_await others_for(command.reference, std::move(patterns));
    // Ten thousand names are matched on the worker too, not on the loop.
    auto job = [&command, &others](store::AccountStore& store) {
        return list_mailboxes(command, all_listed(store, others), store.subscriptions());
    };
    const auto all = co_await account_->run(net::WorkClass::interactive, std::move(job));
    std::size_t at = 0;
    while (at < all.size() && !out_.is_broken()) {
        const auto end = std::min(all.size(), at + kStatusesAtOnce);
        std::vector<std::optional<store::MailboxStatus>> statuses(end - at);
        if (!command.return_status.empty()) {
            auto ask = [&all, &statuses, &command, at](store::AccountStore& store) {
                for (std::size_t i = 0; i < statuses.size(); ++i) {
                    if (!all[at + i].exists || is_other_users(all[at + i].name)) continue;
                    auto status = ask_status(store, all[at + i].id, command.return_status);
                    if (status) statuses[i] = std::move(*status);
                }
                return true;
            };
            (void)co_await account_->run(net::WorkClass::interactive, std::move(ask));
        }
        for (; at < end; ++at) {
            out_.add(listed_text("LIST", all[at], utf8_));
            const bool is_other = is_other_users(all[at].name);
            if (is_other && all[at].exists) co_await tell_other_status(command, all[at], others);
            const auto& status = statuses[statuses.size() - (end - at)];
            if (status) out_.add(status_text(all[at].name, *status, command.return_status, options_->max_append, utf8_));
            // RFC 8440 section 3
            if (command.return_myrights && all[at].exists && all[at].is_selected) {
                out_.add("* MYRIGHTS " + mailbox_text(all[at].name, utf8_) + " " + rights_text(all[at].rights) + "\r\n");
            }
        }
        if (out_.is_full()) (void)co_await out_.flush();
    }
    ok("LIST completed");
}

// RFC 5819 section 2: none where it cannot be asked.
co::Task<void> Session::tell_other_status(const List& command, const Listed& listed, const std::vector<Visible>& others)
{
    const auto found = std::ranges::lower_bound(others, listed.name, {}, [](const Visible& one) -> const std::string& { return one.info.name; });
    const bool is_allowed = found != others.end() && found->info.name == listed.name && (found->info.rights & store::kRead) != 0;
    if (!is_allowed || command.return_status.empty()) co_return;
    const auto id = listed.id;
    auto job = [id, &command](store::AccountStore& store) { return ask_status(store, id, command.return_status); };
    const auto status = co_await found->account->run(net::WorkClass::interactive, std::move(job));
    if (!status) co_return;
    out_.add(status_text(listed.name, *status, command.return_status, options_->max_append, utf8_, found->account->key().id));
}

co::Task<void> Session::handle(const Lsub& command)
{
    std::vector<std::string> patterns{command.pattern};
    const auto others = co_await others_for(command.reference, std::move(patterns));
    auto job = [&command, &others](store::AccountStore& store) {
        return list_subscribed(command, all_listed(store, others), store.subscriptions());
    };
    const auto all = co_await account_->run(net::WorkClass::interactive, std::move(job));
    for (const auto& listed : all) {
        out_.add(listed_text("LSUB", listed, utf8_));
        if (out_.is_full()) (void)co_await out_.flush();
    }
    ok("LSUB completed");
}

}  // namespace mbx::imap
