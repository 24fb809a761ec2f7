// The client side of SMTP (RFC 5321): one conversation with one host, over a stream that is connected already. Finding
// the host is outbound's work. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "queue/transport.hpp"

namespace mbx::smtp {

// How a conversation is to be encrypted; who decides it is outbound (MTA-STS, DANE, REQUIRETLS, smart hosts).
struct TlsPlan {
    enum class Need : std::uint8_t {
        none,           // never asked for
        opportunistic,  // where offered; a failed handshake or refusal ends this connection, and the next goes in clear
        required,       // no mail without it (HOSTILE row B5)
    };
    Need need = Need::opportunistic;
    bool is_implicit = false;     // port 465: the handshake comes first
    net::TlsClientOptions tls;    // what is verified: nothing, the name against authorities, or TLSA records
    std::string label;            // for traces: "DANE", "MTA-STS", "verified", "unverified"
    std::string failure;          // for traces: how a stronger plan failed at this host just before; empty: this is the first
};

struct ClientOptions {
    std::string hostname;         // EHLO
    std::string host;             // the MX by name, for answers
    TlsPlan tls;
    bool is_lmtp = false;         // LHLO, and one reply for each recipient after the dot (RFC 2033)
    std::string user;             // AUTH, within TLS only, where not empty
    std::string password;
    std::uint32_t max_messages = 100;  // of one connection
    // Time-outs of RFC 5321 section 4.5.3.2, each an absolute deadline of its step.
    std::chrono::seconds greeting_time{300};
    std::chrono::seconds mail_time{300};
    std::chrono::seconds recipient_time{300};
    std::chrono::seconds data_start_time{120};
    std::chrono::seconds data_block_time{180};
    std::chrono::seconds data_end_time{600};
    std::chrono::seconds quit_time{10};
};

// Why a host could not be used at all.
struct ClientFailure {
    enum class Stage : std::uint8_t { greeting, hello, start_tls, handshake, authentication };
    Stage stage = Stage::greeting;
    queue::Answer answer;         // as for every recipient; outbound asks the next host where it is temporary
};

// Everything up to the point where MAIL may follow: greeting, EHLO (HELO where it is not known), STARTTLS and EHLO again,
// AUTH. The stream is consumed.
co::Task<Result<std::unique_ptr<queue::Conversation>, ClientFailure>>
open_conversation(net::Workers& workers, FileSystem& files, const Clock& clock, std::unique_ptr<net::ByteStream> stream,
                  ClientOptions options);

}  // namespace mbx::smtp
