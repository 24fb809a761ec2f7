// Which mailboxes the filters of ESEARCH and NOTIFY name (RFC 5465 section 6, RFC 7377 section 2.2). Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "store/types.hpp"

namespace mbx::imap {

// "inbox/x" with INBOX in capitals, as the store lists it.
std::string listed_name(std::string name);

class MailboxFilter {
public:
    void add(MailboxScope scope, const std::vector<std::string>& mailboxes);
    // The selected mailbox is the caller's business.
    bool takes(const store::MailboxInfo& mailbox) const;
    // Whether it can take mailboxes of other accounts, which are not personal (RFC 5465 section 6.3).
    bool may_take_others() const;

private:
    std::set<std::string>* names_for(MailboxScope scope);
    std::set<std::string> exact_;
    std::set<std::string> trees_;
    std::set<std::string> trees_of_one_;
    bool is_all_ = false;
    bool is_subscribed_ = false;
};

}  // namespace mbx::imap
