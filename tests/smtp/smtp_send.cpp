// Sends standard input with the client's conversation, for tests with real servers:
//   smtp_send HOST:PORT none|opportunistic|required|implicit smtp|lmtp USER:PASSWORD|- CA|- BODY|- FROM TO…
// BODY: binary, or -. One line for each recipient: verdict, code, enhanced code, TLS, words. With "twice" before FROM the message goes twice
// over one connection.
#include <unistd.h>

#include <iostream>
#include <iterator>
#include <stdexcept>

#include "base/ascii.hpp"
#include "net/connect.hpp"
#include "smtp/client.hpp"
#include "support/run.hpp"

namespace mbx::test {
namespace {

struct Wish {
    smtp::ClientOptions options;
    queue::Envelope envelope;
    std::string message;
    int times = 1;
};

void show(const queue::Answer& answer)
{
    const char* verdict = "temporary";
    if (answer.verdict == queue::Answer::Verdict::delivered) verdict = "delivered";
    if (answer.verdict == queue::Answer::Verdict::permanent) verdict = "permanent";
    std::cout << verdict << '\t' << answer.code << '\t' << answer.enhanced << '\t' << answer.tls << '\t' << answer.text << '\n';
}

co::Task<void> send(net::Loop& loop, net::Workers& workers, FileSystem& files, const Clock& clock, net::Endpoint to, Wish wish)
{
    auto stream = co_await net::connect_tcp(loop, to, net::Deadline::after(std::chrono::seconds(10)));
    if (!stream) throw std::runtime_error("cannot connect");
    auto opened = co_await smtp::open_conversation(workers, files, clock, std::move(*stream), std::move(wish.options));
    if (!opened) {
        show(opened.error().answer);
        co_return;
    }
    for (int i = 0; i < wish.times; ++i) {
        queue::Outgoing outgoing;
        outgoing.id = "test";
        outgoing.envelope = &wish.envelope;
        for (std::size_t at = 0; at < wish.envelope.recipients.size(); ++at) outgoing.recipients.push_back(at);
        outgoing.bytes = std::make_shared<const std::string>(wish.message);
        outgoing.size = wish.message.size();
        const auto answers = co_await (*opened)->deliver(outgoing);
        for (const queue::Answer& answer : answers) show(answer);
    }
    co_await (*opened)->end();
}

Wish read_wish(const std::vector<std::string>& words)
{
    Wish wish;
    wish.options.hostname = "client.sample.test";
    wish.options.host = "peer";
    wish.options.is_lmtp = words.at(2) == "lmtp";
    using Need = smtp::TlsPlan::Need;
    wish.options.tls.is_implicit = words.at(1) == "implicit";
    wish.options.tls.need = words.at(1) == "none" ? Need::none : words.at(1) == "opportunistic" ? Need::opportunistic : Need::required;
    wish.options.tls.tls.server_name = "mx.sample.test";
    const auto colon = words.at(3).find(':');
    if (colon != std::string::npos) {
        wish.options.user = words.at(3).substr(0, colon);
        wish.options.password = words.at(3).substr(colon + 1);
    }
    if (words.at(4) != "-") {
        wish.options.tls.tls.ca_file = words.at(4);
        wish.options.tls.label = "verified";
    }
    if (words.at(5) == "binary") wish.envelope.body = queue::BodyKind::binary;
    std::size_t at = 6;
    if (words.at(at) == "twice") {
        wish.times = 2;
        ++at;
    }
    wish.envelope.reverse_path = words.at(at) == "<>" ? "" : words.at(at);
    wish.envelope.smtputf8 = true;
    for (++at; at < words.size(); ++at) {
        queue::Recipient recipient;
        recipient.address = words[at];
        wish.envelope.recipients.push_back(recipient);
    }
    wish.message.assign(std::istreambuf_iterator<char>(std::cin), {});
    return wish;
}

} // namespace
} // namespace mbx::test

int main(int count, char** arguments)
{
    using namespace mbx;
    try {
        const std::vector<std::string> words(arguments + 1, arguments + count);
        net::Loop loop;
        net::Workers workers(loop, 2, 1);
        PosixFileSystem files;
        SystemClock clock;
        const auto to = net::Endpoint::parse(words.at(0));
        if (!to) throw std::runtime_error("HOST:PORT is wanted");
        test::run_on(loop, test::send(loop, workers, files, clock, *to, test::read_wish(words)));
    } catch (const std::exception& error) {
        std::cerr << "smtp_send: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
