#include "http/server.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <stdexcept>

#include "http/client.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"

using namespace mbx;
using http::Method;

namespace {

co::Task<http::Response> echo(const http::Request& request)
{
    co_return http::text_response(200, "text/plain", request.target.path() + "|" + request.body);
}
co::Task<http::Response> fail(const http::Request&)
{
    throw std::runtime_error("a marker that only the log may see");
    co_return http::Response();
}
co::Task<http::Response> large(const http::Request&)
{
    co_return http::text_response(200, "text/plain", std::string(200'000, 'x'));
}

struct World {
    ManualClock clock;
    Metrics metrics;
    http::Server server;

    explicit World(http::ServerOptions options = {}) : server(routes(), std::move(options), clock, metrics, Log()) {}

    static http::Router routes()
    {
        http::Router router;
        router.add(Method::get, "/", echo);
        router.add(Method::get, "/a", echo);
        router.add(Method::post, "/a", echo);
        router.add(Method::get, "/fail", fail);
        router.add(Method::get, "/large", large);
        return router;
    }

    std::string converse(std::string script, std::size_t piece = 4096)
    {
        auto stream = std::make_unique<test::MemoryStream>(std::move(script), piece);
        return converse(std::move(stream));
    }
    std::string converse(std::unique_ptr<test::MemoryStream> stream)
    {
        // The stream dies with the session; what it heard is looked at before.
        std::string heard;
        auto session = [](World* world, std::unique_ptr<test::MemoryStream> own, std::string* into) -> co::Task<void> {
            class Keep final : public net::ByteStream {
            public:
                Keep(std::unique_ptr<test::MemoryStream> of, std::string* heard_into) : of_(std::move(of)), into_(heard_into) {}
                ~Keep() override { *into_ = of_->heard(); }
                co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> room, net::Deadline deadline) override
                {
                    return of_->read_some(room, deadline);
                }
                co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline deadline) override
                {
                    return of_->write(bytes, deadline);
                }
                co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline deadline) override
                {
                    return of_->shutdown_write(deadline);
                }
                void interrupt_read() override {}
                void close() override { of_->close(); }
                const net::PeerInfo& peer() const override { return of_->peer(); }
                bool is_encrypted() const override { return false; }

            private:
                std::unique_ptr<test::MemoryStream> of_;
                std::string* into_;
            };
            co_await world->server.serve(std::make_unique<Keep>(std::move(own), into));
        };
        test::run_with(session(this, std::move(stream), &heard), [] {});
        return heard;
    }
};

std::vector<int> statuses(std::string_view heard)
{
    std::vector<int> all;
    for (std::size_t at = heard.find("HTTP/1.1 "); at != std::string_view::npos; at = heard.find("HTTP/1.1 ", at + 1)) {
        all.push_back(std::stoi(std::string(heard.substr(at + 9, 3))));
    }
    return all;
}

using Statuses = std::vector<int>;
const std::string kHost = "Host: localhost\r\n";

}  // namespace

TEST_CASE("pipelined requests are answered in order, however the bytes arrive", "[http]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{13}, std::size_t{4096});
    World world;
    const std::string heard = world.converse("GET / HTTP/1.1\r\n" + kHost + "\r\nPOST /a HTTP/1.1\r\n" + kHost +
                                                 "Content-Length: 3\r\n\r\nabcGET /nope HTTP/1.1\r\n" + kHost +
                                                 "\r\nPUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 0\r\n\r\n",
                                             piece);
    CHECK(statuses(heard) == Statuses{200, 200, 404, 405});
    CHECK(heard.find("/|") < heard.find("/a|abc"));
    CHECK(heard.find("Allow: GET, HEAD, POST\r\n") != std::string::npos);
}

