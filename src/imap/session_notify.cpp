// NOTIFY (RFC 5465): what happens in the account is told between commands too.
#include <algorithm>

#include "imap/mailbox_listing.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kMaxWatchedAccounts = 100;  // that share something
constexpr std::size_t kStatusesOfWatched = 20;  // in one job
constexpr std::chrono::milliseconds kWatchAgain{30'000};
// News that never end must not keep the client's commands from being read.
constexpr std::chrono::milliseconds kBetweenNews{100};

bool is_selected_scope(MailboxScope scope) { return scope == MailboxScope::selected || scope == MailboxScope::selected_delayed; }

// The attributes of any mailbox that a LIST of news names (RFC 5465 sections 5.4 and 5.5).
std::vector<Listed> list_everything(const std::vector<store::MailboxInfo>& mailboxes, const std::vector<std::string>& subscriptions)
{
    List list;
    list.patterns = {"*"};
    list.extended = true;
    list.return_subscribed = true;
    list.return_children = true;
    return list_mailboxes(list, mailboxes, subscriptions);
}

Listed listed_of(const ListingNews& news, const std::vector<Listed>& all, const std::vector<std::string>& subscriptions)
{
    const auto found = std::ranges::lower_bound(all, news.name, {}, &Listed::name);
    if (!news.is_gone && found != all.end() && found->name == news.name) return *found;
    Listed gone;
    gone.name = news.name;
    gone.exists = false;
    gone.attributes = "\\NonExistent";
    if (std::ranges::binary_search(subscriptions, news.name)) gone.attributes += " \\Subscribed";
    return gone;
}

// "* LIST () "/" "new" ("OLDNAME" ("old"))"
std::string news_text(const ListingNews& news, const Listed& listed, bool utf8)
{
    auto text = listed_text("LIST", listed, utf8);
    if (news.old_name.empty()) return text;
    text.resize(text.size() - 2);
    return text + " (\"OLDNAME\" (" + mailbox_text(news.old_name, utf8) + "))\r\n";
}

NumberSet uids_of(const std::vector<PlacedResults>& results)
{
    NumberSet uids;
    for (const auto& one : results) {
        uids.insert(uids.end(), one.set.begin(), one.set.end());
        for (const auto uid : one.order) uids.push_back({uid, uid});
    }
    return normalised(std::move(uids));
}

bool has_attribute(const std::vector<FetchItem>& items, FetchAttribute attribute)
{
    return std::ranges::find(items, attribute, &FetchItem::attribute) != items.end();
}

}  // namespace

Session::Notification::Notification(const Notify& command) : wanted(command), look_at(net::Deadline::after(kWatchAgain))
{
    for (const auto& group : command.groups) {
        tells_metadata = tells_metadata || group.metadata || group.server_metadata;
        tells_server_metadata = tells_server_metadata || group.server_metadata;
        if (!is_selected_scope(group.mailboxes.scope)) continue;
        tells_selected = group.messages;
        is_delayed = group.mailboxes.scope == MailboxScope::selected_delayed;
        tells_flags = group.flags;
        items = group.items;
    }
}

Session::WatchedAccount* Session::Notification::find(const std::shared_ptr<store::Account>& account) const
{
    const auto found = std::ranges::find(accounts, account, [](const auto& one) { return one->account; });
    return found == accounts.end() ? nullptr : found->get();
}

bool Session::has_notified() const
{
    if (!notify_) return false;
    return notify_->is_sharing_changed || std::ranges::any_of(notify_->accounts, [](const auto& one) { return one->has_news(); });
}

co::Task<void> Session::handle(const Notify& command)
{
    if (command.has_unknown_event) {
        no("[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] no such event here");
        co_return;
    }
    // What has gathered comes first, whatever was told so far and will be (section 3.1).
    is_direct_ = true;
    if (selected_) co_await announce(true, true);
    is_direct_ = false;
    if (!open_) co_return;
    auto made = std::make_unique<Notification>(command);
    if (made->wanted.watches_anything()) {
        watch_account(*made, account_, {});
        bool fits = co_await watch_others(*made, false);
        if (fits) fits = co_await read_listings(*made, false);
        if (!fits) {
            no("[NOTIFICATIONOVERFLOW] too many mailboxes to watch");
            co_return;
        }
    }
    notify_ = std::move(made);
    own_names_.clear();
    // Section 5.6: without ENABLE METADATA too.
    MetadataFeed::Listener& self = *this;
    if (notify_->tells_metadata && !metadata_) metadata_.emplace(metadata_feed_, login_->account.value, self);
    if (selected_ && notify_->tells_selected) (void)mailbox_->watch();
    const auto telling = command.status ? Telling::first : Telling::nothing;
    for (const auto& watched : notify_->accounts) {
        auto fresh = watched->mailboxes.fresh();
        co_await tell_statuses(*watched, std::move(fresh), telling);
    }
    ok("NOTIFY completed");
}

