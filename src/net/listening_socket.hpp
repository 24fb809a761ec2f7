// The socket of a listener: bound here or passed by systemd. Inside net/ only. Loop thread, at start.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.hpp"
#include "base/result.hpp"
#include "net/address.hpp"

namespace mbx::net {

struct ListenerOptions;

class ListeningSocket {
public:
    static Result<ListeningSocket, Error> open(const ListenerOptions& options);
    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ~ListeningSocket();

    // Also removes the file of a unix socket that was bound here, unless another process has put its own there.
    void close();
    int descriptor() const { return descriptor_; }
    Endpoint local_endpoint() const { return local_; }

private:
    explicit ListeningSocket(int descriptor) : descriptor_(descriptor) {}
    static Result<ListeningSocket, Error> inherit(const ListenerOptions& options);
    static Result<ListeningSocket, Error> bind_tcp(const ListenerOptions& options);
    static Result<ListeningSocket, Error> bind_unix(const ListenerOptions& options);
    void learn_local_endpoint();

    int descriptor_ = -1;
    Endpoint local_;
    std::string path_;  // of a unix socket bound here
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace mbx::net
