// ENABLE, SELECT and the commands over mailboxes (RFC 9051 section 6.3).
#include <algorithm>

#include "imap/list_pattern.hpp"
#include "imap/mailbox_listing.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"
#include "store/object_id.hpp"

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

}  // namespace

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
    if (notify_ && mailbox_) notify_->mailboxes.set_known(mailbox_->feed().status());
    contexts_.clear();
    own_uids_.clear();
    arrived_until_ = 0;
    selected_.reset();
    mailbox_.reset();
    news_failed_ = false;
    holds_modseq_ = false;
    exists_told_in_fetch_ = false;
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
    auto opened = co_await store::OpenMailbox::open(account_, command.mailbox);
    if (!opened) {
        no(refusal_text(opened.error()));
        co_return;
    }
    mailbox_ = std::move(opened->mailbox);
    selected_ = std::make_unique<SelectedMailbox>(std::move(opened->info), command.read_only, mailbox_->feed(),
                                                  [this] { on_news(); });
    arrived_until_ = selected_->view().last();
    if (notify_ && notify_->tells_selected) (void)mailbox_->watch();
    const auto& status = mailbox_->feed().status();
    std::uint32_t first_unseen = 0;
    if (status.first_unseen) first_unseen = selected_->view().sequence(*status.first_unseen).value_or(0);
    tell_selected(status, first_unseen);
    warn_of_quota();
    condstore_ = condstore_ || command.condstore || command.qresync;
    if (command.qresync) co_await resynchronize(*command.qresync);
    ok(command.read_only ? "[READ-ONLY] EXAMINE completed" : "[READ-WRITE] SELECT completed");
}

void Session::tell_selected(const store::MailboxStatus& status, std::uint32_t first_unseen)
{
    const bool may_grow = status.keywords.size() < kMaxMailboxKeywords;
    std::string& out = out_.text();
    out += "* FLAGS " + defined_flags_text(status.keywords, false) + "\r\n";
    if (selected_->is_read_only()) {
        out += "* OK [PERMANENTFLAGS ()] read-only\r\n";
    } else {
        out += "* OK [PERMANENTFLAGS " + defined_flags_text(status.keywords, may_grow) + "] these are kept\r\n";
    }
    out += "* " + std::to_string(selected_->view().size()) + " EXISTS\r\n";
    // IMAP4rev2 has neither (RFC 9051 appendix E).
    if (!rev2_) out += "* 0 RECENT\r\n";
    if (!rev2_ && first_unseen != 0) {
        out += "* OK [UNSEEN " + std::to_string(first_unseen) + "] first unseen message\r\n";
    }
    out += "* OK [UIDVALIDITY " + std::to_string(status.uidvalidity) + "] UIDs valid\r\n";
    out += "* OK [UIDNEXT " + std::to_string(status.uidnext) + "] predicted next UID\r\n";
    out += "* OK [HIGHESTMODSEQ " + std::to_string(status.highest_modseq) + "] highest\r\n";  // RFC 7162 section 3.1.2.1
    out += "* OK [MAILBOXID (" + store::mailbox_id_text(selected_->id()) + ")] of the mailbox\r\n";  // RFC 8474 section 4.2
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
    note_own(name);
    auto job = [name, use](store::AccountStore& store) { return store.create(name, use); };
    const auto created = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (created) {
        ok("[MAILBOXID (" + store::mailbox_id_text(created->id) + ")] CREATE completed");  // RFC 8474 section 4.1
    } else {
        no(refusal_text(created.error()));
    }
}

co::Task<void> Session::handle(const Delete& command)
{
    const auto name = command.mailbox;
    note_own(name);
    struct Removed {
        store::MailboxId id;
        Result<void, store::StoreError> outcome;
    };
    auto job = [name](store::AccountStore& store) {
        const auto info = store.find(name);
        if (!info) return Removed{{}, info.error()};
        return Removed{info->id, store.remove(name)};
    };
    const auto removed = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (!removed.outcome) {
        no(refusal_text(removed.outcome.error()));
        co_return;
    }
    if (selected_ && selected_->id() == removed.id) {
        if (rev2_ || qresync_) out_.add("* OK [CLOSED] the selected mailbox was deleted\r\n");
        deselect();
    }
    ok("DELETE completed");
}

co::Task<void> Session::handle(const Rename& command)
{
    const auto from = command.from;
    const auto to = command.to;
    note_own(to);
    auto job = [from, to](store::AccountStore& store) { return store.rename(from, to); };
    const auto renamed = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (renamed) {
        ok("RENAME completed");
    } else {
        no(refusal_text(renamed.error()));
    }
}

co::Task<void> Session::handle(const Subscribe& command)
{
    const auto name = command.mailbox;
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
    out_.add("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    ok("NAMESPACE completed");
    co_return;
}

co::Task<void> Session::handle(const Status& command)
{
    const auto name = command.mailbox;
    using Found = Result<std::pair<store::MailboxInfo, store::MailboxStatus>, store::StoreError>;
    auto job = [name, &command](store::AccountStore& store) -> Found {
        auto info = store.find(name);
        if (!info) return info.error();
        auto status = ask_status(store, info->id, command.items);
        if (!status) return status.error();
        return std::pair(std::move(*info), std::move(*status));
    };
    const auto found = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (!found) {
        no(refusal_text(found.error()));
        co_return;
    }
    if (std::ranges::find(command.items, StatusItem::highestmodseq) != command.items.end()) enable_condstore();
    out_.add(status_text(found->first.name, found->second, command.items, options_->max_append, utf8_));
    ok("STATUS completed");
}

co::Task<void> Session::handle(const List& command)
{
    if (std::ranges::find(command.return_status, StatusItem::highestmodseq) != command.return_status.end()) enable_condstore();
    // Ten thousand names are matched on the worker too, not on the loop.
    auto job = [&command](store::AccountStore& store) {
        return list_mailboxes(command, store.list(), store.subscriptions());
    };
    const auto all = co_await account_->run(net::WorkClass::interactive, std::move(job));
    std::size_t at = 0;
    while (at < all.size() && !out_.is_broken()) {
        const auto end = std::min(all.size(), at + kStatusesAtOnce);
        std::vector<std::optional<store::MailboxStatus>> statuses(end - at);
        if (!command.return_status.empty()) {
            auto ask = [&all, &statuses, &command, at](store::AccountStore& store) {
                for (std::size_t i = 0; i < statuses.size(); ++i) {
                    if (!all[at + i].exists) continue;
                    auto status = ask_status(store, all[at + i].id, command.return_status);
                    if (status) statuses[i] = std::move(*status);
                }
                return true;
            };
            (void)co_await account_->run(net::WorkClass::interactive, std::move(ask));
        }
        for (; at < end; ++at) {
            out_.add(listed_text("LIST", all[at], utf8_));
            const auto& status = statuses[statuses.size() - (end - at)];
            if (status) out_.add(status_text(all[at].name, *status, command.return_status, options_->max_append, utf8_));
        }
        if (out_.is_full()) (void)co_await out_.flush();
    }
    ok("LIST completed");
}

co::Task<void> Session::handle(const Lsub& command)
{
    auto job = [&command](store::AccountStore& store) {
        return list_subscribed(command, store.list(), store.subscriptions());
    };
    const auto all = co_await account_->run(net::WorkClass::interactive, std::move(job));
    for (const auto& listed : all) {
        out_.add(listed_text("LSUB", listed, utf8_));
        if (out_.is_full()) (void)co_await out_.flush();
    }
    ok("LSUB completed");
}

}  // namespace mbx::imap
