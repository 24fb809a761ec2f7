#include "smtp/client_link.hpp"

#include <algorithm>
#include <utility>

namespace mbx::smtp {

namespace {

constexpr std::size_t kReplyPiece = 4096;
constexpr std::chrono::seconds kLastWordTime{5};

LinkFault fault_of(net::ReadFailure failure)
{
    switch (failure) {
    case net::ReadFailure::end: return {LinkFault::Kind::ended, {}};
    case net::ReadFailure::timed_out: return {LinkFault::Kind::timed_out, {}};
    case net::ReadFailure::interrupted: return {LinkFault::Kind::interrupted, {}};
    case net::ReadFailure::too_long:
    case net::ReadFailure::broken: break;
    }
    return {LinkFault::Kind::broken, {}};
}

}  // namespace

ClientLink::ClientLink(std::unique_ptr<net::ByteStream> stream, const Clock& clock)
    : stream_(std::move(stream)), clock_(clock), lines_(*stream_)
{
}

net::Deadline ClientLink::deadline(std::chrono::seconds within) const
{
    return net::Deadline{clock_.steady() + within};
}

co::Task<Result<void, LinkFault>> ClientLink::send(std::string_view bytes, std::chrono::seconds within)
{
    LinkFault fault{LinkFault::Kind::interrupted, {}};
    if (is_interrupted_ || !stream_) co_return fault;
    is_writing_ = true;
    const auto written = co_await stream_->write(bytes, deadline(within));
    is_writing_ = false;
    if (written) co_return Result<void, LinkFault>();
    if (!is_interrupted_) {
        fault.kind = written.error() == net::IoError::timed_out ? LinkFault::Kind::timed_out : LinkFault::Kind::broken;
    }
    co_return fault;
}

co::Task<Result<RemoteReply, LinkFault>> ClientLink::reply(std::chrono::seconds within, bool is_last_word)
{
    RemoteReplyParser parser;
    net::Deadline end = deadline(within);
    const auto shorten = [this, &end] { end.at = std::min(end.at, clock_.steady() + kLastWordTime); };
    if (is_interrupted_ && is_last_word) shorten();
    while (parser.state() == RemoteReplyParser::State::more) {
        LinkFault interrupted{LinkFault::Kind::interrupted, {}};
        if (!stream_ || (is_interrupted_ && !is_last_word)) co_return interrupted;
        const auto piece = co_await lines_.some(kReplyPiece, end);
        if (!piece) {
            if (piece.error() == net::ReadFailure::interrupted && is_last_word) {
                shorten();
                continue;
            }
            if (is_interrupted_) co_return interrupted;
            co_return fault_of(piece.error());
        }
        const std::size_t used = parser.feed(*piece);
        lines_.give_back(piece->size() - used);
    }
    if (parser.state() == RemoteReplyParser::State::done) co_return parser.reply();
    LinkFault fault{LinkFault::Kind::not_smtp, parser.last_words()};
    if (parser.state() == RemoteReplyParser::State::too_long) fault.kind = LinkFault::Kind::too_long;
    co_return fault;
}

void ClientLink::interrupt()
{
    is_interrupted_ = true;
    if (!stream_) return;
    // A write under way ends with the stream alone.
    if (is_writing_) stream_->close();
    else stream_->interrupt_read();
}

void ClientLink::use(std::unique_ptr<net::ByteStream> stream)
{
    stream_ = std::move(stream);
    lines_.restart(*stream_);
}

void ClientLink::close()
{
    if (stream_) stream_->close();
}

queue::Answer fault_answer(const LinkFault& fault, ClientStep step, bool is_sent)
{
    using Kind = LinkFault::Kind;
    const std::string what(name_of(step));
    std::string text;
    std::string enhanced = "4.4.2";
    switch (fault.kind) {
    case Kind::ended: text = "the server closed the connection before it answered " + what; break;
    case Kind::timed_out: text = "the server did not go on with " + what + " in time"; break;
    case Kind::broken: text = "the connection broke at " + what; break;
    case Kind::interrupted:
        text = "the attempt was ended at " + what + ", because this server stops";
        enhanced = "4.3.2";
        break;
    case Kind::not_smtp:
        text = "the answer to " + what + " was not SMTP: " + fault.words;
        enhanced = "4.5.0";
        break;
    case Kind::too_long:
        text = "the answer to " + what + " had no end";
        enhanced = "4.5.0";
        break;
    }
    queue::Answer answer = own_answer(queue::Answer::Verdict::temporary, std::move(enhanced), std::move(text));
    answer.is_uncertain = is_sent;
    if (is_sent) answer.text += "; it may have the message already";
    return answer;
}

}  // namespace mbx::smtp
