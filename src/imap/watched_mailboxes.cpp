#include "imap/watched_mailboxes.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mbx::imap {

namespace {

bool is_of_selected(MailboxScope scope) { return scope == MailboxScope::selected || scope == MailboxScope::selected_delayed; }

std::string parent_of(const std::string& name)
{
    const auto cut = name.rfind('/');
    return cut == std::string::npos ? std::string() : name.substr(0, cut);
}

// Whether the name, or one below it, is of those.
bool is_own(const std::set<std::string>& own, const std::string& name)
{
    const auto it = own.lower_bound(name);
    if (it != own.end() && *it == name) return true;
    const auto below = own.lower_bound(name + "/");
    return below != own.end() && below->starts_with(name + "/");
}

KnownCounts counts_of(const store::MailboxStatus& status)
{
    return {status.uidvalidity, status.uidnext, status.messages, status.unseen, status.highest_modseq};
}

}  // namespace

WatchedMailboxes::WatchedMailboxes(const Notify& notify)
{
    for (const auto& group : notify.groups) {
        const WatchedEvents events{group.messages, group.flags, group.names, group.subscriptions, group.metadata};
        if (is_of_selected(group.mailboxes.scope) || !events.any()) continue;
        Filter filter;
        filter.events = events;
        filter.mailboxes.add(group.mailboxes.scope, group.mailboxes.mailboxes);
        filters_.push_back(std::move(filter));
    }
}

bool WatchedMailboxes::may_watch_others() const
{
    return std::ranges::any_of(filters_, [](const Filter& filter) { return filter.mailboxes.may_take_others(); });
}

// Several groups can name one mailbox: it has the events of all (section 6).
WatchedEvents WatchedMailboxes::events_of(const store::MailboxInfo& mailbox) const
{
    WatchedEvents all;
    for (const auto& filter : filters_) {
        if (!filter.mailboxes.takes(mailbox)) continue;
        all.messages = all.messages || filter.events.messages;
        all.flags = all.flags || filter.events.flags;
        all.names = all.names || filter.events.names;
        all.subscriptions = all.subscriptions || filter.events.subscriptions;
        all.metadata = all.metadata || filter.events.metadata;
    }
    return all;
}

WatchedMailboxes::Table WatchedMailboxes::make_table(const std::vector<store::MailboxInfo>& mailboxes) const
{
    Table table;
    for (const auto& mailbox : mailboxes) {
        auto events = events_of(mailbox);
        const auto before = watched_.find(mailbox.id);
        // SUBSCRIBED no longer takes a mailbox whose subscription has just ended: that is still to be told.
        if (!events.any() && before == watched_.end()) continue;
        Watched watched{mailbox.name, mailbox.subscribed, events, {}};
        if (before != watched_.end()) watched.known = before->second.known;
        table.emplace(mailbox.id, std::move(watched));
    }
    return table;
}

std::optional<std::vector<ListingNews>> WatchedMailboxes::take_listing(const std::vector<store::MailboxInfo>& mailboxes,
                                                                       const std::set<std::string>& own)
{
    Table now = make_table(mailboxes);
    std::vector<ListingNews> news;
    if (!is_first_) compare(now, own, news);
    std::erase_if(now, [](const auto& entry) { return !entry.second.events.any(); });
    if (now.size() > kMaxWatchedMailboxes) return std::nullopt;
    is_first_ = false;
    watched_ = std::move(now);
    return news;
}

