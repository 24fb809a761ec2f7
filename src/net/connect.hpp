// The client side of TCP and of unix sockets: connects to one endpoint. Loop thread. A server that does not answer is
// given up at the deadline.
#pragma once

#include <memory>
#include <string>

#include "net/byte_stream.hpp"
#include "net/loop.hpp"

namespace mbx::net {

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop& loop, Endpoint to, Deadline deadline);
co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_unix(Loop& loop, std::string path, Deadline deadline);

}  // namespace mbx::net
