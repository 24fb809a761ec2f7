#include "net/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace mbx::net {
namespace {

constexpr std::size_t kV4Offset = 12;

}  // namespace

socklen_t to_socket_address(const Endpoint& endpoint, sockaddr_storage& into)
{
    into = {};
    const auto& bytes = endpoint.address.bytes();
    if (endpoint.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, bytes.data() + kV4Offset, sizeof v4.sin_addr);
        std::memcpy(&into, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&into, &v6, sizeof v6);
    return sizeof v6;
}

Endpoint from_socket_address(const sockaddr_storage& from)
{
    std::array<std::uint8_t, 16> bytes{};
    if (from.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &from, sizeof v4);
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + kV4Offset, &v4.sin_addr, sizeof v4.sin_addr);
        return {IpAddress(bytes), ntohs(v4.sin_port)};
    }
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &from, sizeof v6);
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return {IpAddress(bytes), ntohs(v6.sin6_port)};
    }
    return {};
}

PeerInfo peer_of(int descriptor)
{
    PeerInfo peer;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
        peer.is_unix = address.ss_family == AF_UNIX;
        peer.local = from_socket_address(address);
    }
    if (peer.is_unix) {
        // The peer's user as of its connect: the kernel's word, not the peer's.
        ucred credentials{};
        socklen_t length = sizeof credentials;
        const bool known = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0;
        peer.unix_uid = known ? credentials.uid : static_cast<std::uint32_t>(-1);
        return peer;
    }
    size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
        peer.remote = from_socket_address(address);
    }
    return peer;
}

}  // namespace mbx::net
