// Why a read, write, connect or listen did not happen, without libuv's numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace mbx::net {

enum class IoError : std::uint8_t {
    closed,       // our side closed the stream (shutdown, a revoked session)
    interrupted,  // interrupt_read(); the stream is whole
    timed_out,    // the deadline passed
    reset,        // the peer is gone
    tls,          // handshake or record failure
    exhausted,    // descriptors or memory
    refused,      // nobody listens there, or an address that cannot be bound
    failed,       // anything else of the system
};

std::string_view describe(IoError error);

}  // namespace mbx::net
