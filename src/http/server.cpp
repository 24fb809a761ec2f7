#include "http/server.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace mbx::http {
namespace {

constexpr std::size_t kReadChunk = 8U * 1024;
constexpr std::size_t kLingerBytes = 256U * 1024;
constexpr std::chrono::milliseconds kLingerTime{2000};

Response fault_response(RequestFault fault)
{
    Response response;
    switch (fault) {
    case RequestFault::malformed: response = problem(400, "the request is not well-formed HTTP/1.1"); break;
    case RequestFault::no_host: response = problem(400, "a request carries exactly one Host field"); break;
    case RequestFault::target_too_long: response = problem(414, "the request target is too long"); break;
    case RequestFault::head_too_large: response = problem(431, "the header fields are too many or too long"); break;
    case RequestFault::body_too_large: response = problem(413, "the request's content is too large"); break;
    case RequestFault::expectation_failed: response = problem(417, "only 100-continue can be expected"); break;
    case RequestFault::version: response = problem(505, "this server speaks HTTP/1.1"); break;
    case RequestFault::not_implemented: response = problem(501, "the method or transfer coding is not known here"); break;
    }
    response.close = true;
    return response;
}

}  // namespace

// One connection's state; lives in the frame of serve().
struct Server::Connection {
    Connection(net::ByteStream& of, RequestLimits limits) : stream(of), parser(limits) {}
    net::ByteStream& stream;
    RequestParser parser;
    std::array<char, kReadChunk> buffer{};
    std::string_view unread;  // part of `buffer`: pipelined bytes
};

Server::Server(Router router, ServerOptions options, const Clock& clock, Metrics& metrics, Log log)
    : router_(std::move(router)), options_(std::move(options)), clock_(clock), log_(std::move(log))
{
    for (int number = 1; number <= 5; ++number) {
        by_class_.push_back(&metrics.counter("mailboxd_http_responses_total", "HTTP responses by class of status.",
                                             fmt::format("class=\"{}xx\"", number)));
    }
    for (std::string& host : options_.allowed_hosts) host = ascii::to_lower(host);
}

co::Task<void> Server::serve(std::unique_ptr<net::ByteStream> stream)
{
    Connection connection(*stream, options_.limits);
    bool open = true;
    for (std::uint64_t served = 1; open; ++served) {
        const Arrival arrival = co_await receive(connection);
        if (arrival == Arrival::gone) break;
        Response response;
        bool without_content = false;
        bool keeps_alive = false;
        if (arrival == Arrival::request) {
            Request request = connection.parser.take();
            request.peer = stream->peer();
            without_content = request.method == Method::head;
            keeps_alive = request.keeps_alive && served < options_.requests_per_connection;
            response = co_await answer(std::move(request));
        } else if (arrival == Arrival::slow) {
            response = problem(408, "the request did not arrive in time");
        } else {
            response = fault_response(connection.parser.fault());
        }
        keeps_alive = keeps_alive && !response.close;
        open = co_await send(connection, response, keeps_alive, without_content);
    }
    co_await linger(connection);
    stream->close();
}

// Reads until one request is whole, or says why there will be none.
co::Task<Server::Arrival> Server::receive(Connection& connection)
{
    using Progress = RequestParser::Progress;
    RequestParser& parser = connection.parser;
    const net::Deadline idle = net::Deadline::after(options_.idle_time);
    net::Deadline deadline = idle;
    Progress before = Progress::idle;
    bool told_to_continue = false;
    while (true) {
        connection.unread.remove_prefix(parser.feed(connection.unread));
        const Progress now = parser.progress();
        if (now == Progress::complete) co_return Arrival::request;
        if (now == Progress::faulty) co_return Arrival::fault;
        if (now == Progress::head && before == Progress::idle) deadline = net::Deadline::after(options_.head_time);
        if (now == Progress::body && before != Progress::body) deadline = net::Deadline::after(options_.body_time);
        before = now;
        if (parser.wants_continue() && !told_to_continue) {
            told_to_continue = true;
            const auto told = co_await connection.stream.write("HTTP/1.1 100 Continue\r\n\r\n", deadline);
            if (!told) co_return Arrival::gone;
        }
        const auto got = co_await connection.stream.read_some(connection.buffer, deadline);
        if (!got && got.error() == net::IoError::interrupted) continue;
        const bool is_late = !got && got.error() == net::IoError::timed_out;
        if (is_late && before != Progress::idle) co_return Arrival::slow;
        if (!got || *got == 0) co_return Arrival::gone;
        connection.unread = std::string_view(connection.buffer.data(), *got);
    }
}

