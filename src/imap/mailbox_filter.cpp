#include "imap/mailbox_filter.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "imap/shared_names.hpp"

namespace mbx::imap {

std::string listed_name(std::string name)
{
    const auto end = std::min(name.find('/'), name.size());
    if (ascii::same(std::string_view(name).substr(0, end), "INBOX")) name.replace(0, end, "INBOX");
    return name;
}

void MailboxFilter::add(MailboxScope scope, const std::vector<std::string>& mailboxes)
{
    is_all_ = is_all_ || scope == MailboxScope::personal;
    is_subscribed_ = is_subscribed_ || scope == MailboxScope::subscribed;
    if (scope == MailboxScope::inboxes) exact_.insert("INBOX");
    auto* names = names_for(scope);
    if (names == nullptr) return;
    for (const auto& name : mailboxes) names->insert(canonical_name(name));
}

// The hierarchy is in the names: there are no loops in it (RFC 7377 section 2.2).
bool MailboxFilter::takes(const store::MailboxInfo& mailbox) const
{
    const auto& name = mailbox.name;
    if ((is_all_ && !is_other_users(name)) || (is_subscribed_ && mailbox.subscribed) || exact_.contains(name)) return true;
    if (trees_.contains(name) || trees_of_one_.contains(name)) return true;
    const auto last = name.rfind('/');
    if (last != std::string::npos && trees_of_one_.contains(name.substr(0, last))) return true;
    for (auto at = last; !trees_.empty() && at != std::string::npos && at != 0; at = name.rfind('/', at - 1)) {
        if (trees_.contains(name.substr(0, at))) return true;
    }
    return false;
}

bool MailboxFilter::may_take_others() const
{
    const auto reaches = [](const std::string& name) { return name == kOtherUsers || is_other_users(name); };
    if (is_subscribed_) return true;
    for (const auto* names : {&exact_, &trees_, &trees_of_one_}) {
        if (std::ranges::any_of(*names, reaches)) return true;
    }
    return false;
}

std::set<std::string>* MailboxFilter::names_for(MailboxScope scope)
{
    if (scope == MailboxScope::mailboxes) return &exact_;
    if (scope == MailboxScope::subtree) return &trees_;
    return scope == MailboxScope::subtree_one ? &trees_of_one_ : nullptr;
}

}  // namespace mbx::imap
