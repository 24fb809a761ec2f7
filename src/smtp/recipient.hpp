// Whether a RCPT is taken, and whom it reaches. Pure: a directory snapshot in, a decision out. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "directory/snapshot.hpp"
#include "mail/address.hpp"
#include "net/address.hpp"
#include "policy/srs.hpp"
#include "queue/envelope.hpp"
#include "smtp/options.hpp"
#include "smtp/reply.hpp"

namespace mbx::smtp {

// Whom a message reaches on another server.
struct OutsideRecipient {
    std::string address;          // without brackets
    std::string forwarded_by;     // our domain whose alias leads there; empty: the sender named it
    bool is_bounce = false;       // the way back of forwarded mail: under the null reverse-path
    queue::Notify notify{};       // of its RCPT
    std::string original{};       // ORCPT of it
    std::string owner{};          // of the list it is on: where its bounces go; empty: on none, or an account is nearer
    std::vector<directory::AccountId> forwarders{};  // accounts of ours that lead there, the nearest first
    // The reverse-path under which it leaves, and to which reports about it go: the owner, or an address of ours for who
    // forwards (RFC 3461 sections 5.2.7.1 and 5.2.7.4). Empty: the sender's.
    std::string returns_to{};
    bool is_shared = false;       // with what other accounts forward: the administrators hear of it
    std::size_t way = 0;          // 0: it leaves with the message that came in; else in a message of its own (part_ways)
};

struct RecipientDecision {
    ReplyId reply = ReplyId::relay_denied;      // recipient_accepted, or why not
    std::vector<directory::AccountId> accounts; // ascending, without duplicates; empty unless accepted
    std::vector<OutsideRecipient> outside;      // empty unless accepted
    std::vector<directory::Expansion> expansions{};  // by which steps they were found; none: named by the sender
    // Whose arrival the sender wants to hear of from us; none: nobody asked, or it is another server's to tell.
    std::optional<queue::Recipient> receipt{};
};

// What a decision is made of, besides the recipient.
struct RecipientQuestion {
    const directory::Snapshot& snapshot;
    Role role = Role::mx;                  // submission: the sender has logged in; local: a program of this machine
    bool has_null_reverse_path = false;
    const policy::Srs& srs;                // of forwarded mail's ways back
    WallTime now{};
    // This machine, whose names need not be mailboxes, and who gets what is for nobody's.
    std::string_view host_name{};
    std::string_view system_mail_to{};
    std::span<const net::IpAddress> own_addresses{}; // besides loopback: address literals of these are this machine, too
};

// The domain in which a bare name of this machine is looked for: the host name itself where it is one of our domains, else
// the nearest domain above it, else the only one there is; empty: none.
std::string home_domain(const directory::Snapshot& snapshot, std::string_view host_name);

// No peer is trusted for its address: whoever is not logged in reaches our own mailboxes and where their aliases lead, and
// nothing else (HOSTILE row C4). Signs of other routing (user%host, host!user, a quoted @) are bytes of a local part, no
// more. A signed way back of mail that we forwarded takes bounces, and only these.
// Role::local: an address at the host's own name, at an address literal of ours or at localhost is a name of this machine
// (root, www-data). It reaches the mailbox or alias of that name in home_domain(); where there is none, system_mail_to; without
// that, postmaster: no mail of a program gets lost because nobody has its name.
// For everybody else `root` at the host's own name or literal is such a name: what cron sends can be answered. And a bounce
// reaches every name at the host's own name, where that is none of our domains: it is for a program that sent mail.
// An address literal that is not ours is another server, for those who may send there.
RecipientDecision judge_recipient(const RecipientQuestion& question, const mail::Mailbox& mailbox);
// The same, with what the server's options say of this machine.
RecipientDecision judge_recipient(const Options& options, RecipientQuestion question, const mail::Mailbox& mailbox);

// What RCPT asked for in reports, given on to whom it reaches (RFC 3461 section 5.2.7): whole to a single one elsewhere;
// without SUCCESS to several, of which we tell ("expanded"); not at all to members of a list and where an account forwards:
// arrival there ends the sender's mail ("delivered"), as one in a mailbox does.
void pass_reports_on(const mail::Mailbox& mailbox, const queue::Notify& notify, const std::string& original,
                     RecipientDecision& decision);

} // namespace mbx::smtp