// With ENABLE METADATA all of them are told (RFC 5464 section 4.4.2), else those that NOTIFY asks for.
bool Session::wants_metadata(const std::string& mailbox) const
{
    if (enabled_metadata_) return true;
    if (!notify_ || !notify_->tells_metadata) return false;
    if (mailbox.empty()) return notify_->tells_server_metadata;
    const auto name = canonical_name(mailbox);
    return std::ranges::any_of(notify_->accounts, [&name](const auto& one) { return one->mailboxes.watches_metadata(name); });
}

void Session::watch_account(Notification& notification, std::shared_ptr<store::Account> account, std::string prefix)
{
    notification.accounts.push_back(std::make_unique<WatchedAccount>(std::move(account), std::move(prefix), notification.wanted));
    WatchedAccount& watched = *notification.accounts.back();
    auto changed = [this, &notification, &watched](const std::set<store::MailboxId>& mailboxes, bool listing) {
        const bool was_quiet = notify_.get() != &notification || !has_notified();
        for (const auto id : mailboxes) {
            if (watched.mailboxes.watches_messages(id)) watched.changed.insert(id);
        }
        watched.is_listing_changed = watched.is_listing_changed || listing;
        // Subscriptions to other accounts' mailboxes stand in the own one.
        if (listing && watched.prefix.empty()) {
            for (const auto& one : notification.accounts) one->is_listing_changed = true;
        }
        if (was_quiet && notify_.get() == &notification && has_notified()) on_news();
    };
    watched.watch = watched.account->watch_all(std::move(changed));
}

// Accounts that share something by now; `tells`: what they share is news. False: they are too many.
co::Task<bool> Session::watch_others(Notification& notification, bool tells)
{
    if (!notification.wanted.may_watch_others()) co_return true;
    auto* const table = co_await sharing();
    const auto user = login_->account.value;
    if (!notification.sharing) {
        auto changed = [this, &notification, table, user](std::int64_t owner) {
            const bool is_known = std::ranges::any_of(notification.accounts, [owner](const auto& one) { return one->account->key().id == owner; });
            if (is_known || !table->shares(owner, user)) return;
            notification.is_sharing_changed = true;
            if (notify_.get() == &notification) on_news();
        };
        notification.sharing.emplace(*table, std::move(changed));
    }
    for (const auto& key : table->owners_for(user)) {
        const auto* owner = services_.directory.snapshot()->find(directory::AccountId{key.id});
        if (owner == nullptr) continue;
        auto prefix = other_prefix(owner->address());
        store::AccountKey copy = key;
        const auto account = co_await services_.store.account(std::move(copy));
        if (!account || notification.find(*account) != nullptr) continue;
        if (notification.accounts.size() > kMaxWatchedAccounts) co_return false;
        watch_account(notification, *account, std::move(prefix));
        notification.accounts.back()->is_listing_changed = tells;
        if (tells) notification.accounts.back()->mailboxes.expect_news();
    }
    co_return true;
}

// The pending waits of a session with NOTIFY: before it reads its next command.
co::Task<void> Session::tell_between()
{
    if (selected_ && notify_->tells_selected) {
        const bool looks = !mailbox_->is_watched() && std::chrono::steady_clock::now() >= notify_->look_at.at;
        if (looks) notify_->look_at = net::Deadline::after(kWatchAgain);
        if (looks || (has_news() && !news_failed_)) co_await announce(!notify_->is_delayed, looks);
    }
    if (open_) co_await tell_notified();
    if (open_ && !metadata_news_.empty()) tell_metadata();
    if (open_ && is_key_reset_) tell_reset();
    if (!out_.text().empty()) (void)co_await out_.flush(true);
}

std::optional<net::Deadline> Session::wakes_at() const
{
    if (!notify_) return std::nullopt;
    if (has_notified() || (notify_->tells_selected && has_news() && !news_failed_)) return net::Deadline::after(kBetweenNews);
    const bool looks = selected_ && notify_->tells_selected && (news_failed_ || !mailbox_->is_watched());
    return looks ? notify_->look_at : net::Deadline::never();
}

