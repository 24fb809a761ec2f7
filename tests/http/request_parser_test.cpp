#include "http/request_parser.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <optional>
#include <string>
#include <vector>

using namespace mbx;
using Progress = http::RequestParser::Progress;
using Fault = http::RequestFault;

namespace {

struct Read {
    std::vector<http::Request> requests;
    std::optional<Fault> fault;
    Progress last = Progress::idle;
};

Read read_all(std::string_view bytes, std::size_t piece, http::RequestLimits limits = {})
{
    Read read;
    http::RequestParser parser(limits);
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, piece);
        const std::size_t taken = parser.feed(part);
        bytes.remove_prefix(taken);
        if (parser.progress() == Progress::faulty) {
            read.fault = parser.fault();
            break;
        }
        if (parser.progress() == Progress::complete) read.requests.push_back(parser.take());
    }
    read.last = parser.progress();
    return read;
}

const std::string kHost = "Host: localhost\r\n";

}  // namespace

TEST_CASE("requests are read the same however the bytes arrive", "[http]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{64}, std::size_t{4096});
    CAPTURE(piece);
    const Read read = read_all("\r\nGET /a HTTP/1.1\r\n" + kHost + "X-Thing:  two words \r\n\r\n"
                               "POST /b HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nhello"
                               "POST /c HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
                               "DELETE /d HTTP/1.0\r\n\r\n",
                               piece);
    CHECK_FALSE(read.fault);
    REQUIRE(read.requests.size() == 4);
    CHECK(read.requests[0].raw_target == "/a");
    CHECK(read.requests[0].method == http::Method::get);
    CHECK(*read.requests[0].fields.find("x-thing") == "two words");
    CHECK(read.requests[0].keeps_alive);
    CHECK(read.requests[1].body == "hello");
    CHECK(read.requests[2].body == "abcde");
    CHECK(read.requests[2].fields.find("t") == nullptr);
    CHECK(read.requests[3].method == http::Method::remove);
    CHECK_FALSE(read.requests[3].keeps_alive);
}

