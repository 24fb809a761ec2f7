#include <catch2/catch_test_macros.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "net/connect.hpp"
#include "net/line_reader.hpp"
#include "net/listener.hpp"
#include "support/run.hpp"
#include "support/socket_pair.hpp"

namespace mbx::net {
namespace {

using std::chrono::milliseconds;
using test::SocketPair;

constexpr std::chrono::seconds kLong{20};

co::Task<Result<std::size_t, IoError>> read_into(ByteStream& stream, std::string& into, Deadline deadline)
{
    std::array<char, 4096> chunk{};
    const Result<std::size_t, IoError> got = co_await stream.read_some(chunk, deadline);
    if (got) into.assign(chunk.data(), *got);
    co_return got;
}

co::Task<std::size_t> drain(ByteStream& stream, std::size_t count)
{
    std::array<char, 4096> chunk{};
    std::size_t received = 0;
    while (received < count) {
        const Result<std::size_t, IoError> got = co_await stream.read_some(chunk, Deadline::after(kLong));
        if (!got || *got == 0) break;
        received += *got;
    }
    co_return received;
}

}  // namespace

TEST_CASE("bytes written at one end are read at the other, in both directions", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    CHECK(test::run_on(loop, pair.client->write("hello", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))));
    CHECK(heard == "hello");
    CHECK(test::run_on(loop, pair.server->write("good day", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.client, heard, Deadline::after(kLong))));
    CHECK(heard == "good day");
    CHECK(pair.server->peer().remote.address.is_loopback());
    CHECK(pair.server->peer().remote == pair.client->peer().local);
    CHECK_FALSE(pair.server->is_encrypted());
}

TEST_CASE("J4: a read ends at its deadline and the stream goes on", "[net][J4]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(milliseconds(5)))).error() ==
          IoError::timed_out);
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(milliseconds(-5)))).error() ==
          IoError::timed_out);
    CHECK(test::run_on(loop, pair.client->write("late", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))));
    CHECK(heard == "late");
}

TEST_CASE("a later read with a shorter deadline is not held up by a longer one before", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    CHECK(test::run_on(loop, pair.client->write("x", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(std::chrono::hours(1)))));
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(milliseconds(5)))).error() ==
          IoError::timed_out);
}

TEST_CASE("an interrupted read loses nothing", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    const auto interrupted = test::run_with(read_into(*pair.server, heard, Deadline::after(kLong)), [&] {
        pair.server->interrupt_read();
        pair.server->interrupt_read();
        loop.run();
    });
    CHECK(interrupted.error() == IoError::interrupted);
    pair.server->interrupt_read();  // nobody reads: nothing happens
    CHECK(test::run_on(loop, pair.client->write("whole", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))));
    CHECK(heard == "whole");
}

TEST_CASE("close ends a wait under way and every later one", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    const auto ended = test::run_with(read_into(*pair.server, heard, Deadline::after(kLong)), [&] {
        pair.server->close();
        pair.server->close();
        loop.run();
    });
    CHECK(ended.error() == IoError::closed);
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))).error() == IoError::closed);
    CHECK(test::run_on(loop, pair.server->write("x", Deadline::after(kLong))).error() == IoError::closed);
    CHECK(test::run_on(loop, pair.server->shutdown_write(Deadline::after(kLong))).error() == IoError::closed);
}

TEST_CASE("an interrupt and a close in one turn wake the reader once", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    const auto ended = test::run_with(read_into(*pair.server, heard, Deadline::after(kLong)), [&] {
        pair.server->interrupt_read();
        pair.server->close();
        loop.run();
    });
    CHECK(ended.error() == IoError::interrupted);
}

TEST_CASE("after a half-close the other direction still carries", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    std::string heard;
    CHECK(test::run_on(loop, pair.client->shutdown_write(Deadline::after(kLong))));
    CHECK(*test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))) == 0);
    CHECK(*test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))) == 0);
    CHECK(test::run_on(loop, pair.server->write("bye", Deadline::after(kLong))));
    CHECK(test::run_on(loop, read_into(*pair.client, heard, Deadline::after(kLong))));
    CHECK(heard == "bye");
    CHECK_FALSE(test::run_on(loop, pair.client->write("x", Deadline::after(kLong))));
}

TEST_CASE("a peer that does not read holds the writer until the deadline, and the stream is over", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    const std::string much(std::size_t{64} * 1024 * 1024, 'x');
    std::string heard;
    CHECK(test::run_on(loop, pair.server->write(much, Deadline::after(milliseconds(30)))).error() ==
          IoError::timed_out);
    CHECK(test::run_on(loop, pair.server->write("x", Deadline::after(kLong))).error() == IoError::timed_out);
    CHECK(test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong))).error() == IoError::timed_out);
}

TEST_CASE("a writer held by back-pressure goes on when the peer reads, and close ends it when the peer does not",
          "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    const std::string much(std::size_t{16} * 1024 * 1024, 'x');
    std::size_t received = 0;
    const auto written = test::run_with(pair.server->write(much, Deadline::after(kLong)), [&] {
        received = test::run_on(loop, drain(*pair.client, much.size()));
    });
    CHECK(written);
    CHECK(received == much.size());
    const auto closed = test::run_with(pair.server->write(much, Deadline::after(kLong)), [&] {
        pair.server->close();
        loop.run();
    });
    CHECK(closed.error() == IoError::closed);
}

TEST_CASE("a dropped peer ends reads and writes", "[net]")
{
    Loop loop;
    SocketPair pair(loop);
    pair.client.reset();
    std::string heard;
    const auto got = test::run_on(loop, read_into(*pair.server, heard, Deadline::after(kLong)));
    CHECK((!got || *got == 0));
    const std::string much(std::size_t{1024} * 1024, 'x');
    const auto first = test::run_on(loop, pair.server->write(much, Deadline::after(kLong)));
    const auto second = test::run_on(loop, pair.server->write(much, Deadline::after(kLong)));
    CHECK((!first || !second));
    CHECK(second.error() == IoError::reset);
}

TEST_CASE("connecting where nobody listens is refused", "[net]")
{
    Loop loop;
    ListenerOptions options;
    options.endpoint = *Endpoint::parse("127.0.0.1:0");
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    const Endpoint nobody = (*listener)->local_endpoint();
    listener = Error{"", "", ""};
    CHECK(test::run_on(loop, connect_tcp(loop, nobody, Deadline::after(kLong))).error() == IoError::refused);
    CHECK(test::run_on(loop, connect_unix(loop, "/nonexistent/socket", Deadline::after(kLong))).error() ==
          IoError::refused);
    CHECK(test::run_on(loop, connect_unix(loop, std::string(300, 'p'), Deadline::after(kLong))).error() ==
          IoError::refused);
}

}  // namespace mbx::net