TEST_CASE("every answer carries the security fields, and the API is not stored", "[http][K4][K7]")
{
    World world;
    const std::string path = GENERATE(as<std::string>{}, "/", "/nope", "/fail", "/../");
    const std::string heard = world.converse("GET " + path + " HTTP/1.1\r\n" + kHost + "\r\n");
    CAPTURE(path, heard);
    CHECK(heard.find("Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'") != std::string::npos);
    CHECK(heard.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
    CHECK(heard.find("Referrer-Policy: no-referrer\r\n") != std::string::npos);
    CHECK(heard.find("Cache-Control: no-store\r\n") != std::string::npos);
    CHECK(heard.find("Date: ") != std::string::npos);
    CHECK(heard.find("marker") == std::string::npos);
}

TEST_CASE("K1: a broken request is answered 400, and what follows it is never read as another one", "[http][K1]")
{
    World world;
    const std::string smuggled = "GET /a HTTP/1.1\r\n" + kHost + "\r\n";
    const std::string bad = GENERATE(
        as<std::string>{}, "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "GET /a HTTP/1.1\nHost: localhost\n\n", "GET /a HTTP/1.1\r\nHost : localhost\r\n\r\n", "GET /a\r\n", "GET /a HTTP/1.1\r\n\r\n",
        "GET /../a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto piece = GENERATE(std::size_t{1}, std::size_t{4096});
    const std::string heard = world.converse("GET / HTTP/1.1\r\n" + kHost + "\r\n" + bad + smuggled, piece);
    CAPTURE(bad, piece, heard);
    CHECK(statuses(heard) == Statuses{200, 400});
    CHECK(heard.find("/a|") == std::string::npos);
    CHECK(heard.find("Connection: close\r\n", heard.find("HTTP/1.1 400")) != std::string::npos);
}

TEST_CASE("K2: a foreign host reaches nothing, neither by Host nor by an absolute target", "[http][K2]")
{
    http::ServerOptions options;
    options.allowed_hosts = {"Mail.example.org"};
    World world(options);
    const auto ask = [&world](const std::string& target, const std::string& host) {
        return statuses(world.converse("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"));
    };
    CHECK(ask("/", "evil.example") == Statuses{421});
    CHECK(ask("/", "localhost.evil.example") == Statuses{421});
    CHECK(ask("/", "192.168.1.1") == Statuses{421});
    CHECK(ask("/", "a b") == Statuses{421});
    CHECK(ask("http://evil.example/", "localhost") == Statuses{421});
    CHECK(ask("http://localhost/", "evil.example") == Statuses{421});
    CHECK(ask("/", "localhost:8080") == Statuses{200});
    CHECK(ask("/", "127.0.0.1:8080") == Statuses{200});
    CHECK(ask("/", "[::1]:8080") == Statuses{200});
    CHECK(ask("/", "mail.EXAMPLE.org") == Statuses{200});
    CHECK(ask("http://localhost/", "localhost") == Statuses{200});
    const std::string forwarded = world.converse("GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n");
    CHECK(statuses(forwarded) == Statuses{421});
}

TEST_CASE("K8: limits have their own answers", "[http][K8]")
{
    World world;
    CHECK(statuses(world.converse("GET /" + std::string(64 * 1024, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n")) == Statuses{414});
    CHECK(statuses(world.converse("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(40 * 1024, 'a') + "\r\n\r\n")) == Statuses{431});
    CHECK(statuses(world.converse("POST /a HTTP/1.1\r\n" + kHost + "Content-Length: 10737418240\r\n\r\n")) == Statuses{413});
    CHECK(statuses(world.converse("POST /a HTTP/1.1\r\n" + kHost + "Expect: x\r\nContent-Length: 1\r\n\r\n")) == Statuses{417});
    CHECK(statuses(world.converse("GET / HTTP/2.0\r\n" + kHost + "\r\n")) == Statuses{505});
}

TEST_CASE("K8: a body or head that does not come in time is answered 408, an idle connection in silence", "[http][K8][J4]")
{
    World world;
    const auto ask = [&world](std::string script) {
        auto stream = std::make_unique<test::MemoryStream>(std::move(script), 4096);
        stream->at_end(net::IoError::timed_out);
        return statuses(world.converse(std::move(stream)));
    };
    CHECK(ask("POST /a HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nab") == Statuses{408});
    CHECK(ask("GET / HTTP/1.1\r\nHo") == Statuses{408});
    CHECK(ask("").empty());
    CHECK(ask("GET / HTTP/1.1\r\n" + kHost + "\r\n") == Statuses{200});
}

TEST_CASE("a client that expects it is told to continue, once", "[http]")
{
    World world;
    const std::string heard = world.converse("POST /a HTTP/1.1\r\n" + kHost + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok", 1);
    CHECK(statuses(heard) == Statuses{100, 200});
    // The body came with the head: nobody waits.
    CHECK(statuses(world.converse("POST /a HTTP/1.1\r\n" + kHost + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok")) == Statuses{200});
}

TEST_CASE("HEAD has GET's fields and no content", "[http]")
{
    World world;
    const std::string heard = world.converse("HEAD /a HTTP/1.1\r\n" + kHost + "\r\n");
    CHECK(heard.find("Content-Length: 3\r\n") != std::string::npos);
    CHECK(heard.ends_with("\r\n\r\n"));
}

TEST_CASE("a connection ends when the client or the count of requests says so", "[http]")
{
    http::ServerOptions options;
    options.requests_per_connection = 2;
    World world(options);
    const std::string get = "GET / HTTP/1.1\r\n" + kHost + "\r\n";
    CHECK(statuses(world.converse(get + get + get)) == Statuses{200, 200});
    CHECK(statuses(world.converse("GET / HTTP/1.1\r\n" + kHost + "Connection: close\r\n\r\n" + get)) == Statuses{200});
    CHECK(statuses(world.converse("GET / HTTP/1.0\r\n\r\n" + get)) == Statuses{200});
}

TEST_CASE("a handler's exception is a 500 that tells nothing", "[http]")
{
    World world;
    const std::string heard = world.converse("GET /fail HTTP/1.1\r\n" + kHost + "\r\n");
    CHECK(statuses(heard) == Statuses{500});
    CHECK(heard.find("marker") == std::string::npos);
    CHECK(world.metrics.exposition().find("mailboxd_http_responses_total{class=\"5xx\"} 1") != std::string::npos);
}

TEST_CASE("a client that never reads holds only its own session", "[http]")
{
    World world;
    test::MemoryPipe pipe(1024, 1024);
    test::MemoryEnd* const server_end = pipe.far.get();
    co::Scope scope;
    scope.spawn(world.server.serve(std::move(pipe.far)));
    const auto sent = test::run_ready(pipe.near->write("GET /large HTTP/1.1\r\n" + kHost + "\r\n", net::Deadline::never()));
    REQUIRE(sent);
    CHECK(server_end->is_writing());
    CHECK(scope.running() == 1);
    CHECK(server_end->expire_write());
    pipe.near->close();
    CHECK(scope.running() == 0);
}

TEST_CASE("a refused client can read why, though it goes on sending", "[http][K1]")
{
    World world;
    test::MemoryPipe pipe(65536, 65536);
    co::Scope scope;
    scope.spawn(world.server.serve(std::move(pipe.far)));
    const auto sent = test::run_ready(pipe.near->write("GET / HTTP/1.1\r\n\r\n" + std::string(30'000, 'x'), net::Deadline::never()));
    REQUIRE(sent);
    CHECK(scope.running() == 1);
    std::array<char, 4096> buffer{};
    const auto got = test::run_ready(pipe.near->read_some(buffer, net::Deadline::never()));
    REQUIRE(got);
    CHECK(std::string_view(buffer.data(), *got).starts_with("HTTP/1.1 400 "));
    pipe.near->close();
    CHECK(scope.running() == 0);
}

TEST_CASE("the client and the server understand each other", "[http]")
{
    World world;
    test::MemoryPipe pipe(65536, 7);
    co::Scope scope;
    scope.spawn(world.server.serve(std::move(pipe.far)));
    http::ClientRequest request;
    request.method = Method::post;
    request.target = "/a";
    request.content_type = "text/plain";
    request.body = "hello";
    const auto answer = test::run_ready(http::fetch(*pipe.near, request, http::ClientLimits()));
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "/a|hello");
    CHECK(*answer->fields.find("content-type") == "text/plain");
    pipe.near->close();
    CHECK(scope.running() == 0);
}

TEST_CASE("the client bounds and judges what a server says", "[http]")
{
    const auto hear = [](std::string answer, std::size_t most = 1000) {
        test::MemoryStream stream(std::move(answer), 5);
        http::ClientLimits limits;
        limits.body_bytes = most;
        return test::run_ready(http::fetch(stream, http::ClientRequest(), limits));
    };
    CHECK(hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")->body == "ok");
    CHECK(hear("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")->status == 204);
    CHECK(hear("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")->body == "until the end");
    CHECK(hear("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").error() == http::ClientError::unreachable);
    CHECK(hear("").error() == http::ClientError::unreachable);
    CHECK(hear("220 mx ESMTP\r\n").error() == http::ClientError::malformed);
    CHECK(hear("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", 10).error() == http::ClientError::too_large);
    CHECK(hear("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a')).error() == http::ClientError::too_large);
}

TEST_CASE("a line break in a value cannot begin a field", "[http]")
{
    http::Response response = http::text_response(200, "text/plain", "x");
    response.fields.push_back(http::Field{"Location", "/a\r\nSet-Cookie: b"});
    const std::string head = http::serialise_head(response, true, WallTime());
    CHECK(head.find("\r\nSet-Cookie") == std::string::npos);
    CHECK(head.find("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n") != std::string::npos);
}

TEST_CASE("a problem document quotes what it is told", "[http]")
{
    const auto response = http::problem(422, Error{"adding \"x\"", "a\nb\x01", "\xff"});
    CHECK(response.content_type == "application/problem+json");
    CHECK(response.body.find("\"attempted\":\"adding \\\"x\\\"\"") != std::string::npos);
    CHECK(response.body.find("a\\u000ab\\u0001") != std::string::npos);
    CHECK(response.body.find("\\\\xff") != std::string::npos);
}
