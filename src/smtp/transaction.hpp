// One message on its way in: the envelope between MAIL and the end of DATA (RFC 5321 section 3.3). The session is the
// client and outlives it. Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "directory/account.hpp"
#include "mail/address.hpp"
#include "smtp/command.hpp"

namespace mbx::smtp {

class Transaction {
public:
    explicit Transaction(MailArgument mail) : mail_(std::move(mail)) {}

    // A RCPT that was accepted; `accounts` ascending. An account named twice gets one copy.
    void add(mail::Mailbox mailbox, const std::vector<directory::AccountId>& accounts);
    void count_refused() { ++refused_; }

    const MailArgument& mail() const { return mail_; }
    std::size_t accepted() const { return accepted_; } // RCPT commands
    std::size_t refused() const { return refused_; }
    const std::vector<directory::AccountId>& accounts() const { return accounts_; } // ascending
    // The address of the only RCPT; none with several: they are nobody else's business (RFC 5321 section 7.2).
    const std::optional<mail::Mailbox>& only_recipient() const { return only_recipient_; }

private:
    MailArgument mail_;
    std::vector<directory::AccountId> accounts_;
    std::optional<mail::Mailbox> only_recipient_;
    std::size_t accepted_ = 0;
    std::size_t refused_ = 0;
};

} // namespace mbx::smtp
