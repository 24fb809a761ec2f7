#include "smtp/client_content.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "directory/names.hpp"
#include "mail/address.hpp"
#include "mail/xtext.hpp"

namespace mbx::smtp {

namespace {

using Verdict = queue::Answer::Verdict;

bool is_seven_bit(std::string_view text)
{
    return std::ranges::none_of(text, ascii::is_eight_bit);
}

queue::Answer refused_by_us(unsigned code, std::string enhanced, std::string text)
{
    queue::Answer answer = own_answer(Verdict::permanent, std::move(enhanced), std::move(text));
    answer.code = code;
    return answer;
}

std::string notify_words(const queue::Notify& notify)
{
    if (!notify.success && !notify.failure && !notify.delay) return "NEVER";
    std::string words;
    const auto add = [&words](bool is_wanted, std::string_view word) {
        if (!is_wanted) return;
        if (!words.empty()) words += ',';
        words += word;
    };
    add(notify.success, "SUCCESS");
    add(notify.failure, "FAILURE");
    add(notify.delay, "DELAY");
    return words;
}

// What the bytes need, seen apart from addresses.
void plan_content(const queue::Envelope& envelope, const mail::ContentFacts& facts, const PeerOffer& offer,
                  ClientPlan& plan)
{
    using mail::ContentTarget;
    plan.size = facts.wire_bytes;
    const bool is_binary = facts.nul || facts.longest_line > mail::kMaxTextLine ||
                           (facts.stray && envelope.body == queue::BodyKind::binary);
    if (facts.eight_bit && !offer.eight_bit_mime) {
        plan.rewriting = ContentTarget::seven_bit;
        return;
    }
    plan.is_eight_bit = facts.eight_bit;
    if (!is_binary) return;
    // Stray bytes of binary parts stay what they are only within an encoding: raw, somebody behind the peer might read
    // lines in them.
    if (offer.binary_mime && !facts.stray) {
        plan.is_binary = true;
        plan.size = facts.bytes;
        return;
    }
    plan.rewriting = facts.eight_bit ? ContentTarget::eight_bit : ContentTarget::seven_bit;
}

}  // namespace

void WireEncoder::feed(std::string_view piece, std::string& out)
{
    while (!piece.empty()) {
        if (std::exchange(held_cr_, false)) {
            if (piece.front() == '\n') {
                out += "\r\n";
                at_line_start_ = true;
                piece.remove_prefix(1);
                continue;
            }
            out += ' ';
            at_line_start_ = false;
        }
        if (std::exchange(at_line_start_, false) && piece.front() == '.' && framing_ == Framing::dots) out += '.';
        const void* found = std::memchr(piece.data(), '\n', piece.size());
        const std::size_t end = found == nullptr ? piece.size()
                                                 : static_cast<std::size_t>(static_cast<const char*>(found) - piece.data());
        std::string_view line = piece.substr(0, end);
        const bool ends_with_cr = line.ends_with('\r');
        if (ends_with_cr) line.remove_suffix(1);
        const std::size_t from = out.size();
        out += line;
        if (std::memchr(line.data(), '\r', line.size()) != nullptr)
            std::replace(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), '\r', ' ');
        if (found == nullptr) {
            held_cr_ = ends_with_cr;
            return;
        }
        out += "\r\n";
        at_line_start_ = true;
        piece.remove_prefix(end + 1);
    }
}

void WireEncoder::finish(std::string& out)
{
    const bool is_open = !at_line_start_ || held_cr_;
    held_cr_ = false;
    if (framing_ == Framing::counted) return;
    if (is_open) out += "\r\n";
    out += ".\r\n";
}

