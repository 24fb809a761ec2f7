// The client side of TCP and of unix sockets: connects to one endpoint. Loop thread. A server that does not answer is
// given up at the deadline.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/byte_stream.hpp"
#include "net/loop.hpp"

namespace mbx::net {

// Ends connections from outside: those that are being made, and those that were made with it, wherever their streams have
// gone meanwhile. As a session's listener does for its own.
class Cancellation {
public:
    Cancellation() = default;
    Cancellation(const Cancellation&) = delete;
    Cancellation& operator=(const Cancellation&) = delete;
    // Every wait on them ends with IoError::closed, now and later.
    void cancel();
    bool is_cancelled() const { return is_cancelled_; }

private:
    friend co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop&, Endpoint, std::optional<IpAddress>,
                                                                             Cancellation&, Deadline);
    void add(std::weak_ptr<class StreamCore> core);
    std::vector<std::weak_ptr<class StreamCore>> cores_;
    bool is_cancelled_ = false;
};

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop& loop, Endpoint to, Deadline deadline);
// From the address `source`, of the same family, where there is one. The cancellation outlives the task.
co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop& loop, Endpoint to, std::optional<IpAddress> source,
                                                                   Cancellation& cancellation, Deadline deadline);
co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_unix(Loop& loop, std::string path, Deadline deadline);

}  // namespace mbx::net