void WatchedMailboxes::compare(const Table& now, const std::set<std::string>& own, std::vector<ListingNews>& news) const
{
    // A parent is affected by what comes and goes below it (section 5.4); told once, whatever else is told of it.
    std::set<std::string> told;
    std::set<std::string> parents;
    std::map<std::string_view, store::MailboxId> old_names;
    for (const auto& [id, old] : watched_) old_names.emplace(old.name, id);
    std::set<std::string_view> names;
    for (const auto& [id, one] : now) names.insert(one.name);
    const auto tell = [&](ListingNews one) {
        if (told.insert(one.name).second) news.push_back(std::move(one));
    };
    for (const auto& [id, old] : watched_) {
        if (now.contains(id) || !old.events.names || is_own(own, old.name)) continue;
        if (!names.contains(old.name)) tell({old.name, {}, true});
        parents.insert(parent_of(old.name));
    }
    for (const auto& [id, one] : now) {
        const auto before = watched_.find(id);
        if (before == watched_.end()) {
            if (!one.events.names || is_own(own, one.name)) continue;
            tell({one.name, {}, false});
            parents.insert(parent_of(one.name));
            continue;
        }
        const auto& old = before->second;
        if (old.name != one.name) {
            // Those below a mailbox go with it untold (section 5.4).
            const auto parent = old_names.find(parent_of(old.name));
            const auto parent_now = parent == old_names.end() ? now.end() : now.find(parent->second);
            const bool goes_with = parent_now != now.end() && parent_now->second.name != parent->first &&
                                   parent_now->second.name == parent_of(one.name);
            const bool is_wanted = one.events.names || old.events.names;
            if (is_wanted && !goes_with && !is_own(own, one.name)) tell({one.name, old.name, false});
        }
        const bool is_wanted = one.events.subscriptions || old.events.subscriptions;
        if (old.subscribed != one.subscribed && is_wanted && !is_own(own, one.name)) tell({one.name, {}, false});
    }
    for (const auto& [id, one] : now) {
        if (one.events.names && parents.contains(one.name)) tell({one.name, {}, false});
    }
}

std::vector<store::MailboxId> WatchedMailboxes::fresh() const
{
    std::vector<store::MailboxId> all;
    for (const auto& [id, one] : watched_) {
        if (one.events.messages && !one.known) all.push_back(id);
    }
    return all;
}

bool WatchedMailboxes::watches_messages(store::MailboxId id) const
{
    const auto it = watched_.find(id);
    return it != watched_.end() && it->second.events.messages;
}

bool WatchedMailboxes::watches_metadata(std::string_view name) const
{
    return std::ranges::any_of(watched_, [name](const auto& entry) {
        return entry.second.events.metadata && entry.second.name == name;
    });
}

std::optional<std::string> WatchedMailboxes::name_of(store::MailboxId id) const
{
    const auto it = watched_.find(id);
    if (it == watched_.end()) return std::nullopt;
    return it->second.name;
}

std::vector<StatusItem> WatchedMailboxes::take_status(const store::MailboxStatus& status, bool condstore, bool is_first)
{
    const auto it = watched_.find(status.id);
    if (it == watched_.end() || !it->second.events.messages) return {};
    const auto& events = it->second.events;
    const auto old = std::exchange(it->second.known, counts_of(status)).value_or(KnownCounts());
    std::vector<StatusItem> items;
    // Sections 5.2 and 5.3; UIDVALIDITY comes with it, for UIDNEXT says little without.
    if (is_first || old.messages != status.messages || old.uidnext != status.uidnext || old.uidvalidity != status.uidvalidity) {
        items = {StatusItem::messages, StatusItem::uidnext, StatusItem::uidvalidity};
    }
    const bool has_flags = events.flags && old.highest_modseq != status.highest_modseq;
    const bool tells_unseen = events.flags && (is_first || old.unseen != status.unseen);
    // Section 5.1: without CONDSTORE a change of flags is told where it changes what is counted.
    if (items.empty() && (tells_unseen || (has_flags && condstore))) items = {StatusItem::uidvalidity};
    if (items.empty()) return items;
    if (tells_unseen) items.push_back(StatusItem::unseen);
    // Section 3.1: the present state tells it where flags are wanted, whatever the client has enabled.
    if (condstore || (is_first && events.flags)) items.push_back(StatusItem::highestmodseq);
    return items;
}

void WatchedMailboxes::set_known(const store::MailboxStatus& status)
{
    const auto it = watched_.find(status.id);
    if (it != watched_.end()) it->second.known = counts_of(status);
}

}  // namespace mbx::imap
