// DATA and BDAT of a session: the message streams into a draft, is judged, gets its trace fields and becomes durable.
#include <algorithm>
#include <utility>

#include "mail/downgrade.hpp"
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

void Session::begin_message(Reception::Framing framing)
{
    incoming_.emplace(*options_, framing, server_.binary_bytes_);
    Incoming& incoming = *incoming_;
    incoming.started = deps_.clock.steady();
    incoming.is_binary = transaction_->mail().body == BodyKind::binary_mime;
    incoming.draft = deps_.intake.new_draft();
    const bool takes_utf8 = transaction_->mail().smtputf8;
    if (role_ == Role::submission) incoming.header.emplace(options_->max_header_bytes, takes_utf8);
    if (is_local()) incoming.header.emplace(options_->max_header_bytes, takes_utf8, options_->hostname);
}

co::Task<void> Session::receive_message()
{
    reply(ReplyId::start_data);
    co_await flush();
    if (!open_) co_return;
    begin_message(Reception::Framing::dots);
    Incoming& incoming = *incoming_;
    // To the true end of the message, whatever it is worth.
    while (!incoming.reception.is_done()) {
        const auto piece = co_await lines_.some(kPiece, data_deadline(incoming.started, incoming.received));
        if (!piece) {
            // A stop of the server lets a message under way come to its end.
            if (piece.error() == net::ReadFailure::interrupted) continue;
            log_message(false, "", "the client did not send all of it", incoming.reception);
            end_input(piece.error());
            co_return;
        }
        incoming.received += piece->size();
        const std::size_t used = incoming.reception.feed(*piece);
        lines_.give_back(piece->size() - used);
        co_await store_piece();
    }
    co_await end_message();
}

// Puts what the reception has fresh into the draft, by way of the header of a submission.
co::Task<void> Session::store_piece()
{
    Incoming& incoming = *incoming_;
    if (incoming.reception.is_refused()) incoming.draft.reset();
    if (!incoming.draft) co_return;
    std::string_view bytes = incoming.reception.fresh();
    if (incoming.header) {
        incoming.edited.clear();
        incoming.header->feed(bytes, incoming.edited);
        if (incoming.reception.is_done()) incoming.header->finish(incoming.edited);
        bytes = incoming.edited;
    }
    if (bytes.empty()) co_return;
    const bool is_large = incoming.reception.header().complete && incoming.reception.size() > kLarge;
    if (incoming.trace_id.empty() && is_large && !incoming.draft->is_spooled()) put_prefix(incoming);
    const auto stored = co_await incoming.draft->append(bytes);
    if (!stored) {
        incoming.fault = reply_for(stored.error());
        incoming.draft.reset();
    }
}

// RFC 3030 section 2. A chunk is read to its end whatever it is worth, because what follows its command is no command
// (HOSTILE row A6).
co::Task<void> Session::receive_chunk()
{
    const ChunkArgument chunk = chunk_;
    // Twice the limit is read for the sake of an answer; more is not.
    if (chunk.size > 2 * options_->max_message_bytes + kPiece) {
        linger_ = true;
        hang_up(ReplyId::chunk_too_large);
        co_return;
    }
    const bool is_expected = phase_ == Phase::recipients || (phase_ == Phase::chunks && !incoming_->is_over);
    if (!is_expected) {
        const bool is_whole = co_await swallow(chunk.size);
        const bool has_refused = phase_ == Phase::sender && transaction_->refused() > 0;
        if (is_whole) refuse(has_refused ? ReplyId::no_valid_recipients : ReplyId::bad_sequence);
        co_return;
    }
    if (phase_ == Phase::recipients) begin_message(Reception::Framing::counted);
    phase_ = Phase::chunks;
    const bool is_whole = co_await take_chunk(chunk.size);
    if (!is_whole) co_return;
    Incoming& incoming = *incoming_;
    ++incoming.chunks;
    idle_commands_ = 0;
    if (chunk.is_last) {
        if (incoming.is_binary) {
            co_await keep_binary();
        } else {
            incoming.reception.finish();
            co_await store_piece();
        }
        co_await end_message();
        co_return;
    }
    std::optional<ReplyId> refusal = incoming.reception.refusal();
    if (!refusal) refusal = incoming.fault;
    if (!refusal) {
        reply(ReplyId::chunk_accepted, std::to_string(chunk.size));
        co_return;
    }
    incoming.is_over = true;
    incoming.draft.reset();
    incoming.binary.release();
    metrics_.refused.add();
    log_message(false, "", find_reply(*refusal).text, incoming.reception);
    trace_refused(transaction_id(), find_reply(*refusal), &incoming.reception, {});
    refuse_message(*refusal);
}

// Reads and drops so many bytes; false: they did not come, and the session is over.
co::Task<bool> Session::swallow(std::uint64_t size)
{
    const SteadyTime started = deps_.clock.steady();
    for (std::uint64_t left = size; left != 0;) {
        const std::size_t most = std::min<std::uint64_t>(left, kPiece);
        const auto piece = co_await lines_.some(most, data_deadline(started, size - left));
        if (!piece) {
            if (piece.error() == net::ReadFailure::interrupted) continue;
            end_input(piece.error());
            co_return false;
        }
        left -= piece->size();
    }
    co_return true;
}

