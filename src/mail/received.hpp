// Fields that the house puts on top of messages: Received (RFC 5321 section 4.4), Return-Path, and for submission Date and
// Message-ID (RFC 6409 section 8). Whatever comes from outside is checked against its grammar or escaped: no bytes of a
// stranger can begin a line, end a comment or add a field (HOSTILE row D15). Each ends with CRLF. Pure. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/address.hpp"
#include "mail/date.hpp"

namespace mbx::mail {

// How the message came, for the "with" clause (RFC 3848, RFC 6531 section 4.3).
struct Transmission {
    bool extended = true;  // EHLO, not HELO
    bool tls = false;
    bool authenticated = false;
    bool smtputf8 = false;
    bool lmtp = false;     // LHLO
};
// SMTP, ESMTP, ESMTPA, ESMTPS, ESMTPSA, UTF8SMTP, UTF8SMTPA, UTF8SMTPS, UTF8SMTPSA, and the like with LMTP.
std::string_view protocol_name(Transmission transmission);

struct ReceivedFacts {
    std::string helo;            // HELO's or EHLO's argument as sent; what is no domain is shown in the comment, masked
    std::string client_address;  // "192.0.2.1" or "2001:db8::1"; empty: a local socket
    std::string client_name;     // confirmed reverse name, or empty
    std::optional<std::uint32_t> local_uid;  // it came from a program of this machine, which ran as this user
    std::string by;              // our host name
    Transmission transmission;
    std::string tls;             // "TLSv1.3 TLS_AES_128_GCM_SHA256", or empty
    std::string id;              // the trace id
    std::optional<Mailbox> recipient;  // give it only when there is exactly one (section 7.2: others stay secret)
    DateTime date;
};

std::string make_received(const ReceivedFacts& facts);
std::string make_return_path(const ReversePath& path);
std::string make_date_field(DateTime date);
// Message-ID: <unique@host>. `unique` is masked to what a dot-atom may hold.
std::string make_message_id_field(std::string_view unique, std::string_view host);

}  // namespace mbx::mail