Result<ClientPlan, queue::Answer> plan_message(const queue::Outgoing& outgoing, const mail::ContentFacts& facts,
                                               const PeerOffer& offer, bool is_encrypted)
{
    const queue::Envelope& envelope = *outgoing.envelope;
    // RFC 8689 section 4.2.1.
    if (envelope.require_tls && !is_encrypted)
        return refused_by_us(0, "5.7.10", "the message must travel under TLS, and this connection has none");
    if (envelope.require_tls && !offer.require_tls)
        return refused_by_us(0, "5.7.30", "the message may go to servers with REQUIRETLS only, and this one has it not");
    ClientPlan plan;
    plan_content(envelope, facts, offer, plan);
    const bool has_utf8_header = envelope.smtputf8 && facts.header_eight_bit;
    const bool is_international =
        has_utf8_header || !is_seven_bit(envelope.reverse_path) ||
        std::ranges::any_of(outgoing.recipients,
                            [&](std::size_t at) { return !is_seven_bit(envelope.recipients[at].address); });
    plan.smtputf8 = is_international && offer.smtputf8;
    if (plan.smtputf8 || !is_international) return plan;
    if (has_utf8_header)
        return refused_by_us(553, std::string(kNeedsUtf8), "the header has characters beyond ASCII, and the server takes none (no SMTPUTF8)");
    if (!envelope.reverse_path.empty() && !make_client_path(envelope.reverse_path, false))
        return address_not_transportable(envelope.reverse_path);
    return plan;
}

std::optional<queue::Answer> judge_size(const ClientPlan& plan, const PeerOffer& offer)
{
    // A size that is a guess, with room to spare, is the peer's to judge.
    if (!offer.size || offer.max_size == 0 || plan.size <= offer.max_size || plan.rewriting) return std::nullopt;
    return refused_by_us(552, "5.3.4", "the message has " + std::to_string(plan.size) + " bytes, and the server takes " +
                                           std::to_string(offer.max_size) + " at most");
}

std::optional<std::string> make_client_path(std::string_view address, bool smtputf8)
{
    if (address.empty()) return "<>";
    if (std::ranges::any_of(address, ascii::is_control)) return std::nullopt;
    if (smtputf8 || is_seven_bit(address)) return "<" + std::string(address) + ">";
    const auto mailbox = mail::parse_mailbox(address);
    if (!mailbox || !is_seven_bit(mailbox->local_part)) return std::nullopt;
    const auto domain = directory::normalize_domain(mailbox->domain);
    if (!domain) return std::nullopt;
    mail::Mailbox plain = *mailbox;
    plain.domain = *domain;
    return "<" + mail::format_mailbox(plain) + ">";
}

std::optional<std::string> make_mail_command(const queue::Envelope& envelope, const ClientPlan& plan,
                                             const PeerOffer& offer)
{
    const auto path = make_client_path(envelope.reverse_path, plan.smtputf8);
    if (!path) return std::nullopt;
    std::string line = "MAIL FROM:" + *path;
    if (offer.size) line += " SIZE=" + std::to_string(plan.size);
    if (plan.is_binary) line += " BODY=BINARYMIME";
    else if (plan.is_eight_bit && !plan.rewriting) line += " BODY=8BITMIME";
    else if (plan.rewriting == mail::ContentTarget::eight_bit) line += " BODY=8BITMIME";
    if (plan.smtputf8) line += " SMTPUTF8";
    if (envelope.require_tls) line += " REQUIRETLS";
    if (offer.dsn) {
        if (envelope.ret == queue::ReturnKind::full_message) line += " RET=FULL";
        if (envelope.ret == queue::ReturnKind::headers) line += " RET=HDRS";
        if (!envelope.envelope_id.empty()) line += " ENVID=" + mail::encode_xtext(envelope.envelope_id);
    }
    return line + "\r\n";
}

std::optional<std::string> make_rcpt_command(const queue::Recipient& recipient, const ClientPlan& plan,
                                             const PeerOffer& offer)
{
    const auto path = make_client_path(recipient.address, plan.smtputf8);
    if (!path) return std::nullopt;
    std::string line = "RCPT TO:" + *path;
    if (offer.dsn) {
        // RFC 3461 section 5.2.1: passed on as it came, and not made up where it did not come.
        if (recipient.notify.is_given) line += " NOTIFY=" + notify_words(recipient.notify);
        const std::string original = mail::format_original_recipient(recipient.original);
        if (!original.empty()) line += " ORCPT=" + original;
    }
    return line + "\r\n";
}

queue::Answer address_not_transportable(std::string_view address)
{
    return refused_by_us(553, std::string(kNeedsUtf8),
                         "the address " + ascii::legible(address) +
                             " has characters beyond ASCII, and the server takes none (no SMTPUTF8)");
}

}  // namespace mbx::smtp
