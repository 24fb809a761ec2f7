// What a session puts around a message: its envelopes, and the fields in front.
#include <algorithm>
#include <chrono>
#include <utility>

#include "mail/received.hpp"
#include "smtp/forwarding.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

namespace {

mail::DateTime date_of(WallTime time)
{
    const auto since = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
    return mail::DateTime{since.count(), 0};
}

queue::Recipient recipient_of(const OutsideRecipient& one)
{
    queue::Recipient recipient;
    recipient.address = one.address;
    recipient.notify = one.notify;
    recipient.original = one.original;
    return recipient;
}

} // namespace

// Once the header is there, before the first byte of the message is written: who it is for is certain then.
void Session::put_prefix(Incoming& incoming)
{
    incoming.trace_id = transaction_id();
    std::vector<OutsideRecipient> outside = transaction_->outside();
    const HeldBack held = hold_back(deps_.srs, incoming.reception.forward_marks(), outside);
    if (!held.addresses.empty()) transaction_->keep(held, std::move(outside));
    const auto snapshot = deps_.directory.snapshot();
    const std::string home = home_domain(*snapshot, options_->hostname);
    const std::string& shared_at = home.empty() ? options_->hostname : home;
    transaction_->part_ways(mail::format_mailbox(deps_.srs.forwarder(0, shared_at, deps_.clock.wall())));
    incoming.draft->set_prefix(make_prefix(incoming));
}

intake::Envelope Session::make_envelope() const
{
    intake::Envelope envelope;
    if (const auto& sender = transaction_->mail().reverse_path) envelope.reverse_path = mail::format_mailbox(*sender);
    const auto snapshot = deps_.directory.snapshot();
    envelope.recipients.reserve(transaction_->accounts().size());
    for (const directory::AccountId id : transaction_->accounts()) {
        const directory::Account* account = snapshot->find(id);
        if (account == nullptr) continue;
        envelope.recipients.push_back(store::AccountKey{id.value, account->local_part, account->domain});
    }
    envelope.further = make_ways(*snapshot);
    if (transaction_->leading_way() == 0) {
        envelope.outgoing = make_outgoing();
    } else {
        envelope.outgoing = std::move(envelope.further.front());
        envelope.further.erase(envelope.further.begin());
    }
    const std::uint64_t kept_back = envelope.recipients.empty() ? 0 : make_return_path().size();
    envelope.outgoing.kept_back = kept_back;
    for (queue::Envelope& each : envelope.further) each.kept_back = kept_back;
    return envelope;
}

// What somebody else sent leaves under an address of ours, to which bounces come back; our users' own mail and bounces
// leave as they are. Without what lists and forwarding accounts send on, but for a bounce to a list, of which nobody hears.
queue::Envelope Session::make_outgoing() const
{
    queue::Envelope outgoing;
    const MailArgument& mail = transaction_->mail();
    outgoing.smtputf8 = mail.smtputf8;
    outgoing.body = queue::BodyKind::eight_bit;
    outgoing.ret = mail.ret;
    outgoing.envelope_id = mail.envelope_id;
    outgoing.require_tls = mail.require_tls;
    if (login_) outgoing.account = login_->address;
    std::string_view forwarded_by;
    for (const OutsideRecipient& one : transaction_->outside()) {
        if (one.way != 0) continue;
        outgoing.recipients.push_back(recipient_of(one));
        if (forwarded_by.empty()) forwarded_by = one.forwarded_by;
    }
    const auto& receipts = transaction_->receipts();
    outgoing.recipients.insert(outgoing.recipients.end(), receipts.begin(), receipts.end());
    if (!mail.reverse_path) return outgoing;
    const bool is_foreign = !login_ && !is_local() && !deps_.directory.snapshot()->is_local_domain(mail.reverse_path->domain);
    outgoing.reverse_path = is_foreign && !forwarded_by.empty()
                                ? mail::format_mailbox(deps_.srs.forward(*mail.reverse_path, forwarded_by, deps_.clock.wall()))
                                : mail::format_mailbox(*mail.reverse_path);
    return outgoing;
}

