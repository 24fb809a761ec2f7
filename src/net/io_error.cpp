#include "net/io_error.hpp"

namespace mbx::net {

std::string_view describe(IoError error)
{
    switch (error) {
    case IoError::closed: return "closed by this side";
    case IoError::interrupted: return "interrupted";
    case IoError::timed_out: return "timed out";
    case IoError::reset: return "the peer is gone";
    case IoError::tls: return "TLS failure";
    case IoError::exhausted: return "out of descriptors or memory";
    case IoError::refused: return "connection refused";
    case IoError::failed: return "the system reported a failure";
    }
    return "unknown failure";
}

}  // namespace mbx::net