void Session::listen(bool on)
{
    listening_ = on && notify_;
    reader_.wake_at(on ? wakes_at() : std::nullopt);
    if (selected_ && notify_ && notify_->tells_selected) selected_->wait(on);
}

// One pass: what comes meanwhile waits for the next.
co::Task<void> Session::tell_notified()
{
    if (!has_notified()) co_return;
    bool fits = true;
    if (std::exchange(notify_->is_sharing_changed, false)) fits = co_await watch_others(*notify_, true);
    if (fits) fits = co_await read_listings(*notify_, true);
    if (!fits) {
        // Section 5.8
        out_.add("* OK [NOTIFICATIONOVERFLOW] too many mailboxes to watch; as after NOTIFY NONE\r\n");
        notify_ = std::make_unique<Notification>(Notify{});
        co_return;
    }
    for (const auto& watched : notify_->accounts) {
        auto mailboxes = watched->mailboxes.fresh();
        mailboxes.insert(mailboxes.end(), watched->changed.begin(), watched->changed.end());
        watched->changed.clear();
        co_await tell_statuses(*watched, std::move(mailboxes), Telling::news);
    }
}

// Of the accounts whose names have changed (or all of them, at first). False: too many.
co::Task<bool> Session::read_listings(Notification& notification, bool tells)
{
    const bool is_due = !tells || std::ranges::any_of(notification.accounts, [](const auto& one) { return one->is_listing_changed; });
    if (!is_due) co_return true;
    const auto own = std::exchange(own_names_, {});
    std::size_t watched = 0;
    for (const auto& one : notification.accounts) {
        const bool is_read = std::exchange(one->is_listing_changed, false) || !tells;
        bool fits = true;
        if (is_read) fits = co_await read_listing(*one, own, tells);
        watched += one->mailboxes.size();
        if (!fits || watched > options_->max_watched_mailboxes) co_return false;
    }
    co_return true;
}

co::Task<bool> Session::read_listing(WatchedAccount& watched, const std::set<std::string>& own, bool tells)
{
    struct Read {
        WatchedMailboxes mailboxes;
        std::optional<std::vector<ListingNews>> news;
        std::vector<Listed> listed;        // one for each
        std::vector<Listed> inaccessible;  // watched, but not to be read
    };
    auto subscribed = [](store::AccountStore& store) { return store.subscriptions(); };
    const auto subscriptions = co_await account_->run(net::WorkClass::interactive, std::move(subscribed));
    const auto user = login_->account.value;
    // The job has a copy: meanwhile the loop hears of changes, and looks into what is watched by then.
    auto job = [known = watched.mailboxes, prefix = watched.prefix, &own, &subscriptions, user](store::AccountStore& store) {
        Read read{known, {}, {}, {}};
        auto mailboxes = prefix.empty() ? store.list() : visible_to(store, user, prefix);
        if (prefix.empty()) std::erase_if(mailboxes, [](const auto& info) { return is_other_users(info.name); });
        else for (auto& info : mailboxes) info.subscribed = std::ranges::binary_search(subscriptions, info.name);
        read.news = read.mailboxes.take_listing(mailboxes, own);
        if (!read.news) return read;
        const auto all = read.news->empty() ? std::vector<Listed>() : list_everything(mailboxes, subscriptions);
        for (const auto& one : *read.news) read.listed.push_back(listed_of(one, all, subscriptions));
        for (const auto& info : mailboxes) {
            if ((info.rights & store::kRead) != 0 || !read.mailboxes.watches_messages(info.id)) continue;
            Listed listed;
            listed.name = info.name;
            listed.attributes = "\\NoAccess";
            read.inaccessible.push_back(std::move(listed));
        }
        return read;
    };
    auto read = co_await watched.account->run(net::WorkClass::interactive, std::move(job));
    if (!read.news) co_return false;
    watched.mailboxes = std::move(read.mailboxes);
    for (std::size_t i = 0; tells && i < read.listed.size() && !out_.is_broken(); ++i) {
        out_.add(news_text((*read.news)[i], read.listed[i], utf8_));
        if (out_.is_full()) (void)co_await out_.flush();
    }
    // Section 3.1
    for (const auto& listed : read.inaccessible) {
        if (!tells) out_.add(listed_text("LIST", listed, utf8_));
    }
    co_return true;
}

