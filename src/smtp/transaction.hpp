// One message on its way in: the envelope between MAIL and the end of DATA (RFC 5321 section 3.3). The session is the
// client and outlives it. Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "directory/account.hpp"
#include "mail/address.hpp"
#include "smtp/command.hpp"
#include "smtp/forwarding.hpp"
#include "smtp/recipient.hpp"

namespace mbx::smtp {

class Transaction {
public:
    static constexpr std::size_t kMostReached = 20'000; // mailboxes and addresses elsewhere, with all that lists lead to
    static constexpr std::size_t kMostLists = 8;       // each leaves as a message of its own
    static constexpr std::size_t kMostForwarders = 8;  // likewise; the last of them is all that are beyond
    explicit Transaction(MailArgument mail) : mail_(std::move(mail)) {}

    // A RCPT that was accepted; `accounts` ascending. An account or an outside address named twice gets one copy: where accounts
    // lead there by one way, and only some of them or none by the other, by that one.
    void add(mail::Mailbox mailbox, const std::vector<directory::AccountId>& accounts,
             const std::vector<OutsideRecipient>& outside = {});
    // The way there, and a report that is owed for it.
    void add_steps(const std::vector<directory::Expansion>& expansions, const std::optional<queue::Recipient>& receipt);
    // Whether so many more are too many for one message.
    bool has_room_for(const RecipientDecision& decision) const;
    // Mail that came back stays with who had sent it on.
    void keep(const HeldBack& held, std::vector<OutsideRecipient> outside);
    // Accounts that forward, beyond kMostForwarders, share one reverse-path: that of the administrators.
    void share_forwarders(const std::string& reverse_path);
    // Who leaves in which message (smtp/forwarding's part_ways), with share_forwarders().
    void part_ways(const std::string& shared_reverse_path);
    // The way that needs no message beside it: it is all that the message is for. Else 0.
    std::size_t leading_way() const;
    void count_refused() { ++refused_; }

    const MailArgument& mail() const { return mail_; }
    std::size_t accepted() const { return accepted_; } // RCPT commands
    std::size_t refused() const { return refused_; }
    const std::vector<directory::AccountId>& accounts() const { return accounts_; } // ascending
    const std::vector<OutsideRecipient>& outside() const { return outside_; } // in the order of their RCPTs
    const std::vector<directory::Expansion>& expansions() const { return expansions_; }
    const std::vector<queue::Recipient>& receipts() const { return receipts_; }
    const HeldBack& held_back() const { return held_back_; }
    // The address of the only RCPT; none with several: they are nobody else's business (RFC 5321 section 7.2).
    const std::optional<mail::Mailbox>& only_recipient() const { return only_recipient_; }

private:
    MailArgument mail_;
    std::vector<directory::AccountId> accounts_;
    std::vector<OutsideRecipient> outside_;
    std::map<std::string, std::size_t, std::less<>> outside_at_; // by address, until keep()
    std::vector<directory::Expansion> expansions_;
    std::vector<queue::Recipient> receipts_;
    HeldBack held_back_;
    std::set<std::string, std::less<>> owners_;
    std::optional<mail::Mailbox> only_recipient_;
    std::size_t accepted_ = 0;
    std::size_t refused_ = 0;
};

} // namespace mbx::smtp
