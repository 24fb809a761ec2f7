// Between our addresses and the system's. Inside net/ only. Any thread.
#pragma once

#include <sys/socket.h>

#include "net/address.hpp"

namespace mbx::net {

// IPv4 as AF_INET, all else as AF_INET6. Returns the length that is in use.
socklen_t to_socket_address(const Endpoint& endpoint, sockaddr_storage& into);
// All zero for a family that is neither.
Endpoint from_socket_address(const sockaddr_storage& from);
// What the kernel says about a connected socket; as much as it says.
PeerInfo peer_of(int descriptor);

}  // namespace mbx::net
