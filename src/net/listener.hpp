// Sockets that accept: TCP (IPv4, IPv6), unix, or passed by systemd; limits in all and per client network; PROXY protocol
// v1 and v2 from listed sources. Each accepted stream is one session in the listener's scope.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "net/byte_stream.hpp"
#include "net/connect.hpp"
#include "net/loop.hpp"

namespace mbx::net {

struct ListenerOptions {
    std::string name;                      // "smtp", for logs and metrics
    Endpoint endpoint;                     // or:
    std::string unix_path;                 // with unix_mode
    unsigned unix_mode = 0660;             // who may connect: those who may write
    int inherited_descriptor = -1;         // of systemd (LISTEN_FDS); then neither of the above is bound
    int backlog = 1024;
    std::size_t max_connections = 10'000;
    std::size_t max_per_network = 50;      // IPv4 address or IPv6 /64
    std::vector<IpNetwork> proxies;        // whose connections begin with a PROXY header, always
    std::string busy_reply;                // sent, best effort, to a connection over a limit: "421 4.3.2 …\r\n"
};

class Listener {
public:
    using Session = std::function<co::Task<void>(std::unique_ptr<ByteStream>)>;

    // Nothing is accepted before start(). Errors say which address and what to do.
    static Result<std::unique_ptr<Listener>, Error> open(Loop& loop, ListenerOptions options, Log log);
    ~Listener();  // after stop() and finished()

    // `session` runs for each accepted stream; an exception that leaves it is logged and closes the stream.
    // Out of descriptors: the connection is taken with a reserve descriptor, told busy_reply and closed (row G4).
    void start(Session session);
    // Accepts no more and leaves the sessions alone.
    void stop_accepting();
    // Closes every session's stream: their waits end with IoError::closed.
    void close_sessions();
    co::Task<void> finished();

    // Limits that a reload may change.
    void set_limits(std::size_t max_connections, std::size_t max_per_network);
    const ListenerOptions& options() const;
    Endpoint local_endpoint() const;  // the real port when 0 was asked for
    std::size_t connections() const;
    std::uint64_t accepted() const;
    std::uint64_t refused() const;

private:
    struct State;
    explicit Listener(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace mbx::net
