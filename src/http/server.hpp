// HTTP/1.1 (RFC 9112) on the loop: one coroutine per connection, keep-alive, pipelined requests answered in order.
// Loop thread.
//
// Whatever is wrong with a request's form is answered once and ends the connection; what follows a broken request is
// never read as another one (HOSTILE row K1). Every wait has an absolute deadline, so a slow client gains nothing
// by sending a byte a second (rows J4, K8).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "co/task.hpp"
#include "http/request_parser.hpp"
#include "http/router.hpp"
#include "net/byte_stream.hpp"

namespace mbx::http {

struct ServerOptions {
    RequestLimits limits;
    std::chrono::milliseconds idle_time{75'000};  // between requests; then the connection ends without a word
    std::chrono::milliseconds head_time{10'000};  // for a whole head once it began; then 408
    std::chrono::milliseconds body_time{30'000};  // for a whole body; then 408
    std::chrono::milliseconds write_time{60'000};  // for a whole response
    std::uint64_t requests_per_connection = 1000;
    // Names that a Host field (or an absolute target) may carry besides the loopback ones: localhost, 127.0.0.1, [::1].
    // Anything else is 421, so that a foreign name that resolves to us reaches nothing (HOSTILE row K2).
    std::vector<std::string> allowed_hosts;
};

class Server {
public:
    // `clock` gives the Date field. The router is complete; it is not changed afterwards.
    Server(Router router, ServerOptions options, const Clock& clock, Metrics& metrics, Log log);

    // One connection, until it ends. The Listener's session.
    co::Task<void> serve(std::unique_ptr<net::ByteStream> stream);

    // One request without a connection: what serve() does between reading and writing. For tests.
    co::Task<Response> answer(Request request);

    const Router& router() const { return router_; }

private:
    struct Connection;
    enum class Arrival : std::uint8_t { request, fault, slow, gone };
    co::Task<Arrival> receive(Connection& connection);
    co::Task<bool> send(Connection& connection, const Response& response, bool keeps_alive, bool without_content);
    co::Task<void> linger(Connection& connection);
    co::Task<Response> dispatch(Request& request);
    bool is_allowed_host(const Request& request) const;
    void count(int status);

    Router router_;
    ServerOptions options_;
    const Clock& clock_;
    Log log_;
    std::vector<Counter*> by_class_;  // 1xx … 5xx
};

}  // namespace mbx::http
