// A small HTTP/1.1 client: one request over a stream that is already connected, one bounded response. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "co/task.hpp"
#include "http/fields.hpp"
#include "http/request.hpp"
#include "net/byte_stream.hpp"

namespace mbx::http {

struct ClientRequest {
    Method method = Method::get;
    std::string target = "/";
    std::string host = "localhost";
    std::string content_type;  // empty: no content
    std::string body;
    std::vector<Field> fields;
};

struct ClientResponse {
    int status = 0;
    Fields fields;
    std::string body;
};

enum class ClientError : std::uint8_t {
    unreachable,  // the stream broke before a whole response
    timed_out,
    malformed,    // not HTTP/1.1
    too_large,    // head over 64 KiB, or content over the limit
};

struct ClientLimits {
    std::size_t body_bytes = 16U * 1024 * 1024;
    std::chrono::milliseconds time{30'000};  // for the whole exchange
};

// Sends "Connection: close" and reads to the end of the response. `stream` lives until the task is done.
co::Task<Result<ClientResponse, ClientError>> fetch(net::ByteStream& stream, ClientRequest request,
                                                    ClientLimits limits);

}  // namespace mbx::http
