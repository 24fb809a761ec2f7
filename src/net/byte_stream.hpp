// What a session reads from and writes to: a TCP stream, a TLS stream, a unix socket, or memory in a test.
// Loop thread only. One reader and one writer at a time; every read and write carries a deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "co/task.hpp"
#include "net/address.hpp"
#include "net/io_error.hpp"

namespace mbx::net {

// A point in steady time at which a wait ends with IoError::timed_out. Absolute, so that a client which sends a byte
// a second cannot stretch it (HOSTILE row J4).
struct Deadline {
    SteadyTime at;

    static Deadline after(std::chrono::milliseconds span) { return Deadline{std::chrono::steady_clock::now() + span}; }
    static Deadline never() { return Deadline{SteadyTime::max()}; }
};

// What was found true of the other side's certificate.
enum class TlsTrust : std::uint8_t {
    none,         // nothing was asked of it
    authorities,  // its chain and its name (RFC 5280, RFC 6125)
    dane_ee,      // it is the one that a TLSA record names: usage 3 (RFC 7672 section 3.1.1)
    dane_ta,      // an authority above it is, and its name is right: usage 2 (section 3.1.2)
};
// "verified", "DANE-EE", "DANE-TA", "unverified": for traces.
std::string_view describe(TlsTrust trust);

// What a session may want to know about the other side's encryption; empty texts on a clear stream.
struct TlsFacts {
    std::string protocol;     // "TLSv1.3"
    std::string cipher;       // "TLS-AES-128-GCM-SHA256", mbedTLS's name
    std::string server_name;  // SNI as the client sent it
    std::string alpn;
    TlsTrust trust = TlsTrust::none;
};

// What an authentication may bind itself to, so that it is worth nothing on another channel (RFC 5056).
enum class ChannelBinding : std::uint8_t {
    tls_exporter,          // RFC 9266; in TLS 1.3
    tls_server_end_point,  // RFC 5929 section 4: a hash of the server's certificate
};

class ByteStream {
public:
    virtual ~ByteStream() = default;

    // At least one byte, 0 at the end of the stream, or why not. `into` stays valid until it returns.
    virtual co::Task<Result<std::size_t, IoError>> read_some(std::span<char> into, Deadline deadline) = 0;
    // Done once every byte is handed to the kernel: a peer that does not read holds the writer (back-pressure), until
    // the deadline. `bytes` stays valid until it returns. After a failure nothing more can be written.
    virtual co::Task<Result<void, IoError>> write(std::string_view bytes, Deadline deadline) = 0;
    // Half-close: tells the peer that nothing more comes (TLS: close_notify first).
    virtual co::Task<Result<void, IoError>> shutdown_write(Deadline deadline) = 0;

    // Ends a read under way with IoError::interrupted; nothing received is lost, and the stream goes on. Without a
    // read under way it does nothing: look at your own flag before you wait.
    virtual void interrupt_read() = 0;
    // Ends every wait, now and later, with IoError::closed. May be called twice, and from a callback.
    virtual void close() = 0;

    virtual const PeerInfo& peer() const = 0;
    virtual bool is_encrypted() const = 0;
    virtual TlsFacts tls_facts() const { return {}; }
    // Empty where there is none of that kind.
    virtual std::string channel_binding(ChannelBinding /*kind*/) const { return {}; }
};

}  // namespace mbx::net