co::Task<void> Session::tell_statuses(WatchedAccount& account, std::vector<store::MailboxId> mailboxes, Telling telling)
{
    using Statuses = std::vector<store::MailboxStatus>;
    std::ranges::sort(mailboxes);
    mailboxes.erase(std::ranges::unique(mailboxes).begin(), mailboxes.end());
    const auto user = login_->account.value;
    for (std::size_t at = 0; at < mailboxes.size() && !out_.is_broken(); at += kStatusesOfWatched) {
        const auto end = std::min(mailboxes.size(), at + kStatusesOfWatched);
        auto job = [&mailboxes, user, at, end](store::AccountStore& store) {
            Statuses all;
            for (auto i = at; i < end; ++i) {
                if ((store.rights(mailboxes[i], user) & store::kRead) == 0) continue;
                auto status = store.status(mailboxes[i]);
                if (status) all.push_back(*std::move(status));
            }
            return all;
        };
        const auto statuses = co_await account.account->run(net::WorkClass::interactive, std::move(job));
        auto& watched = account.mailboxes;
        const auto fresh = watched.fresh();
        const auto owner = account.prefix.empty() ? 0 : account.account->key().id;
        for (const auto& status : statuses) {
            // A mailbox that has just come is known to be empty.
            const bool is_new_and_empty = telling == Telling::news && status.messages == 0 && std::ranges::binary_search(fresh, status.id);
            const auto items = watched.take_status(status, condstore_, telling == Telling::first);
            // SELECTED alone speaks of the selected mailbox (section 6).
            const bool is_it = is_selected(account.account, status.id);
            const auto name = watched.name_of(status.id);
            if (items.empty() || is_it || is_new_and_empty || telling == Telling::nothing || !name) continue;
            out_.add(status_text(*name, status, items, options_->max_append, utf8_, owner));
        }
        if (out_.is_full()) (void)co_await out_.flush();
    }
}

// Changes of this session's own making are not told to it (section 5).
void Session::note_own(const std::string& name)
{
    if (notify_) own_names_.insert(canonical_name(name));
}

void Session::note_own(store::Uid uid)
{
    if (notify_ || !contexts_.empty()) add_above(own_uids_, uid);
}

// Items of messages that came by themselves, for NOTIFY (section 5.2) and for searches with UPDATE (section 7).
co::Task<void> Session::tell_arrived(const std::vector<ContextNews>& contexts)
{
    if (!selected_ || selected_->view().last() <= arrived_until_) co_return;
    NumberSet arrived = behind(selected_->view().uids(), arrived_until_);
    arrived_until_ = selected_->view().last();
    arrived = without(arrived, normalised(std::exchange(own_uids_, {})));
    const std::vector<FetchItem> of_all = notify_ ? notify_->items : std::vector<FetchItem>();
    for (const auto& one : contexts) {
        if (one.context->items().empty()) continue;
        const auto hits = intersection(uids_of(one.added), arrived);
        auto items = one.context->items();
        for (const auto& item : of_all) {
            const auto is_it = [&item](const FetchItem& other) { return other.attribute == item.attribute && other.label == item.label; };
            if (std::ranges::none_of(items, is_it)) items.push_back(item);
        }
        arrived = without(arrived, hits);
        co_await tell_items(std::move(items), hits);
    }
    if (!of_all.empty()) co_await tell_items(of_all, std::move(arrived));
}

co::Task<void> Session::tell_items(std::vector<FetchItem> items, NumberSet uids)
{
    Fetch fetch;
    fetch.items = std::move(items);
    // RFC 7162 section 3.2.4: of unsolicited answers too.
    if (condstore_) {
        for (const auto attribute : {FetchAttribute::uid, FetchAttribute::modseq}) {
            if (has_attribute(fetch.items, attribute)) continue;
            FetchItem item;
            item.attribute = attribute;
            fetch.items.insert(fetch.items.begin(), std::move(item));
        }
    }
    auto plan = make_fetch_plan(fetch, !may(store::kKeepSeen));
    plan.tells_modseq = condstore_;
    while (!uids.empty() && !out_.is_broken()) {
        const auto id = selected_->id();
        const auto& view = selected_->view();
        auto job = [id, &view, &plan, &uids](store::AccountStore& store) { return fetch_slice(store, id, view, plan, uids); };
        auto slice = co_await owner_->run(net::WorkClass::interactive, std::move(job));
        uids = behind(uids, slice.done_until);
        if (plan.needs_flags || !slice.told.empty()) {
            selected_->take_keywords(slice.keywords);
            co_await tell_news(false);
        }
        selected_->mark_shown(slice.told);
        (void)co_await write_segments(slice.segments);
    }
}

}  // namespace mbx::imap
