// DATA of a session: the message streams into a draft, is judged, gets its trace fields and becomes durable.
#include <algorithm>
#include <chrono>
#include <utility>

#include "mail/received.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kPiece = 64 * 1024;
// A message of this size goes on to a file soon: what we put in front is to be written first.
constexpr std::uint64_t kLarge = 128 * 1024;

ReplyId reply_for(intake::IntakeError error)
{
    switch (error) {
    case intake::IntakeError::no_space: return ReplyId::no_space;
    case intake::IntakeError::failure: return ReplyId::storage_failure;
    case intake::IntakeError::over_quota: return ReplyId::over_quota;
    }
    return ReplyId::storage_failure;
}

mail::DateTime date_of(WallTime time)
{
    const auto since = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
    return mail::DateTime{since.count(), 0};
}

} // namespace

// Both must hold: a next byte within the block time, and the whole within what its bytes so far allow. So a client that
// sends a byte now and then ends in bounded time, and a slow honest one does not (HOSTILE row J4).
net::Deadline Session::data_deadline(SteadyTime started, std::uint64_t received) const
{
    const SteadyTime block_end = deps_.clock.steady() + options_->data_block_time;
    if (options_->min_data_rate == 0) return net::Deadline{block_end};
    const std::chrono::seconds earned(static_cast<std::int64_t>(received / options_->min_data_rate));
    return net::Deadline{std::min(block_end, started + options_->data_grace + earned)};
}

co::Task<void> Session::receive_message()
{
    reply(ReplyId::start_data);
    co_await flush();
    if (!open_) co_return;
    Reception reception(*options_);
    std::optional<intake::Draft> draft = deps_.intake.new_draft();
    std::string trace_id;
    const std::optional<ReplyId> fault = co_await receive_into(draft, reception, trace_id);
    if (!reception.is_done()) co_return;

    std::optional<ReplyId> refusal = reception.refusal();
    if (!refusal) refusal = fault;
    if (refusal) {
        // Permanent refusals count as errors; the message is over, whatever became of it.
        metrics_.refused.add();
        log_message(false, "", find_reply(*refusal).text, reception);
        if (find_reply(*refusal).code >= 500) {
            refuse(*refusal);
        } else {
            reply(*refusal);
        }
    } else {
        intake::Draft whole = std::move(*draft);
        co_await store_message(std::move(whole), reception, std::move(trace_id));
    }
    forget_transaction();
}

// Reads to the true end of the message whatever it is worth. Answers why it could not be kept; when the stream ended
// first the session is over and reception is not done.
co::Task<std::optional<ReplyId>> Session::receive_into(std::optional<intake::Draft>& draft, Reception& reception,
                                                       std::string& trace_id)
{
    const SteadyTime started = deps_.clock.steady();
    std::uint64_t received = 0;
    std::optional<ReplyId> fault;
    while (!reception.is_done()) {
        const auto piece = co_await lines_.some(kPiece, data_deadline(started, received));
        if (!piece) {
            // A stop of the server lets a message under way come to its end.
            if (piece.error() == net::ReadFailure::interrupted) continue;
            log_message(false, "", "the client did not send all of it", reception);
            end_input(piece.error());
            break;
        }
        received += piece->size();
        const std::size_t used = reception.feed(*piece);
        lines_.give_back(piece->size() - used);
        if (reception.is_refused()) draft.reset();
        if (!draft || reception.fresh().empty()) continue;
        if (trace_id.empty() && reception.header().complete && reception.size() > kLarge && !draft->is_spooled()) {
            trace_id = deps_.intake.new_trace_id();
            draft->set_prefix(make_prefix(trace_id, reception));
        }
        const auto stored = co_await draft->append(reception.fresh());
        if (!stored) {
            fault = reply_for(stored.error());
            draft.reset();
        }
    }
    co_return fault;
}

