// One request to the daemon over its control socket. Blocking: runs a loop of its own until the answer is there.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/result.hpp"
#include "http/client.hpp"

namespace mbx::ctl {

struct CallFailure {
    bool is_unreachable = false;  // nobody answers there; else the exchange broke
    Error error;
};

struct Call {
    http::Method method = http::Method::get;
    std::string target;
    std::string body;  // JSON, or empty
};

// Any HTTP answer is a success here, refusals too.
Result<http::ClientResponse, CallFailure> call_daemon(const std::string& socket_path, const Call& call);

}  // namespace mbx::ctl