// Members of lists elsewhere, by the owners of their lists: those hear of what cannot be delivered (RFC 5321 section 3.9.2), and
// what the sender asked for in reports ends here (RFC 3461 section 5.2.7.1). What accounts forward likewise, by account: where to
// is not the sender's to know, and a sender that was forged is not told at all (section 5.2.7.4). Of a bounce nobody is to hear,
// but the marks of accounts are in what they send on alone: who else has the message is nobody's to know.
std::vector<queue::Envelope> Session::make_ways(const directory::Snapshot& snapshot) const
{
    std::vector<queue::Envelope> ways;
    const MailArgument& mail = transaction_->mail();
    for (const OutsideRecipient& one : transaction_->outside()) {
        if (one.way == 0) continue;
        if (ways.size() < one.way) ways.resize(one.way);
        queue::Envelope& way = ways[one.way - 1];
        way.recipients.push_back(recipient_of(one));
        if (mail.reverse_path) way.reverse_path = one.returns_to;
        way.account = one.owner;
        if (!one.owner.empty()) continue;
        way.is_forwarded = mail.reverse_path.has_value();
        way.is_only_copy = way.is_only_copy || !std::ranges::binary_search(transaction_->accounts(), one.forwarders.front());
        way.account = forwarder_name(snapshot, one);
    }
    for (std::size_t n = 0; n < ways.size(); ++n) {
        ways[n].fields = make_forward_marks(deps_.srs, transaction_->outside(), n + 1);
        ways[n].body = queue::BodyKind::eight_bit;
        ways[n].smtputf8 = mail.smtputf8;
        ways[n].require_tls = mail.require_tls;
    }
    return ways;
}

// For our own mailboxes only: what leaves has none (RFC 5321 section 4.4).
std::string Session::make_return_path() const
{
    if (transaction_->accounts().empty()) return {};
    return mail::make_return_path(transaction_->mail().reverse_path);
}

// Of a message without From.
std::string Session::local_author() const
{
    const auto& sender = transaction_->mail().reverse_path;
    return sender ? mail::format_mailbox(*sender) : "postmaster@" + options_->hostname;
}

// Return-Path and Received (RFC 5321 section 4.4); for submission Date and Message-ID where they are missing (RFC 6409
// sections 8.2 and 8.3). The file may be shared by several recipients, so nothing here is of one of them alone.
std::string Session::make_prefix(const Incoming& incoming) const
{
    const Reception& reception = incoming.reception;
    const net::TlsFacts tls = stream_->tls_facts();
    const net::PeerInfo& peer = client_;
    mail::ReceivedFacts facts;
    facts.helo = greeting_name_;
    if (!peer.is_unix) facts.client_address = peer.remote.address.text();
    if (is_local()) facts.local_uid = peer.unix_uid;
    facts.by = options_->hostname;
    facts.transmission.extended = extended_;
    facts.transmission.tls = stream_->is_encrypted();
    facts.transmission.authenticated = login_.has_value();
    facts.transmission.smtputf8 = transaction_->mail().smtputf8;
    if (!tls.protocol.empty()) facts.tls = tls.protocol + " " + tls.cipher;
    facts.transmission.lmtp = role_ == Role::lmtp;
    facts.id = incoming.trace_id;
    facts.recipient = transaction_->only_recipient();
    facts.date = date_of(deps_.clock.wall());

    std::string prefix = make_return_path();
    prefix += mail::make_received(facts);
    if (incoming.header) {
        if (reception.header().date == 0) prefix += mail::make_date_field(facts.date);
        if (reception.header().message_id == 0) prefix += mail::make_message_id_field(incoming.trace_id, options_->hostname);
        if (login_) prefix += missing_sender_fields(incoming.header->senders(), login_->address);
        if (is_local()) prefix += missing_sender_fields(incoming.header->senders(), local_author());
    }
    // White space at the front of the message would go on with our last field, and forge it: it goes on with this one.
    if (reception.begins_with_space()) prefix += "X-Malformed-Header:\r\n";
    return prefix;
}

} // namespace mbx::smtp
