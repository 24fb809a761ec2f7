// Who a message is from and whom it goes to elsewhere, as it stands in the journal (AcceptedRecord's `outgoing`) and in
// the queue's entry files. Pure; decode_envelope() is total for any bytes, linear, and refuses versions it does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::queue {

// NOTIFY of RCPT (RFC 3461 section 4.1). Without the parameter: failure and delay, as section 5.2.4 lets us choose.
struct Notify {
    bool is_given = false;  // the client wrote the parameter; passed on only then
    bool success = false;
    bool failure = true;
    bool delay = true;      // none of the three with is_given: NEVER
    bool operator==(const Notify&) const = default;
};

// Where a recipient's way ends, as far as this server is concerned.
enum class Ending : std::uint8_t {
    elsewhere,  // another server gets it
    here,       // a mailbox or a list of ours has it already: what is left is to tell the sender so (RFC 3461 section 4.1)
    expanded,   // an alias or forwarding of ours has led it to several already: likewise
};

struct Recipient {
    std::string address;   // local@domain as mail::format_mailbox writes it
    std::string original;  // ORCPT, xtext undone: "rfc822;user@example.org" (section 4.2); empty: not given
    Notify notify;
    Ending ending = Ending::elsewhere;
    bool operator==(const Recipient&) const = default;
};

enum class BodyKind : std::uint8_t { seven_bit, eight_bit, binary };          // BODY= (RFC 6152, RFC 3030)
enum class ReturnKind : std::uint8_t { unspecified, full_message, headers };  // RET= (RFC 3461 section 4.3)

struct Envelope {
    std::string reverse_path;  // local@domain; empty: <>
    std::string envelope_id;   // ENVID, xtext undone, at most 100 characters as written (section 4.4); empty: not given
    ReturnKind ret = ReturnKind::unspecified;
    BodyKind body = BodyKind::seven_bit;
    bool smtputf8 = false;     // RFC 6531
    bool require_tls = false;  // RFC 8689
    // A report about TLS, which goes whatever DANE or MTA-STS say, and is in no report (RFC 8460 sections 3 and 5.3).
    bool ignores_tls_policy = false;
    // An account of ours sends it on: reports go to `account`, which knows where it forwards, and not to the first sender.
    bool is_forwarded = false;
    bool is_only_copy = false;  // and nobody else has it: a report of failure brings the whole message, whatever its size
    // Octets at the front of the message that stay here: a Return-Path that is for our own mailboxes (RFC 5321 section 4.4).
    std::uint64_t kept_back = 0;
    // Whole header fields that are put in front of the message as it leaves, and are in nobody else's copy: are_whole_fields(), or none.
    std::string fields;
    std::string account;       // local@domain of who submitted or forwards it; empty: from outside or of our own making
    std::vector<Recipient> recipients;  // those elsewhere; in the order of RCPT, without duplicates
    bool operator==(const Envelope&) const = default;
};

// More than any session hands over: what is beyond them is refused by decode_envelope().
inline constexpr std::size_t kMaxEnvelopeRecipients = 100'000;
inline constexpr std::size_t kMaxEnvelopeText = 2'048;
inline constexpr std::size_t kMaxEnvelopeFields = std::size_t{128} * 1024;

// Whether it can stand in front of a message without ending its header or changing what follows: one field or more, each line
// of at most 998 characters with its CRLF and no other control character than a tab (RFC 5322 sections 2.1.1 and 2.2).
bool are_whole_fields(std::string_view text);

std::string encode(const Envelope& envelope);
std::optional<Envelope> decode_envelope(std::string_view bytes);

}  // namespace mbx::queue
