// Bytes to requests by llhttp in its strict form: no lenient flag is ever set, and where a message could be read in two
// ways it is refused (RFC 9112 sections 5.1, 6.1, 6.3; HOSTILE row K1). Pure: no I/O. Bounded by its limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/request.hpp"

namespace mbx::http {

struct RequestLimits {
    std::size_t target_bytes = 8U * 1024;      // RFC 9112 section 3 recommends at least 8,000
    std::size_t head_bytes = 32U * 1024;       // all fields, trailers too
    std::size_t fields = 100;
    std::size_t body_bytes = 1024U * 1024;
    std::size_t chunk_extension_bytes = 1024;  // of one request in all
};

enum class RequestFault : std::uint8_t {
    malformed,           // 400
    no_host,             // 400: HTTP/1.1 without Host, or with two (RFC 9112 section 3.2)
    target_too_long,     // 414
    head_too_large,      // 431
    body_too_large,      // 413
    expectation_failed,  // 417: an Expect other than 100-continue
    version,             // 505
    not_implemented,     // 501: CONNECT, or a transfer coding that is not chunked
};

class RequestParser {
public:
    enum class Progress : std::uint8_t {
        idle,      // nothing of a request has come
        head,
        body,      // the head is whole; the body is on its way
        complete,  // take() it
        faulty,    // see fault(); the position in the stream is lost, so nothing more can be read from it
    };

    explicit RequestParser(RequestLimits limits);
    ~RequestParser();
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    // Takes bytes up to the end of the request under way and says how many; the rest belongs to the next one.
    std::size_t feed(std::string_view bytes);

    Progress progress() const;
    RequestFault fault() const;       // when faulty
    const Request& request() const;   // what is known of it: whole head from `body` on
    bool wants_continue() const;      // the client waits for 100 before it sends the body (RFC 9110 section 10.1.1)
    Request take();                   // when complete; the parser is then idle

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::http