// True when the connection goes on.
co::Task<bool> Server::send(Connection& connection, const Response& response, bool keeps_alive, bool without_content)
{
    count(response.status);
    const net::Deadline deadline = net::Deadline::after(options_.write_time);
    std::string head = serialise_head(response, keeps_alive, clock_.wall());
    const bool has_content = !without_content && response.status != 204 && response.status != 304;
    const std::string_view content = has_content ? response.content() : std::string_view();
    const bool is_small = content.size() <= 64U * 1024;
    if (is_small) head += content;
    const auto sent = co_await connection.stream.write(head, deadline);
    if (!sent) co_return false;
    if (!is_small) {
        const auto rest = co_await connection.stream.write(content, deadline);
        if (!rest) co_return false;
    }
    co_return keeps_alive;
}

// Closing with bytes unread makes the kernel reset the connection, and the client may never see our last answer
// (RFC 9112 section 9.6): half-close, then drop what still comes, for a bounded time and amount.
co::Task<void> Server::linger(Connection& connection)
{
    const net::Deadline deadline = net::Deadline::after(kLingerTime);
    const auto told = co_await connection.stream.shutdown_write(deadline);
    if (!told) co_return;
    std::size_t dropped = 0;
    while (dropped < kLingerBytes) {
        const auto got = co_await connection.stream.read_some(connection.buffer, deadline);
        if (!got || *got == 0) co_return;
        dropped += *got;
    }
}

co::Task<Response> Server::answer(Request request)
{
    const SteadyTime began = clock_.steady();
    std::string fault;
    Response response;
    try {
        response = co_await dispatch(request);
    } catch (const std::exception& error) {
        fault = error.what();
    }
    if (!fault.empty()) {
        log_.error("a request's handler failed",
                   {{"method", method_name(request.method)}, {"path", request.target.path()}, {"reason", fault}});
        response = problem(500, "the server failed to answer; its log says why");
        response.close = true;
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - began);
    log_.debug("request answered", {{"method", method_name(request.method)},
                                    {"path", request.target.path()},
                                    {"status", response.status},
                                    {"microseconds", took.count()},
                                    {"peer", request.peer.text()}});
    co_return response;
}

co::Task<Response> Server::dispatch(Request& request)
{
    auto target = parse_target(request.raw_target);
    if (!target) {
        Response refused = problem(400, target.error() == TargetError::unsafe_path
                                            ? "the path has segments that are not served"
                                            : "the request target is malformed");
        refused.close = true;
        co_return refused;
    }
    request.target = std::move(*target);
    if (!is_allowed_host(request)) {
        Response refused = problem(421, "this server does not answer for that host name");
        refused.close = true;
        co_return refused;
    }
    Router::Match match = router_.find(request.method, request.target.segments);
    if (match.handler == nullptr) {
        Response refused = match.allow.empty() ? problem(404, "there is nothing at this path")
                                               : problem(405, "this path does not take that method");
        if (!match.allow.empty()) refused.fields.push_back(Field{"Allow", match.allow});
        co_return refused;
    }
    request.parameters = std::move(match.parameters);
    const Handler& handler = *match.handler;
    co_return co_await handler(request);
}

bool Server::is_allowed_host(const Request& request) const
{
    const std::string* field = request.fields.find("host");
    // RFC 9112 section 3.2.2: the authority of an absolute target stands above the Host field; both must be ours.
    const auto is_ours = [this](std::string_view text) {
        const auto host = parse_host(text);
        if (!host) return false;
        if (*host == "localhost" || *host == "127.0.0.1" || *host == "[::1]") return true;
        return std::ranges::find(options_.allowed_hosts, *host) != options_.allowed_hosts.end();
    };
    if (field != nullptr && !is_ours(ascii::trim(*field))) return false;
    return request.target.authority.empty() || is_ours(request.target.authority);
}

void Server::count(int status)
{
    const auto row = static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1);
    by_class_.at(row)->add();
}

}  // namespace mbx::http
