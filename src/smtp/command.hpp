// SMTP command lines (RFC 5321 section 4.1.1) with the parameters of SIZE (RFC 1870), 8BITMIME (RFC 6152), BINARYMIME and
// CHUNKING (RFC 3030), SMTPUTF8 (RFC 6531), DSN (RFC 3461), REQUIRETLS (RFC 8689) and AUTH (RFC 4954); LMTP's LHLO
// (RFC 2033) and XCLIENT. Pure: no I/O, no session state. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mail/address.hpp"
#include "net/address.hpp"
#include "queue/envelope.hpp"

namespace mbx::smtp {

// In the order of their names.
enum class Verb : std::uint8_t {
    auth,
    bdat,
    data,
    ehlo,
    etrn,
    expn,
    helo,
    help,
    lhlo,
    mail,
    noop,
    quit,
    rcpt,
    rset,
    starttls,
    turn,
    vrfy,
    xclient,
};

// What a line may do wrong by itself, before any state is asked.
enum class SyntaxError : std::uint8_t {
    stray_bytes,      // 500 5.5.2: a bare CR or LF, NUL, another control byte; 8-bit outside MAIL, RCPT and VRFY
    too_long,         // 500 5.5.2
    unknown_verb,     // 500 5.5.2
    foreign_protocol, // HTTP's verbs, a TLS record: the session ends when it is the first line (HOSTILE row B9)
};

// The longest line that is read at all, without CRLF; past it a session has lost its place and ends. An AUTH line holds
// 12,288 octets of base64 (RFC 4954 section 4).
inline constexpr std::size_t kMaxAuthResponse = 12'288;
inline constexpr std::size_t kMaxReadLine = kMaxAuthResponse + 32;

// The view points into the line that was parsed and lives no longer than it does.
struct Command {
    Verb verb;
    std::string_view argument; // without white space around it
};

// Parses one line without its CRLF. Verbs match in any case (RFC 5321 section 2.4). Limits, with the CRLF: 512 octets;
// MAIL 512 and what its extensions add; RCPT 1012, as RFC 3461 will want it; AUTH the above.
Result<Command, SyntaxError> parse_command(std::string_view line);

std::string_view name_of(Verb verb);
// The longest line of the verb without its CRLF.
std::size_t line_limit(Verb verb);

enum class ArgumentError : std::uint8_t {
    syntax,            // 501 5.5.4: no FROM: or TO:
    address,           // 501 5.1.7 or 5.1.3
    needs_smtputf8,    // 553 5.6.7
    unknown_parameter, // 555 5.5.4
    bad_parameter,     // 501 5.5.4
};

enum class BodyKind : std::uint8_t { seven_bit, eight_bit_mime, binary_mime };

struct MailArgument {
    mail::ReversePath reverse_path;
    std::optional<std::uint64_t> size; // more than 64 bits hold is held as their maximum: over every limit
    BodyKind body = BodyKind::seven_bit;
    bool smtputf8 = false;
    queue::ReturnKind ret = queue::ReturnKind::unspecified;
    std::string envelope_id; // ENVID with its xtext undone
    bool require_tls = false;
};

struct RcptArgument {
    mail::Mailbox mailbox;
    queue::Notify notify;
    std::string original; // ORCPT, as queue::Recipient holds it
};

// MAIL's argument, "FROM:<a@b> SIZE=1000". A space behind the colon is taken, because Outlook sends it.
// AUTH= is checked for its form and else ignored: we trust nobody's word for it (RFC 4954 section 5).
Result<MailArgument, ArgumentError> parse_mail(std::string_view argument);

// RCPT's argument, "TO:<a@b> NOTIFY=SUCCESS ORCPT=rfc822;a@b". `smtputf8`: MAIL had the parameter.
Result<RcptArgument, ArgumentError> parse_rcpt(std::string_view argument, bool smtputf8);

// BDAT's argument, "1000 LAST" (RFC 3030 section 2). None: no size of at most 19 digits, so that nobody knows what follows.
struct ChunkArgument {
    std::uint64_t size = 0;
    bool is_last = false;
};
std::optional<ChunkArgument> parse_bdat(std::string_view argument);

// What a proxy in front says about its client, "ADDR=192.0.2.1 PORT=4711 HELO=x PROTO=ESMTP" (Postfix's XCLIENT_README).
// [UNAVAILABLE] and [TEMPUNAVAIL] leave a value unset; IPV6: stands before an IPv6 address; values are xtext.
struct XclientArgument {
    std::optional<net::IpAddress> address;
    std::optional<std::uint16_t> port;
    std::optional<std::string> helo;
};
std::optional<XclientArgument> parse_xclient(std::string_view argument);

// HELO's and EHLO's argument: printable ASCII without spaces, at most 255 octets. Whether it is a domain or a literal
// is not asked: RFC 5321 section 4.1.4 forbids to refuse mail for that.
bool is_greeting_name(std::string_view argument);

// What the log may show of a line (HOSTILE row J6), not yet made printable: that is the log writer's work. Known verbs
// with their arguments, AUTH without; of anything else the first word, because people send passwords to wrong ports;
// nothing of it when `after_auth`, because clients send the rest of a refused AUTH as commands.
std::string loggable(std::string_view line, bool after_auth);

} // namespace mbx::smtp
