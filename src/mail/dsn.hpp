// Delivery status notifications (RFC 3461, 3464, 6522, 6533): the message that tells a sender what became of a message.
// Pure: the caller brings the time, the random words and the bytes. Linear; any thread. What others wrote (a remote's
// reply, parameters of MAIL and RCPT, the original's header) is bounded, freed of control bytes and made UTF-8 before it
// is written (HOSTILE row I5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace mbx::mail {

enum class DsnAction : std::uint8_t {
    failed,
    delayed,
    delivered,  // placed into a mailbox here
    relayed,    // taken by a server that will not report further (RFC 3464 section 2.3.3)
    expanded,   // went on to the members of a list or alias
};

// What the words for people are chosen by.
enum class DsnCause : std::uint8_t {
    no_such_mailbox,
    mailbox_disabled,
    mailbox_full,
    no_such_domain,
    domain_takes_no_mail,   // null MX (RFC 7505)
    host_not_found,         // the name server gave no answer
    unreachable,            // no connection, or it was lost
    too_large,
    server_full,            // out of space, or overloaded
    try_later,              // greylisting, temporary refusal
    bad_address,
    bad_sender,
    loop,
    too_many_recipients,
    content_refused,        // media, conversion
    utf8_not_supported,
    refused_by_policy,      // spam, reputation, not permitted
    authentication_failed,  // SPF, DKIM, DMARC
    tls_missing,
    protocol,               // the two servers did not understand each other
    not_tried,              // it waited in our own queue, and no other server was asked
    administrator,          // removed from the queue by hand
    other,
};
// From a status code (RFC 3463, "5.1.1"), or from the reply code where that says nothing, as "5.0.0". Total.
DsnCause classify_status(std::string_view status, unsigned reply_code = 0);

struct DsnRecipient {
    DsnAction action = DsnAction::failed;
    std::string address;        // the recipient as the envelope had it, without < >
    std::string original;       // ORCPT, its xtext undone: "rfc822;bob@example.org"; empty: none. Left out where it is not such
    std::string status;         // "5.1.1"; what is no status of the action's class becomes "5.0.0", "4.0.0", "2.0.0"
    unsigned code = 0;          // of the reply; 0: it never came to one
    std::string said;           // the remote's words without its codes, or what happened, in ours
    bool is_remote = false;     // they are the remote's
    std::string host;           // that was asked; empty: none
    bool by_administrator = false;
    bool has_expired = false;   // failed because the time was up: `status` and `said` are those of the last attempt
    bool is_untried = false;    // there was no attempt: it waits, or waited, in our own queue
    std::optional<WallTime> last_attempt;
    std::optional<WallTime> retry_until;  // of delayed ones
};

enum class DsnLanguages : std::uint8_t { both, english, russian };

struct DsnRequest {
    DsnLanguages languages = DsnLanguages::both;
    std::string hostname;         // of this server: Reporting-MTA, and the domain of From and Message-ID
    std::string to;               // the reverse-path of the original; never empty
    bool is_forwarded = false;    // `to` did not send the original, but has it sent on
    bool is_only_copy = false;    // nobody else has the original: the whole of it comes back, as a file where it cannot travel as it is
    std::string id;               // trace id of the original: Final-Log-ID
    std::string unique;           // hexadecimal random digits, 16 or more: left side of Message-ID, boundary
    WallTime now{};
    std::optional<WallTime> arrived;
    std::string envelope_id;      // ENVID, its xtext undone; empty: none
    std::string received_from;    // what the client called itself; empty: left out
    bool smtputf8 = false;        // the original came with SMTPUTF8
    // The original in wire form, or as much of its front as is at hand (its header at least), and its whole size.
    std::string_view original;
    std::uint64_t original_size = 0;
    bool return_full = false;     // RET=FULL; for failures only (RFC 3461 section 4.3)
    std::size_t most_returned = 64 * 1024;  // of a whole original; a larger one is cut to its header
    std::vector<DsnRecipient> recipients;   // one at least
};

struct Dsn {
    std::string bytes;       // CRLF line ends, none longer than 998 octets
    bool smtputf8 = false;   // its header or addresses need it
    bool eight_bit = false;  // its body has 8-bit bytes (BODY=8BITMIME)
};
Dsn compose_dsn(const DsnRequest& request);

// message/delivery-status or message/global-delivery-status as it is written: groups of fields, the first for the message,
// each further one for a recipient. Total for any bytes; values unfolded. For tests and for reports that come to us.
using StatusFields = std::vector<std::pair<std::string, std::string>>;
struct DeliveryStatus {
    StatusFields message;
    std::vector<StatusFields> recipients;
};
DeliveryStatus parse_delivery_status(std::string_view body);
// The value of the first field of that name in any case; empty for none.
std::string_view status_field(const StatusFields& fields, std::string_view name);

}  // namespace mbx::mail
