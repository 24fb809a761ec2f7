// Two connected TCP streams on one loop, over the real kernel.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

#include "net/uv_stream.hpp"

namespace mbx::test {

class SocketPair {
public:
    explicit SocketPair(net::Loop& loop)
    {
        const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        const int connecting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool connected = ::bind(listening, raw, size) == 0 && ::listen(listening, 1) == 0 &&
                               ::getsockname(listening, raw, &size) == 0 && ::connect(connecting, raw, size) == 0;
        const int accepted = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        ::close(listening);
        if (!connected || accepted < 0) throw std::runtime_error("no sockets for the test");
        client = wrap(loop, connecting);
        server = wrap(loop, accepted);
    }

    std::unique_ptr<net::ByteStream> client;
    std::unique_ptr<net::ByteStream> server;

private:
    static std::unique_ptr<net::ByteStream> wrap(net::Loop& loop, int descriptor)
    {
        return std::make_unique<net::UvStream>(net::StreamCore::make(loop, net::StreamCore::Kind::tcp, descriptor));
    }
};

}  // namespace mbx::test
