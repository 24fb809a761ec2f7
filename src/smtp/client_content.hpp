// A message as it leaves, and what it asks of the peer. Pure; linear. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mail/downgrade.hpp"
#include "queue/transport.hpp"
#include "smtp/client_offer.hpp"

namespace mbx::smtp {

// Only CRLF ends a line of what leaves, whatever a message holds: a bare LF becomes CRLF, a bare CR a space (as a line end it
// could end a header early). Nobody can smuggle a second message through us (HOSTILE row A3). Any split of the input gives
// the same output.
class WireEncoder {
public:
    enum class Framing : std::uint8_t {
        dots,    // DATA: a line's first dot is doubled (RFC 5321 section 4.5.2)
        counted  // BDAT
    };
    explicit WireEncoder(Framing framing) : framing_(framing) {}
    void feed(std::string_view piece, std::string& out);
    // The end: with dots the last line's end, where it has none, and "." CRLF.
    void finish(std::string& out);

private:
    Framing framing_;
    bool at_line_start_ = true;
    bool held_cr_ = false;
};

// How one message goes to one peer.
struct ClientPlan {
    bool smtputf8 = false;
    bool is_binary = false;  // BODY=BINARYMIME, by BDAT
    bool is_eight_bit = false;  // BODY=8BITMIME
    std::optional<mail::ContentTarget> rewriting;  // by mail/downgrade first
    std::uint64_t size = 0;  // for SIZE=
};

// Or why it cannot go there, for all recipients. `recipients` are those of the peer.
Result<ClientPlan, queue::Answer> plan_message(const queue::Outgoing& outgoing, const mail::ContentFacts& facts,
                                               const PeerOffer& offer, bool is_encrypted);
// Whether the plan's size is over what the peer takes: 552 5.3.4 without asking (RFC 1870 section 6).
std::optional<queue::Answer> judge_size(const ClientPlan& plan, const PeerOffer& offer);

// "<local@domain>" as the peer can read it: with the domain in A-labels when it has no SMTPUTF8 and that is enough; none
// when it is not (5.6.7, HOSTILE row C6), or when it is no address that may stand in a command.
std::optional<std::string> make_client_path(std::string_view address, bool smtputf8);
// Whole lines with CRLF; none: the address cannot be said.
std::optional<std::string> make_mail_command(const queue::Envelope& envelope, const ClientPlan& plan,
                                             const PeerOffer& offer);
std::optional<std::string> make_rcpt_command(const queue::Recipient& recipient, const ClientPlan& plan,
                                             const PeerOffer& offer);
// The status of what needs SMTPUTF8 (RFC 6531 section 3.5) where there is none.
inline constexpr std::string_view kNeedsUtf8 = "5.6.7";
queue::Answer address_not_transportable(std::string_view address);

}  // namespace mbx::smtp
