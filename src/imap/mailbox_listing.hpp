// Which mailboxes LIST and LSUB answer, and with which attributes (RFC 9051 section 6.3.9, RFC 3501 section 6.3.9).
// Pure: from the store's list and the subscriptions.
#pragma once

#include <string>
#include <vector>

#include "imap/command.hpp"
#include "store/types.hpp"

namespace mbx::imap {

struct Listed {
    std::string name;
    std::string attributes;         // "\HasNoChildren \Sent"
    bool child_subscribed = false;  // CHILDINFO ("SUBSCRIBED")
    bool child_special_use = false; // CHILDINFO ("SPECIAL-USE")
    bool exists = true;
    bool is_selected = true;        // not only there for the sake of what is below
    store::Rights rights = 0;
    store::MailboxId id;
};

// `mailboxes` sorted by name.
std::vector<Listed> list_mailboxes(const List& list, const std::vector<store::MailboxInfo>& mailboxes,
                                   const std::vector<std::string>& subscriptions);
std::vector<Listed> list_subscribed(const Lsub& lsub, const std::vector<store::MailboxInfo>& mailboxes,
                                    const std::vector<std::string>& subscriptions);

// A mailbox by itself, as SELECT tells it.
Listed listed_of(const store::MailboxInfo& mailbox);
// "* LIST (…) "/" name" with CRLF; `word` is LIST or LSUB.
std::string listed_text(std::string_view word, const Listed& listed, bool utf8);

}  // namespace mbx::imap
