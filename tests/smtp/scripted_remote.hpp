// A server that says what a test wants, over memory, and the client's conversation with it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ascii.hpp"
#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "net/line_reader.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "smtp/client.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"

namespace mbx::test {

// Answers by command: the script's first unused answer for the line's verb ("RCPT", or "RCPT TO:<a@b>" for that one), else
// what a friendly server says. Words that are no replies: "close", "tarpit" (never answers).
class ScriptedRemote {
public:
    std::map<std::string, std::deque<std::string>> script;
    std::function<std::string(const std::string& line)> improvise;  // before the friendly ones; empty: those
    std::vector<std::string> keywords{"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 1000000", "ENHANCEDSTATUSCODES"};
    net::TlsServer* tls = nullptr;   // STARTTLS works with it
    std::string injected;            // behind 220 to STARTTLS, in clear
    bool is_lmtp = false;
    std::string midway;              // what it does in the middle of the content of DATA, instead of reading on

    std::vector<std::string> lines;     // commands as they came, without CRLF
    std::vector<std::string> contents;  // of DATA raw with the dot, of BDAT the chunks of a message together
    std::vector<std::string> batches;   // what was read at once, commands only
    std::vector<std::size_t> chunks;

    co::Task<void> serve(std::unique_ptr<net::ByteStream> stream)
    {
        net::LineReader reader(*stream);
        std::string answer = take("GREETING", "220 mx.remote.example ESMTP");
        bool is_open = co_await say(*stream, answer);
        std::size_t accepted = 0;
        std::string chunked;
        while (is_open) {
            const bool is_new_batch = reader.buffered() == 0;
            const auto got = co_await reader.line(100'000, net::Deadline::never());
            if (!got) break;
            const std::string line(*got);
            lines.push_back(line);
            if (is_new_batch) batches.emplace_back();
            batches.back() += line + "\n";
            const std::string verb = ascii::to_upper(line.substr(0, line.find(' ')));
            answer = take(line, "");
            if (answer.empty() && improvise) answer = improvise(line);
            if (answer.empty()) answer = take(verb, friendly(verb, accepted, stream->is_encrypted()));
            if (verb == "MAIL") accepted = 0;
            if (verb == "RCPT" && answer.starts_with("2")) ++accepted;
            if (verb == "BDAT") {
                std::size_t size = *ascii::parse_number(line.substr(5, line.find(' ', 5) - 5));
                chunks.push_back(size);
                while (size != 0) {
                    const auto piece = co_await reader.some(size, net::Deadline::never());
                    if (!piece) break;
                    chunked += *piece;
                    size -= piece->size();
                }
                if (line.ends_with("LAST")) contents.push_back(std::exchange(chunked, {}));
            }
            is_open = co_await say(*stream, answer);
            if (!is_open) break;
            if (verb == "QUIT") break;
            if (verb == "STARTTLS" && answer.starts_with("220") && tls != nullptr) {
                std::vector<std::string> alpn;
                auto secured = co_await tls->accept(std::move(stream), std::move(alpn), net::Deadline::never());
                if (!secured) co_return;
                stream = std::move(*secured);
                reader.restart(*stream);
            }
            if (!answer.starts_with("354")) continue;
            std::string content;
            if (!midway.empty()) {
                (void)co_await reader.some(1'000, net::Deadline::never());
                answer = std::exchange(midway, {});
                (void)co_await say(*stream, answer);
                break;
            }
            while (!(content == ".\r\n" || content.ends_with("\r\n.\r\n"))) {
                const auto piece = co_await reader.some(1, net::Deadline::never());
                if (!piece) break;
                content += *piece;
            }
            contents.push_back(content);
            const std::size_t answers = is_lmtp ? accepted : 1;
            for (std::size_t i = 0; i < answers && is_open; ++i) {
                answer = take(".", accepted == 0 ? "554 5.5.1 no recipients" : "250 2.0.0 taken");
                is_open = co_await say(*stream, answer);
            }
        }
        if (stream) stream->close();
    }

private:
    std::string take(const std::string& key, const std::string& otherwise)
    {
        const auto found = script.find(key);
        if (found == script.end() || found->second.empty()) return otherwise;
        std::string answer = found->second.front();
        found->second.pop_front();
        return answer;
    }
    std::string friendly(const std::string& verb, std::size_t accepted, bool is_encrypted) const
    {
        if (verb == "EHLO" || verb == "LHLO") {
            std::vector<std::string> all{"mx.remote.example"};
            for (const std::string& each : keywords) {
                if (!(is_encrypted && each == "STARTTLS")) all.push_back(each);
            }
            std::string answer;
            for (std::size_t i = 0; i < all.size(); ++i) answer += (i + 1 == all.size() ? "250 " : "250-") + all[i] + "\r\n";
            answer.resize(answer.size() - 2);
            return answer;
        }
        if (verb == "DATA") return accepted == 0 ? "554 5.5.1 no valid recipients" : "354 go on";
        if (verb == "QUIT") return "221 2.0.0 bye";
        if (verb == "STARTTLS") return tls == nullptr ? "502 5.5.1 what" : "220 2.0.0 go";
        return "250 2.0.0 ok";
    }
    // False: the connection is over.
    co::Task<bool> say(net::ByteStream& stream, std::string answer)
    {
        if (answer == "close") co_return false;
        if (answer == "tarpit") co_return true;
        const bool is_tls_go = answer.starts_with("220 2.0.0 go");
        answer += "\r\n";
        if (is_tls_go) answer += injected;
        const auto written = co_await stream.write(answer, net::Deadline::never());
        co_return static_cast<bool>(written);
    }
};

// A loop with the remote on one end of a pipe and the client's work on the other. What waits for an answer that never
// comes is timed out.
class ClientGround {
public:
    ClientGround() : workers(loop, 2, 1) { options.hostname = "us.example.test"; options.host = "mx.remote.example"; }
    ~ClientGround()
    {
        conversation.reset();
        loop.run();
    }
    ClientGround(const ClientGround&) = delete;
    ClientGround& operator=(const ClientGround&) = delete;

    // Opens a conversation; false: see failure.
    bool open()
    {
        MemoryPipe pipe;
        near_ = pipe.near.get();
        remote_scope.spawn(remote.serve(std::move(pipe.far)));
        auto result = drive(smtp::open_conversation(workers, files, clock, std::move(pipe.near), options));
        if (result) conversation = std::move(*result);
        else failure = result.error();
        return static_cast<bool>(conversation);
    }
    std::vector<queue::Answer> deliver(const queue::Outgoing& outgoing) { return drive(conversation->deliver(outgoing)); }
    // A message from memory to the recipients of the envelope.
    std::vector<queue::Answer> send(const std::string& bytes)
    {
        queue::Outgoing outgoing;
        outgoing.id = "id";
        outgoing.envelope = &envelope;
        for (std::size_t i = 0; i < envelope.recipients.size(); ++i) outgoing.recipients.push_back(i);
        outgoing.bytes = std::make_shared<const std::string>(bytes);
        outgoing.size = bytes.size();
        return deliver(outgoing);
    }
    void end()
    {
        drive(conversation->end());
        conversation.reset();
    }
    void to(const std::vector<std::string>& addresses)
    {
        envelope.recipients.clear();
        for (const std::string& each : addresses) {
            queue::Recipient recipient;
            recipient.address = each;
            envelope.recipients.push_back(recipient);
        }
    }
    std::size_t count(std::string_view verb) const
    {
        return static_cast<std::size_t>(std::ranges::count_if(
            remote.lines, [&](const std::string& line) { return ascii::starts_with(line, verb); }));
    }

    net::Loop loop;
    net::Workers workers;
    PosixFileSystem files;
    ManualClock clock;
    ScriptedRemote remote;
    co::Scope remote_scope;
    smtp::ClientOptions options;
    queue::Envelope envelope;
    std::unique_ptr<queue::Conversation> conversation;
    std::optional<smtp::ClientFailure> failure;
    unsigned expired = 0;  // waits of the client that were timed out
    std::function<void()> when_stuck;  // instead of the time-out, once

private:
    template <typename Value> static co::Task<void> keep(co::Task<Value> task, std::optional<Value>* into)
    {
        Value value = co_await std::move(task);
        into->emplace(std::move(value));
    }
    template <typename Value> Value drive(co::Task<Value> task)
    {
        std::optional<Value> value;
        co::Scope scope;
        scope.spawn(keep(std::move(task), &value));
        pump(scope);
        return std::move(*value);
    }
    void drive(co::Task<void> task)
    {
        co::Scope scope;
        scope.spawn(std::move(task));
        pump(scope);
    }
    void pump(co::Scope& scope)
    {
        while (true) {
            loop.run();
            if (scope.running() == 0) return;
            if (when_stuck) {
                std::exchange(when_stuck, nullptr)();
                continue;
            }
            ++expired;
            if (!near_->expire_read() && !near_->expire_write()) throw std::runtime_error("the client waits for nobody");
        }
    }
    MemoryEnd* near_ = nullptr;  // lives as long as the client's side waits on it
};

} // namespace mbx::test
