// What an administrator decides about the SMTP server. A value: a reload gives new sessions a new one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "net/address.hpp"

namespace mbx::smtp {

// Which of the two services a port offers.
enum class Role : std::uint8_t {
    mx,         // port 25: mail for us from anybody; no AUTH
    submission, // ports 587 and 465: mail of our users; AUTH before MAIL (RFC 6409)
    lmtp,       // as mx, but with LHLO and an answer for each recipient (RFC 2033): for programs that hand over here
    local,      // programs of this machine (docs/sendmail.md): who they are the kernel has said; no AUTH, no TLS
};

// What becomes of a message with a CR or LF that is not part of a CRLF (HOSTILE row A1).
enum class BareNewlines : std::uint8_t {
    refuse, // swallowed to its true end, then 550 5.6.11: what is signed stays as it was signed
    repair, // each becomes CRLF; still only CRLF.CRLF ends the message
};

enum class EarlyTalkers : std::uint8_t { note, refuse };
enum class Verifying : std::uint8_t {
    nobody,
    users, // who has logged in learns whether a mailbox is there
};
enum class HeaderFrom : std::uint8_t { own, any };

struct Options {
    std::string hostname;                           // greeting, Received: by, Message-ID
    std::string greeting = "mailboxd";                // behind the host name and ESMTP; may be empty
    std::uint64_t max_message_bytes = 64ULL << 20U; // SIZE; as received, without what we put in front
    std::size_t max_recipients = 1000;              // per message; RFC 5321 section 4.5.3.1.8 wants 100 at least
    unsigned max_hops = 100;                        // Received fields; above it is a loop (RFC 5321 section 6.3)
    BareNewlines bare_newlines = BareNewlines::refuse;
    // Within TLS, besides SCRAM-SHA-256. Off: a neomutt with GNU SASL takes -PLUS wherever it is offered, has nothing to
    // bind to, and tries no other mechanism when it sends (it does when it reads).
    bool offers_scram_plus = false;
    std::size_t max_header_bytes = 1024 * 1024;
    std::size_t max_header_fields = 10'000;

    unsigned max_errors = 20;             // refused commands of a session; then 421
    unsigned max_refused_recipients = 50; // of a session, for who guesses addresses (HOSTILE row C7); then 421
    unsigned max_idle_commands = 100;     // NOOP, RSET, VRFY, HELP, EHLO … since the last accepted message; then 421
    unsigned max_failed_logins = 5;       // of a session; then 421

    // How long a client must keep silent before it is greeted; who talks earlier is noted (RFC 5321 section 3.1). 0:
    // none.
    std::chrono::milliseconds greeting_wait{0};
    EarlyTalkers early_talkers = EarlyTalkers::note;
    std::chrono::seconds command_time{300};    // to send a whole command line (RFC 5321 section 4.5.3.2.7)
    std::chrono::seconds reply_time{300};      // to take our replies
    std::chrono::seconds data_block_time{180}; // to send any next byte of a message (section 4.5.3.2.5)
    std::chrono::seconds data_grace{600};      // a message may take this long, and 1 s more for every …
    std::uint64_t min_data_rate = 512;         // … so many bytes that came (HOSTILE row J4)
    std::chrono::seconds handshake_time{30};

    Verifying vrfy = Verifying::nobody;
    // Proxies in front of us that may say whom they speak for (XCLIENT). From all others it ends the connection.
    std::vector<net::IpNetwork> xclient_networks;
    // Within an hour; 0: no limit. Of a network (IPv4 address, IPv6 /64) on the MX port, in all sessions; of an account.
    std::uint64_t max_recipients_per_network_hour = 0;
    std::uint64_t max_messages_per_hour = 0;
    std::uint64_t max_recipients_per_hour = 0;
    HeaderFrom header_from = HeaderFrom::own; // submission: From and Sender of the message itself (HOSTILE row C9)
    // Of all messages with BODY=BINARYMIME together while they come: they are held in memory, because what IMAP cannot
    // show is re-encoded once they are whole.
    std::uint64_t max_binary_bytes = 128ULL << 20U;

    // Role::local. Root and these users may name any sender; others one of a domain of ours or of this machine.
    std::vector<std::uint32_t> trusted_uids;
    std::uint64_t max_local_messages_per_hour = 0; // of any other user; 0: no limit
    std::size_t max_local_recipients = 10'000;     // in place of max_recipients
    std::string system_mail_to;                    // who gets mail for names like root that nobody has; empty: postmaster

    std::vector<net::IpAddress> own_addresses;     // besides loopback: where address literals mean this server

    // Peers that may log in without TLS on submission ports: for load programs of the demo, on loopback.
    std::vector<net::IpNetwork> clear_text_login_from;
};

} // namespace mbx::smtp
