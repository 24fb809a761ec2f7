// C13: replies of servers, EHLO's answer: whatever comes, bounded, and the same for any split.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/ascii.hpp"
#include "smtp/client_content.hpp"
#include "smtp/client_offer.hpp"
#include "smtp/client_reply.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_reply(const mbx::smtp::RemoteReply& reply)
{
    using namespace mbx::smtp;
    require(reply.code >= 200 && reply.code <= 599 && !reply.lines.empty());
    const std::string text = reply.text();
    require(text.size() <= 2048 && mbx::ascii::is_utf8(text));
    require(text.find_first_of("\r\n\x1b") == std::string::npos);
    for (const ClientStep step : {ClientStep::mail, ClientStep::recipient, ClientStep::content}) {
        const auto answer = answer_of(reply, step);
        require(!answer.enhanced.empty());
        require((answer.verdict == mbx::queue::Answer::Verdict::delivered) == (reply.code_class() == 2));
    }
    (void)parse_offer(reply);
}

void check_text(std::string_view input)
{
    using namespace mbx::smtp;
    const auto path = make_client_path(input, false);
    if (path) require(path->find_first_of("\r\n") == std::string::npos);
}

void check_content(std::string_view input, std::size_t piece)
{
    using namespace mbx::smtp;
    WireEncoder whole(WireEncoder::Framing::dots);
    std::string expected;
    whole.feed(input, expected);
    whole.finish(expected);
    WireEncoder split(WireEncoder::Framing::dots);
    std::string out;
    for (std::size_t at = 0; at < input.size(); at += piece) split.feed(input.substr(at, piece), out);
    split.finish(out);
    require(out == expected);
    // Nothing but CRLF ends a line, and the end comes once.
    require(out.ends_with(".\r\n"));
    for (std::size_t at = 0; at < out.size(); ++at) {
        if (out[at] == '\n') require(at > 0 && out[at - 1] == '\r');
        if (out[at] == '\r') require(at + 1 < out.size() && out[at + 1] == '\n');
    }
    const std::size_t end = out.starts_with(".\r\n") ? 0 : out.find("\r\n.\r\n");
    require(end != std::string::npos && end + (end == 0 && out.starts_with(".\r\n") ? 3 : 5) == out.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::smtp;
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0] % 16U;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    RemoteReplyParser whole;
    const std::size_t used = whole.feed(input);
    RemoteReplyParser split;
    std::size_t at = 0;
    while (at < input.size() && split.state() == RemoteReplyParser::State::more) {
        const std::size_t taken = split.feed(input.substr(at, piece));
        require(taken != 0);
        at += taken;
    }
    require(split.state() == whole.state() && at == used);
    require(split.reply().lines == whole.reply().lines);
    require(mbx::ascii::is_utf8(whole.last_words()));
    if (whole.state() == RemoteReplyParser::State::done) check_reply(whole.reply());
    check_text(input);
    check_content(input, piece);
    return 0;
}
