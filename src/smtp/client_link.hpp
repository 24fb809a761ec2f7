// The connection to a server, as the client's conversation uses it: whole commands out, whole replies in, each with the
// time of its step. Loop thread. One call at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "net/line_reader.hpp"
#include "smtp/client_reply.hpp"

namespace mbx::smtp {

// Why nothing more can be said or heard: the connection is of no further use.
struct LinkFault {
    enum class Kind : std::uint8_t { ended, timed_out, broken, interrupted, not_smtp, too_long };
    Kind kind = Kind::broken;
    std::string words;  // what the server said instead of a reply
};

class ClientLink {
public:
    ClientLink(std::unique_ptr<net::ByteStream> stream, const Clock& clock);
    ClientLink(const ClientLink&) = delete;
    ClientLink& operator=(const ClientLink&) = delete;

    // `bytes` stays valid until it returns.
    co::Task<Result<void, LinkFault>> send(std::string_view bytes, std::chrono::seconds within);
    // A part of a reply that came before counts. `is_last_word`: the answer to a whole message, for which an interrupted
    // conversation still waits a little, because without it nobody knows where the message is (RFC 1047).
    co::Task<Result<RemoteReply, LinkFault>> reply(std::chrono::seconds within, bool is_last_word = false);

    // Whether the server said something that nobody asked for yet.
    bool has_input() const { return lines_.buffered() != 0; }
    // Ends waits, now and later. From outside of the conversation's coroutine.
    void interrupt();
    bool is_interrupted() const { return is_interrupted_; }

    // Empty without a stream: a handshake has it, or had it and failed.
    bool has_stream() const { return stream_ != nullptr; }
    net::ByteStream& stream() { return *stream_; }
    std::unique_ptr<net::ByteStream> take_stream() { return std::move(stream_); }
    // Behind a handshake. What came in clear is dropped with the old reader (HOSTILE row B2).
    void use(std::unique_ptr<net::ByteStream> stream);
    void close();

private:
    net::Deadline deadline(std::chrono::seconds within) const;
    std::unique_ptr<net::ByteStream> stream_;
    const Clock& clock_;
    net::LineReader lines_;
    bool is_interrupted_ = false;
    bool is_writing_ = false;
};

// Of a fault while `step` was to be answered; temporary. `is_sent`: the whole message had left.
queue::Answer fault_answer(const LinkFault& fault, ClientStep step, bool is_sent);

}  // namespace mbx::smtp
