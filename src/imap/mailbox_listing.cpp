#include "imap/mailbox_listing.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "imap/list_pattern.hpp"
#include "imap/response.hpp"

namespace mbx::imap {

namespace {

void add_attribute(Listed& listed, std::string_view attribute)
{
    if (attribute.empty()) return;
    if (!listed.attributes.empty()) listed.attributes += ' ';
    listed.attributes += attribute;
}

using NameSet = std::set<std::string, std::less<>>;

// All names above one of `names`.
NameSet ancestors(const NameSet& names)
{
    NameSet above;
    for (const auto& name : names) {
        for (auto cut = name.rfind(kSeparator); cut != std::string::npos && cut != 0; cut = name.rfind(kSeparator, cut - 1)) {
            if (!above.insert(name.substr(0, cut)).second) break;
        }
    }
    return above;
}

class Lister {
public:
    Lister(const List& list, const std::vector<store::MailboxInfo>& mailboxes,
           const std::vector<std::string>& subscriptions)
        : list_(list), subscribed_(subscriptions.begin(), subscriptions.end())
    {
        for (const auto& pattern : list.patterns) patterns_.emplace_back(list.reference + pattern);
        NameSet names;
        for (const auto& mailbox : mailboxes) {
            names.insert(mailbox.name);
            known_.emplace(mailbox.name, &mailbox);
            if (mailbox.special_use != store::SpecialUse::none) special_.insert(mailbox.name);
        }
        // Levels that are no mailbox, or one that whoever asks may not see (RFC 4314 section 4).
        for (auto& name : ancestors(names)) {
            if (!names.contains(name)) levels_.insert(name);
        }
        above_subscribed_ = ancestors(subscribed_);
        above_special_ = ancestors(special_);
    }

    std::vector<Listed> run() const
    {
        const NameSet names = candidates();
        // RFC 5258 section 3.5: what is there for the sake of mailboxes below is told only where one of these is not.
        NameSet unseen;
        for (const auto& name : names) {
            if (list_.recursive_match && is_selected(name) && !is_matched(name)) unseen.insert(name);
        }
        const NameSet above_unseen = ancestors(unseen);
        std::vector<Listed> all;
        for (const auto& name : names) {
            if (is_matched(name) && (is_selected(name) || above_unseen.contains(name))) all.push_back(describe(name));
        }
        return all;
    }

private:
    NameSet candidates() const
    {
        NameSet names;
        for (const auto& [name, info] : known_) names.insert(name);
        const bool selects = list_.select_subscribed || list_.select_special_use;
        for (const auto& name : levels_) {
            if (!selects && is_level_wanted(name)) names.insert(name);
        }
        if (list_.select_subscribed) names.insert(subscribed_.begin(), subscribed_.end());
        if (list_.select_subscribed && list_.recursive_match) {
            names.insert(above_subscribed_.begin(), above_subscribed_.end());
        }
        return names;
    }
    bool is_matched(const std::string& name) const
    {
        return std::ranges::any_of(patterns_, [&name](const auto& pattern) { return pattern.matches(name); });
    }
    // RFC 9051 section 6.3.9.2: a pattern that ends with "%" is answered with levels that are no mailbox too.
    bool is_level_wanted(const std::string& name) const
    {
        for (std::size_t i = 0; i < patterns_.size(); ++i) {
            if (list_.patterns[i].ends_with('%') && patterns_[i].matches(name)) return true;
        }
        return false;
    }
    bool is_selected(const std::string& name) const
    {
        return (!list_.select_subscribed || subscribed_.contains(name)) &&
               (!list_.select_special_use || special_.contains(name));
    }
    Listed describe(const std::string& name) const
    {
        Listed listed;
        listed.name = name;
        const auto found = known_.find(name);
        listed.exists = found != known_.end();
        listed.is_selected = is_selected(name);
        if (!listed.exists) add_attribute(listed, "\\NonExistent");
        // For those who do not know that.
        if (levels_.contains(name)) add_attribute(listed, "\\Noselect \\HasChildren");
        const bool children = listed.exists && found->second->has_children;
        if (listed.exists) {
            listed.id = found->second->id;
            listed.rights = found->second->rights;
            add_attribute(listed, children ? "\\HasChildren" : "\\HasNoChildren");
            // In every LIST, asked or not: Apple's clients look for them there (RFC 6154 section 2 allows it).
            add_attribute(listed, special_use_text(found->second->special_use));
        }
        if ((list_.select_subscribed || list_.return_subscribed) && subscribed_.contains(name)) {
            add_attribute(listed, "\\Subscribed");
        }
        listed.child_subscribed = list_.recursive_match && list_.select_subscribed && above_subscribed_.contains(name);
        listed.child_special_use = list_.recursive_match && list_.select_special_use && above_special_.contains(name);
        return listed;
    }