// A chunk into the message.
co::Task<bool> Session::take_chunk(std::uint64_t size)
{
    Incoming& incoming = *incoming_;
    for (std::uint64_t left = size; left != 0;) {
        const std::size_t most = std::min<std::uint64_t>(left, kPiece);
        const auto piece = co_await lines_.some(most, data_deadline(incoming.started, incoming.received));
        if (!piece) {
            if (piece.error() == net::ReadFailure::interrupted) continue;
            log_message(false, "", "the client did not send all of it", incoming.reception);
            end_input(piece.error());
            co_return false;
        }
        left -= piece->size();
        incoming.received += piece->size();
        if (!incoming.is_binary) {
            (void)incoming.reception.feed(*piece);
            co_await store_piece();
            continue;
        }
        if (incoming.fault) continue;
        if (incoming.received > options_->max_message_bytes) incoming.fault = ReplyId::message_too_large;
        else if (!incoming.binary.add(*piece, options_->max_binary_bytes)) incoming.fault = ReplyId::no_space;
        if (incoming.fault) incoming.binary.release();
    }
    co_return true;
}

// A message with BODY=BINARYMIME is whole. IMAP has no way to show a NUL, and a bare CR or LF would be a line end to
// somebody: parts that hold them are re-encoded (mail/downgrade.hpp), all else stays as it came.
co::Task<void> Session::keep_binary()
{
    Incoming& incoming = *incoming_;
    if (!incoming.fault) {
        auto job = [&bytes = incoming.binary.bytes]() -> bool {
            mail::ContentScan scan;
            scan.feed(bytes);
            const mail::ContentFacts facts = scan.facts();
            if (!facts.nul && !facts.stray) return true;
            const auto legal = mail::downgrade(bytes, mail::ContentTarget::eight_bit);
            if (legal) bytes = std::move(*legal);
            return legal != nullptr;
        };
        const bool is_legal = co_await deps_.workers.run(net::WorkClass::delivery, std::move(job));
        if (!is_legal) incoming.fault = ReplyId::not_convertible;
    }
    const std::string_view all = incoming.binary.bytes;
    for (std::size_t at = 0; at < all.size() && !incoming.fault; at += kPiece) {
        (void)incoming.reception.feed(all.substr(at, kPiece));
        co_await store_piece();
    }
    incoming.reception.finish();
    co_await store_piece();
}

// The message is whole: judged, and kept or refused. Its transaction is over.
co::Task<void> Session::end_message()
{
    Incoming& incoming = *incoming_;
    std::optional<ReplyId> refusal = incoming.reception.refusal();
    if (!refusal) refusal = incoming.fault;
    if (!refusal) refusal = judge_header();
    if (refusal) {
        metrics_.refused.add();
        log_message(false, "", find_reply(*refusal).text, incoming.reception);
        trace_refused(transaction_id(), find_reply(*refusal), &incoming.reception, {});
        refuse_message(*refusal);
    } else {
        co_await store_message();
    }
    forget_transaction();
}

// Permanent refusals count as errors.
void Session::refuse_message(ReplyId why)
{
    const bool ends_session = find_reply(why).code >= 500 && ++errors_ > options_->max_errors;
    if (find_reply(why).code >= 500) metrics_.errors.add();
    if (!ends_session) return answer_message(why);
    linger_ = true;
    hang_up(ReplyId::too_many_errors);
}

// What is said at the end of a message: LMTP hears it for each recipient that was accepted (RFC 2033 section 4.2).
void Session::answer_message(ReplyId id, std::string_view detail)
{
    const bool is_last = phase_ != Phase::chunks || chunk_.is_last;
    const std::size_t times = role_ == Role::lmtp && is_last ? transaction_->accepted() : 1;
    for (std::size_t i = 0; i < times; ++i) reply(id, detail);
}

std::optional<ReplyId> Session::judge_header() const
{
    // What a program of this machine says of its author is between them; Received says who it was.
    if (!incoming_->header || is_local()) return std::nullopt;
    if (incoming_->header->is_beyond_repair()) return ReplyId::header_needs_smtputf8;
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = own_account(*snapshot);
    const auto is_own = [&](const mail::HeaderAddress& address) {
        if (options_->header_from == HeaderFrom::any) return true;
        return account != nullptr && snapshot->may_send_as(*account, address.local, address.domain);
    };
    return judge_header_senders(incoming_->header->senders(), is_own);
}

co::Task<void> Session::store_message()
{
    Incoming& incoming = *incoming_;
    if (incoming.trace_id.empty()) put_prefix(incoming);
    intake::Draft draft = std::move(*incoming.draft);
    const std::string trace_id = incoming.trace_id;
    intake::Envelope envelope = make_envelope();
    if (envelope.recipients.empty() && !envelope.is_for_others()) {
        // Every account of the envelope went away since its RCPT.
        metrics_.refused.add();
        log_message(false, trace_id, "no recipient is left", incoming.reception);
        answer_message(ReplyId::storage_failure);
        co_return;
    }
    envelope.tell = [this, &incoming](const intake::Receipt& given) { return events_of_acceptance(given, incoming); };
    std::string id = trace_id;
    const auto receipt = co_await deps_.intake.accept(std::move(id), std::move(envelope), std::move(draft));
    if (!receipt) {
        const ReplyId why = reply_for(receipt.error());
        metrics_.refused.add();
        log_message(false, trace_id, find_reply(why).text, incoming.reception);
        trace_refused(trace_id, find_reply(why), &incoming.reception, {});
        answer_message(why);
        co_return;
    }
    for (const store::AccountKey& full : receipt->over_quota) {
        // It has the message all the same: one answer for all of them (RFC 5321 section 4.2.5), and nobody loses mail.
        deps_.log.warning("mailbox above its quota",
                          {{"trace", trace_id}, {"account", full.local_part + "@" + full.domain}});
    }
    ++messages_;
    idle_commands_ = 0;
    count_sending();
    metrics_.accepted.add();
    metrics_.accepted_bytes.add(incoming.reception.size());
    log_message(true, trace_id, "stored", incoming.reception);
    answer_message(ReplyId::message_accepted, trace_id);
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