co::Task<void> Session::store_message(intake::Draft draft, const Reception& reception, std::string trace_id)
{
    if (trace_id.empty()) {
        trace_id = deps_.intake.new_trace_id();
        draft.set_prefix(make_prefix(trace_id, reception));
    }
    intake::Envelope envelope = make_envelope();
    if (envelope.recipients.empty() && envelope.outgoing.recipients.empty()) {
        // Every account of the envelope went away since its RCPT.
        metrics_.refused.add();
        log_message(false, trace_id, "no recipient is left", reception);
        reply(ReplyId::storage_failure);
        co_return;
    }
    std::string id = trace_id;
    const auto receipt = co_await deps_.intake.accept(std::move(id), std::move(envelope), std::move(draft));
    if (!receipt) {
        const ReplyId why = reply_for(receipt.error());
        metrics_.refused.add();
        log_message(false, trace_id, find_reply(why).text, reception);
        reply(why);
        co_return;
    }
    for (const store::AccountKey& full : receipt->over_quota) {
        // It has the message all the same: one answer for all of them (RFC 5321 section 4.2.5), and nobody loses mail.
        deps_.log.warning("mailbox above its quota",
                          {{"trace", trace_id}, {"account", full.local_part + "@" + full.domain}});
    }
    ++messages_;
    idle_commands_ = 0;
    metrics_.accepted.add();
    metrics_.accepted_bytes.add(reception.size());
    log_message(true, trace_id, "stored", reception);
    reply(ReplyId::message_accepted, trace_id);
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
    if (!transaction_->outside().empty()) {
        envelope.outgoing = make_outgoing();
        if (!envelope.recipients.empty()) envelope.outgoing.kept_back = make_return_path().size();
    }
    return envelope;
}

// What somebody else sent leaves under an address of ours, to which bounces come back; our users' own mail and bounces
// leave as they are.
queue::Envelope Session::make_outgoing() const
{
    queue::Envelope outgoing;
    const MailArgument& mail = transaction_->mail();
    outgoing.smtputf8 = mail.smtputf8;
    outgoing.body = queue::BodyKind::eight_bit;
    if (login_) outgoing.account = login_->address;
    std::string_view forwarded_by;
    for (const OutsideRecipient& one : transaction_->outside()) {
        queue::Recipient recipient;
        recipient.address = one.address;
        outgoing.recipients.push_back(std::move(recipient));
        if (forwarded_by.empty()) forwarded_by = one.forwarded_by;
    }
    if (!mail.reverse_path) return outgoing;
    const bool is_foreign = !login_ && !deps_.directory.snapshot()->is_local_domain(mail.reverse_path->domain);
    outgoing.reverse_path = is_foreign && !forwarded_by.empty()
                                ? mail::format_mailbox(deps_.srs.forward(*mail.reverse_path, forwarded_by, deps_.clock.wall()))
                                : mail::format_mailbox(*mail.reverse_path);
    return outgoing;
}

// For our own mailboxes only: what leaves has none (RFC 5321 section 4.4).
std::string Session::make_return_path() const
{
    if (transaction_->accounts().empty()) return {};
    return mail::make_return_path(transaction_->mail().reverse_path);
}

// Return-Path and Received (RFC 5321 section 4.4); for submission Date and Message-ID where they are missing (RFC 6409
// sections 8.2 and 8.3). The file may be shared by several recipients, so nothing here is of one of them alone.
std::string Session::make_prefix(const std::string& trace_id, const Reception& reception) const
{
    const net::TlsFacts tls = stream_->tls_facts();
    const net::PeerInfo& peer = stream_->peer();
    mail::ReceivedFacts facts;
    facts.helo = greeting_name_;
    if (!peer.is_unix) facts.client_address = peer.remote.address.text();
    facts.by = options_->hostname;
    facts.transmission.extended = extended_;
    facts.transmission.tls = stream_->is_encrypted();
    facts.transmission.authenticated = login_.has_value();
    facts.transmission.smtputf8 = transaction_->mail().smtputf8;
    if (!tls.protocol.empty()) facts.tls = tls.protocol + " " + tls.cipher;
    facts.id = trace_id;
    facts.recipient = transaction_->only_recipient();
    facts.date = date_of(deps_.clock.wall());

    std::string prefix = make_return_path();
    prefix += mail::make_received(facts);
    if (role_ == Role::submission) {
        if (reception.header().date == 0) prefix += mail::make_date_field(facts.date);
        if (reception.header().message_id == 0) prefix += mail::make_message_id_field(trace_id, options_->hostname);
    }
    // White space at the front of the message would go on with our last field, and forge it: it goes on with this one.
    if (reception.begins_with_space()) prefix += "X-Malformed-Header:\r\n";
    return prefix;
}

void Session::log_message(bool accepted, std::string_view trace_id, std::string_view outcome,
                          const Reception& reception) const
{
    const std::string tls = stream_->is_encrypted() ? stream_->tls_facts().protocol : std::string("none");
    deps_.log.info(accepted ? "message accepted" : "message refused",
                   {{"trace", trace_id},
                    {"outcome", outcome},
                    {"peer", peer_},
                    {"helo", greeting_name_},
                    {"from", mail::format_path(transaction_->mail().reverse_path)},
                    {"recipients", transaction_->accounts().size()},
                    {"outside", transaction_->outside().size()},
                    {"size", reception.size()},
                    {"tls", tls},
                    {"account", login_ ? std::string_view(login_->address) : std::string_view{}}});
}

} // namespace mbx::smtp