    const List& list_;
    std::vector<ListPattern> patterns_;
    std::map<std::string, const store::MailboxInfo*, std::less<>> known_;
    NameSet levels_;
    NameSet subscribed_;
    NameSet special_;
    NameSet above_subscribed_;
    NameSet above_special_;
};

}  // namespace

std::vector<Listed> list_mailboxes(const List& list, const std::vector<store::MailboxInfo>& mailboxes,
                                   const std::vector<std::string>& subscriptions)
{
    // RFC 9051 section 6.3.9: an empty name asks for the separator and the root of the reference.
    if (!list.extended && list.patterns.front().empty()) {
        Listed root;
        root.attributes = "\\Noselect";
        root.exists = false;
        return {root};
    }
    return Lister(list, mailboxes, subscriptions).run();
}

std::vector<Listed> list_subscribed(const Lsub& lsub, const std::vector<store::MailboxInfo>& mailboxes,
                                    const std::vector<std::string>& subscriptions)
{
    const ListPattern pattern(lsub.reference + lsub.pattern);
    const NameSet subscribed(subscriptions.begin(), subscriptions.end());
    NameSet names = subscribed;
    const NameSet above = ancestors(subscribed);
    // RFC 3501 section 6.3.9: with "%" a name above a subscribed one is answered as \Noselect.
    if (lsub.pattern.find('%') != std::string::npos) names.insert(above.begin(), above.end());
    std::map<std::string_view, const store::MailboxInfo*> known;
    for (const auto& mailbox : mailboxes) known.emplace(mailbox.name, &mailbox);
    std::vector<Listed> all;
    for (const auto& name : names) {
        if (!pattern.matches(name)) continue;
        Listed listed;
        listed.name = name;
        if (!subscribed.contains(name)) add_attribute(listed, "\\Noselect");
        const auto info = known.find(name);
        if (info != known.end()) add_attribute(listed, special_use_text(info->second->special_use));
        all.push_back(std::move(listed));
    }
    return all;
}

Listed listed_of(const store::MailboxInfo& mailbox)
{
    Listed listed;
    listed.name = mailbox.name;
    listed.id = mailbox.id;
    listed.exists = true;
    add_attribute(listed, mailbox.has_children ? "\\HasChildren" : "\\HasNoChildren");
    add_attribute(listed, special_use_text(mailbox.special_use));
    if (mailbox.subscribed) add_attribute(listed, "\\Subscribed");
    return listed;
}

std::string listed_text(std::string_view word, const Listed& listed, bool utf8)
{
    std::string text = "* " + std::string(word) + " (" + listed.attributes + ") \"/\" " + mailbox_text(listed.name, utf8);
    if (listed.child_subscribed || listed.child_special_use) {
        text += " (\"CHILDINFO\" (";
        if (listed.child_subscribed) text += "\"SUBSCRIBED\"";
        if (listed.child_special_use) text += listed.child_subscribed ? " \"SPECIAL-USE\"" : "\"SPECIAL-USE\"";
        text += "))";
    }
    return text + "\r\n";
}

}  // namespace mbx::imap
