// The content of a message on its way: behind DATA with dots, or in chunks, and what the peer says at its end.
#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "smtp/client_conversation.hpp"

namespace mbx::smtp {

namespace {

using Verdict = queue::Answer::Verdict;

constexpr std::size_t kWriteAt = std::size_t{32} * 1024;
constexpr std::size_t kUnansweredChunks = 8;  // with PIPELINING
constexpr std::chrono::seconds kExplainTime{5};

// Makes wire bytes of pieces: re-encoded where the plan says so, with the framing.
class ContentEncoder {
public:
    ContentEncoder(WireEncoder::Framing framing, const std::optional<mail::ContentTarget>& target,
                   const std::optional<mail::DowngradePlan>& plan)
        : wire_(framing)
    {
        if (target && plan) downgrader_.emplace(*target, *plan);
    }
    void feed(std::string_view piece, std::string& out)
    {
        if (!downgrader_) return wire_.feed(piece, out);
        converted_.clear();
        downgrader_->feed(piece, converted_);
        wire_.feed(converted_, out);
    }
    void finish(std::string& out)
    {
        if (downgrader_) {
            converted_.clear();
            downgrader_->finish(converted_);
            wire_.feed(converted_, out);
        }
        wire_.finish(out);
    }

private:
    WireEncoder wire_;
    std::optional<mail::Downgrader> downgrader_;
    std::string converted_;
};

}  // namespace

queue::Answer ClientConversation::unreadable(const FileError& error)
{
    return own_answer(Verdict::temporary, "4.3.0", "the message could not be read here (" + error.name() + ")");
}

// The content to those who accepted, and their verdicts.
co::Task<void> ClientConversation::transfer(Delivery& delivery, Round& round)
{
    if (!delivery.plan.is_binary && (!round.data || round.data->code != 354)) {
        // RFC 5321 section 4.3.2: 354 alone lets the content follow. A 250 here is about nothing (HOSTILE row C13).
        queue::Answer answer = own_answer(Verdict::temporary, "4.5.0", "DATA got no answer");
        const bool is_refusal = round.data && (round.data->is_permanent() || round.data->is_temporary());
        if (is_refusal) answer = answer_of(*round.data, ClientStep::data);
        else if (round.data) answer = out_of_place(*round.data, "DATA");
        if (!is_refusal) is_alive_ = false;
        for (Slot* slot : round.slots) {
            if (slot->state != Slot::State::accepted) continue;
            slot->answer = answer;
            slot->state = Slot::State::done;
        }
        co_return;
    }
    Transfer done;
    if (delivery.plan.is_binary) {
        done = co_await send_chunks(delivery);
    } else {
        done = co_await send_content(delivery);
    }
    if (done.failure) {
        for (Slot* slot : round.slots) {
            if (slot->state != Slot::State::accepted) continue;
            slot->answer = *done.failure;
            slot->state = Slot::State::done;
        }
        if (!is_alive_) lose(round, *done.failure);
        co_return;
    }
    co_await hear_verdict(round);
}

co::Task<ClientConversation::Transfer> ClientConversation::send_content(Delivery& delivery)
{
    Transfer result;
    ContentEncoder encoder(WireEncoder::Framing::dots, delivery.plan.rewriting, delivery.downgrade);
    delivery.source.rewind();
    std::string out;
    while (!result.is_sent) {
        const auto piece = co_await delivery.source.next();
        if (!piece) {
            // Half a message must not become one: without the dot the connection ends.
            is_alive_ = false;
            result.failure = unreadable(piece.error());
            co_return result;
        }
        const bool is_last = piece->empty();
        // Whoever answers before the end says no, or something that is no answer to this message.
        if (link_.has_input()) {
            const LinkFault early{LinkFault::Kind::broken, {}};
            result.failure = co_await explain_break(early, false);
            co_return result;
        }
        if (is_last) {
            encoder.finish(out);
        } else {
            encoder.feed(*piece, out);
        }
        if (out.size() < kWriteAt && !is_last) continue;
        const auto sent = co_await link_.send(out, options_.data_block_time);
        out.clear();
        if (!sent) {
            // Of the last write nobody knows how much arrived.
            result.failure = co_await explain_break(sent.error(), is_last);
            co_return result;
        }
        result.is_sent = is_last;
    }
    co_return result;
}

// The connection ended in the middle of the content, or the peer spoke: its words, where there are any, say more than
// ours. Ends the conversation.
co::Task<queue::Answer> ClientConversation::explain_break(const LinkFault& fault, bool is_sent)
{
    is_alive_ = false;
    queue::Answer answer = fault_answer(fault, ClientStep::content, is_sent);
    if (fault.kind == LinkFault::Kind::interrupted || fault.kind == LinkFault::Kind::timed_out) co_return answer;
    const auto reply = co_await link_.reply(kExplainTime);
    if (!reply) co_return answer;
    // Nobody can have accepted what was not sent.
    if (reply->is_success() || reply->code_class() == 3) co_return out_of_place(*reply, "the message before its end");
    co_return answer_of(*reply, ClientStep::content);
}

// RFC 3030 section 2: exact bytes, each chunk with its size. With PIPELINING some are under way at a time.
co::Task<ClientConversation::Transfer> ClientConversation::send_chunks(Delivery& delivery)
{
    Transfer result;
    ContentEncoder encoder(WireEncoder::Framing::counted, delivery.plan.rewriting, delivery.downgrade);
    delivery.source.rewind();
    std::size_t unanswered = 0;
    while (!result.is_sent) {
        const auto piece = co_await delivery.source.next();
        if (!piece) {
            is_alive_ = false;
            result.failure = unreadable(piece.error());
            co_return result;
        }
        const bool is_last = piece->empty();
        std::string chunk;
        if (is_last) {
            encoder.finish(chunk);
        } else {
            encoder.feed(*piece, chunk);
        }
        result.failure = co_await send_chunk(chunk, is_last, unanswered);
        if (result.failure) co_return result;
        result.is_sent = is_last;
    }
    co_return result;
}

// Sends it and hears the answers to chunks before it; the answer to the last one is the verdict, and not heard here.
co::Task<std::optional<queue::Answer>> ClientConversation::send_chunk(std::string_view bytes, bool is_last,
                                                                      std::size_t& unanswered)
{
    std::string out = "BDAT " + std::to_string(bytes.size()) + (is_last ? " LAST\r\n" : "\r\n");
    out += bytes;
    const auto sent = co_await link_.send(out, options_.data_block_time);
    if (!sent) {
        queue::Answer why = co_await explain_break(sent.error(), is_last);
        co_return why;
    }
    if (!is_last) ++unanswered;
    const std::size_t allowed = is_last || !offer_.pipelining ? 0 : kUnansweredChunks;
    std::optional<queue::Answer> failure;
    while (unanswered > (failure ? 0 : allowed)) {
        const auto reply = co_await link_.reply(options_.data_end_time);
        if (!reply) {
            is_alive_ = false;
            co_return fault_answer(reply.error(), ClientStep::content, is_last);
        }
        --unanswered;
        if (reply->is_success() || failure) continue;
        failure = answer_of(*reply, ClientStep::content);
        if (reply->closes()) {
            is_alive_ = false;
            co_return failure;
        }
    }
    // RFC 3030 section 2: after a refused chunk the transaction is over. The answer to the last chunk, when that is under way
    // too, is heard so that it is nobody else's.
    if (failure && is_last) {
        const auto reply = co_await link_.reply(options_.data_end_time);
        if (!reply || reply->closes()) is_alive_ = false;
    }
    co_return failure;
}

// After the last byte. LMTP: an answer for each accepted recipient, in their order (RFC 2033 section 4.2).
co::Task<void> ClientConversation::hear_verdict(Round& round)
{
    std::optional<queue::Answer> verdict;
    for (Slot* slot : round.slots) {
        if (slot->state != Slot::State::accepted) continue;
        if (!verdict || options_.is_lmtp) {
            const auto reply = co_await link_.reply(options_.data_end_time, true);
            if (!reply) {
                // RFC 1047: it may be theirs or not. To try again may make two of it, not to try may lose it.
                lose(round, fault_answer(reply.error(), ClientStep::content, true));
                co_return;
            }
            verdict = answer_of(*reply, ClientStep::content);
            if (reply->code_class() == 3) {
                verdict = out_of_place(*reply, name_of(ClientStep::content));
                is_alive_ = false;
            }
            if (reply->closes()) {
                slot->answer = *verdict;
                slot->state = Slot::State::done;
                lose(round, *verdict);
                co_return;
            }
        }
        slot->answer = *verdict;
        slot->state = Slot::State::done;
    }
    needs_reset_ = false;
}

}  // namespace mbx::smtp
