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
};

// What becomes of a message with a CR or LF that is not part of a CRLF (HOSTILE row A1).
enum class BareNewlines : std::uint8_t {
    refuse, // swallowed to its true end, then 550 5.6.11: what is signed stays as it was signed
    repair, // each becomes CRLF; still only CRLF.CRLF ends the message
};

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
    std::chrono::seconds command_time{300};    // to send a whole command line (RFC 5321 section 4.5.3.2.7)
    std::chrono::seconds reply_time{300};      // to take our replies
    std::chrono::seconds data_block_time{180}; // to send any next byte of a message (section 4.5.3.2.5)
    std::chrono::seconds data_grace{600};      // a message may take this long, and 1 s more for every …
    std::uint64_t min_data_rate = 512;         // … so many bytes that came (HOSTILE row J4)
    std::chrono::seconds handshake_time{30};

    // Peers that may log in without TLS on submission ports: for load programs of the demo, on loopback.
    std::vector<net::IpNetwork> clear_text_login_from;
};

} // namespace mbx::smtp
