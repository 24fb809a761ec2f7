// What a server says to EHLO (RFC 5321 section 4.1.1.1). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "smtp/client_reply.hpp"

namespace mbx::smtp {

struct PeerOffer {
    bool is_extended = false;  // it took EHLO (LHLO); else nothing of the following is there
    bool pipelining = false;   // RFC 2920
    bool chunking = false;     // RFC 3030
    bool binary_mime = false;  // RFC 3030; only with CHUNKING
    bool eight_bit_mime = false;
    bool smtputf8 = false;     // RFC 6531; only with 8BITMIME, as its section 3.1 wants
    bool dsn = false;          // RFC 3461
    bool start_tls = false;
    bool require_tls = false;  // RFC 8689
    bool size = false;         // RFC 1870
    std::uint64_t max_size = 0;               // 0: not told
    // LIMITS (RFC 9422); 0: not told.
    std::uint32_t mail_max = 0;               // messages in a session
    std::uint32_t rcpt_max = 0;               // recipients of a message
    std::uint32_t rcpt_domain_max = 0;        // domains of a message's recipients
    std::vector<std::string> mechanisms;      // of AUTH, upper case; "AUTH=LOGIN" of old servers too
    bool has_mechanism(std::string_view name) const;
};

// Keywords in any case; what is not one by the grammar, or unknown, is passed over ("XXXXXXXA" is no STARTTLS, HOSTILE row
// B5). The first line is the host's name.
PeerOffer parse_offer(const RemoteReply& reply);

}  // namespace mbx::smtp