TEST_CASE("K1: a request that two readers could read in two ways is refused", "[http][K1]")
{
    struct Row {
        std::string what;
        std::string bytes;
    };
    const std::string chunk = "5\r\nhello\r\n0\r\n\r\n";
    const Row row = GENERATE_COPY(
        Row{"CL and TE", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk},
        Row{"TE and CL", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunk},
        Row{"two CL, different", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
        Row{"two CL, equal", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
        Row{"a list in CL", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 5, 5\r\n\r\nhello"},
        Row{"a signed CL", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: +5\r\n\r\nhello"},
        Row{"a negative CL", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: -5\r\n\r\nhello"},
        Row{"a hexadecimal CL", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 0x10\r\n\r\nhello"},
        Row{"a hexadecimal prefix in a chunk", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"},
        Row{"xchunked", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: xchunked\r\n\r\n" + chunk},
        Row{"chunked twice", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunk},
        Row{"chunked not last", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunk},
        Row{"two TE", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk},
        Row{"TE in HTTP/1.0", "POST / HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n" + chunk},
        Row{"obs-fold", "GET / HTTP/1.1\r\n" + kHost + "X: a\r\n b\r\n\r\n"},
        Row{"space before the colon", "GET / HTTP/1.1\r\n" + kHost + "X : a\r\n\r\n"},
        Row{"space before the first field", "GET / HTTP/1.1\r\n X: a\r\n" + kHost + "\r\n"},
        Row{"bare LF after the request line", "GET / HTTP/1.1\n" + kHost + "\r\n"},
        Row{"bare LF after a field", "GET / HTTP/1.1\r\nHost: localhost\n\r\n"},
        Row{"bare CR in a value", "GET / HTTP/1.1\r\n" + kHost + "X: a\rb\r\n\r\n"},
        Row{"NUL in a value", "GET / HTTP/1.1\r\n" + kHost + std::string("X: a\0b\r\n\r\n", 9)},
        Row{"a field without a colon", "GET / HTTP/1.1\r\n" + kHost + "X\r\n\r\n"},
        Row{"an empty field name", "GET / HTTP/1.1\r\n" + kHost + ": a\r\n\r\n"},
        Row{"HTTP/0.9", "GET /\r\n\r\n"},
        Row{"HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n"},
        Row{"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        Row{"no version", "GET / \r\n" + kHost + "\r\n"},
        Row{"lower-case method", "get / HTTP/1.1\r\n" + kHost + "\r\n"},
        Row{"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},
        Row{"bad chunk end", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n"},
        Row{"bare LF after a chunk size", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"},
        Row{"no Host", "GET / HTTP/1.1\r\n\r\n"},
        Row{"two Hosts", "GET / HTTP/1.1\r\n" + kHost + kHost + "\r\n"});
    const auto piece = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{4096});
    CAPTURE(row.what, piece);
    const Read read = read_all(row.bytes + "GET /smuggled HTTP/1.1\r\n" + kHost + "\r\n", piece);
    CHECK(read.requests.empty());
    REQUIRE(read.fault);
    const bool is_known = *read.fault == Fault::malformed || *read.fault == Fault::no_host ||
                          *read.fault == Fault::version || *read.fault == Fault::not_implemented;
    CHECK(is_known);
}

TEST_CASE("K1: a chunk extension of a megabyte is refused", "[http][K1]")
{
    const std::string bytes = "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(1 << 20, 'x') + "\r\nhello\r\n0\r\n\r\n";
    CHECK(read_all(bytes, 4096).fault == Fault::malformed);
}

TEST_CASE("after a fault the parser takes nothing more", "[http][K1]")
{
    http::RequestParser parser({});
    (void)parser.feed("GET / HTTP/1.1\nHost: a\r\n\r\n");
    REQUIRE(parser.progress() == Progress::faulty);
    CHECK(parser.feed("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == 0);
    CHECK(parser.progress() == Progress::faulty);
}

TEST_CASE("every part of a request has its bound", "[http]")
{
    struct Row {
        std::string bytes;
        Fault fault;
    };
    std::string many = "GET / HTTP/1.1\r\n" + kHost;
    for (int number = 0; number < 100; ++number) many += "X: 1\r\n";
    std::string trailers = "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
    for (int number = 0; number < 100; ++number) trailers += "T: 1\r\n";
    const std::string post = "POST / HTTP/1.1\r\n" + kHost;
    const Row row = GENERATE_COPY(
        Row{"GET /" + std::string(64 * 1024, 'a') + " HTTP/1.1\r\n" + kHost + "\r\n", Fault::target_too_long},
        Row{"GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(33 * 1024, 'a') + "\r\n\r\n", Fault::head_too_large},
        Row{"GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(100 * 1024, ' ') + "a\r\n\r\n", Fault::head_too_large},
        Row{"GET / HTTP/1.1\r\n" + std::string(33 * 1024, 'a') + ": b\r\n\r\n", Fault::head_too_large},
        Row{many + "\r\n", Fault::head_too_large}, Row{trailers + "\r\n", Fault::head_too_large},
        Row{post + "Content-Length: 1048577\r\n\r\n", Fault::body_too_large},
        Row{post + "Content-Length: 9223372036854775808\r\n\r\n", Fault::body_too_large},
        Row{post + "Content-Length: 18446744073709551615\r\n\r\n", Fault::body_too_large},
        Row{post + "Content-Length: 18446744073709551616\r\n\r\n", Fault::malformed},
        Row{post + "Transfer-Encoding: chunked\r\n\r\n100001\r\n", Fault::body_too_large},
        Row{post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", Fault::body_too_large},
        Row{post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", Fault::malformed},
        Row{std::string(100 * 1024, '\n'), Fault::head_too_large},
        Row{post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", Fault::expectation_failed},
        Row{"CONNECT a:80 HTTP/1.1\r\n" + kHost + "\r\n", Fault::not_implemented},
        Row{"GET / HTTP/2.0\r\n" + kHost + "\r\n", Fault::version});
    const auto piece = GENERATE(std::size_t{1000}, std::size_t{8192});
    CAPTURE(row.bytes.substr(0, 120), piece);
    const Read read = read_all(row.bytes, piece);
    CHECK(read.requests.empty());
    CHECK(read.fault == row.fault);
}

TEST_CASE("J10: a body of exactly the limit is taken", "[http][J10]")
{
    http::RequestLimits limits;
    limits.body_bytes = 10;
    CHECK(read_all("POST / HTTP/1.1\r\n" + kHost + "Content-Length: 10\r\n\r\n0123456789", 3, limits).requests.size() == 1);
    CHECK(read_all("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", 3, limits).requests.size() == 1);
    CHECK(read_all("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n1\r\n0\r\n0\r\n\r\n", 3, limits).fault ==
          Fault::body_too_large);
}

TEST_CASE("an upgrade is ignored, and the connection goes on in HTTP/1.1", "[http]")
{
    const Read read = read_all("GET /a HTTP/1.1\r\n" + kHost + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /b HTTP/1.1\r\n" + kHost + "\r\n", 9);
    CHECK_FALSE(read.fault);
    CHECK(read.requests.size() == 2);
}

TEST_CASE("a client that expects 100-continue is known before its body comes", "[http]")
{
    http::RequestParser parser({});
    (void)parser.feed("POST / HTTP/1.1\r\n" + kHost + "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
    CHECK(parser.progress() == Progress::body);
    CHECK(parser.wants_continue());
    (void)parser.feed("ab");
    CHECK(parser.progress() == Progress::complete);
    CHECK_FALSE(parser.wants_continue());
}
