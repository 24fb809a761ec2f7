#include "net/listener.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::net {
namespace {

constexpr std::chrono::seconds kLong{60};

ListenerOptions local(const char* endpoint = "127.0.0.1:0")
{
    ListenerOptions options;
    options.name = "test";
    options.endpoint = *Endpoint::parse(endpoint);
    options.busy_reply = "421 4.3.2 busy\r\n";
    return options;
}

// Sends back what it hears until the stream ends.
co::Task<void> echo(std::unique_ptr<ByteStream> stream)
{
    std::array<char, 1000> chunk{};
    while (true) {
        const Result<std::size_t, IoError> got = co_await stream->read_some(chunk, Deadline::after(kLong));
        if (!got || *got == 0) co_return;
        const std::string_view heard(chunk.data(), *got);
        const Result<void, IoError> sent = co_await stream->write(heard, Deadline::after(kLong));
        if (!sent) co_return;
    }
}

co::Task<void> fail(std::unique_ptr<ByteStream> stream)
{
    if (stream) throw std::runtime_error("a bug");
    co_return;
}

// Says `text`, hears all until the end.
co::Task<void> converse(ByteStream& stream, std::string text, std::string& heard)
{
    const Result<void, IoError> sent = co_await stream.write(text, Deadline::after(kLong));
    if (sent) (void)co_await stream.shutdown_write(Deadline::after(kLong));
    std::array<char, 1000> chunk{};
    while (true) {
        const Result<std::size_t, IoError> got = co_await stream.read_some(chunk, Deadline::after(kLong));
        if (!got || *got == 0) co_return;
        heard.append(chunk.data(), *got);
    }
}

co::Task<void> connect_into(Loop& loop, Endpoint to, std::unique_ptr<ByteStream>& into)
{
    Result<std::unique_ptr<ByteStream>, IoError> made = co_await connect_tcp(loop, to, Deadline::after(kLong));
    if (made) into = std::move(*made);
}

// One conversation with a server that then stops; what the client heard.
co::Task<void> one_conversation(Loop& loop, Listener& listener, std::string text, std::string& heard)
{
    const Endpoint to = listener.local_endpoint();
    Result<std::unique_ptr<ByteStream>, IoError> made = co_await connect_tcp(loop, to, Deadline::after(kLong));
    if (made) co_await converse(**made, std::move(text), heard);
    listener.stop_accepting();
}

std::string hear(Listener& listener, Loop& loop, std::string text)
{
    std::string heard;
    co::Scope scope;
    scope.spawn(one_conversation(loop, listener, std::move(text), heard));
    loop.run();
    return heard;
}

// Tells each session whom it talks to.
co::Task<void> tell_peer(std::unique_ptr<ByteStream> stream)
{
    const std::string text = stream->peer().text() + " to " + stream->peer().local.text() + "\r\n";
    (void)co_await stream->write(text, Deadline::after(kLong));
    co_await echo(std::move(stream));
}

}  // namespace

TEST_CASE("a listener serves IPv4, and IPv6 on a socket of its own", "[net]")
{
    Loop loop;
    auto four = Listener::open(loop, local(), Log());
    REQUIRE(four);
    (*four)->start(echo);
    CHECK(hear(**four, loop, "hello") == "hello");
    CHECK((*four)->accepted() == 1);
    CHECK((*four)->connections() == 0);

    ListenerOptions same_port = local("[::1]:0");
    auto six = Listener::open(loop, same_port, Log());
    if (!six) SKIP("this machine has no IPv6");
    (*six)->start(echo);
    CHECK(hear(**six, loop, "hello six") == "hello six");
}

TEST_CASE("an address in use is refused with a word on what to do", "[net]")
{
    Loop loop;
    auto first = Listener::open(loop, local(), Log());
    REQUIRE(first);
    ListenerOptions again = local();
    again.endpoint = (*first)->local_endpoint();
    const auto second = Listener::open(loop, again, Log());
    REQUIRE_FALSE(second);
    CHECK(second.error().text().find(again.endpoint.text()) != std::string::npos);
    CHECK(second.error().advice.find("another program") != std::string::npos);
}

TEST_CASE("an exception of a session closes its stream and nothing else", "[net]")
{
    Loop loop;
    auto listener = Listener::open(loop, local(), Log());
    REQUIRE(listener);
    (*listener)->start(fail);
    CHECK(hear(**listener, loop, "hello").empty());
    CHECK((*listener)->connections() == 0);
}

TEST_CASE("J4: connections over a limit are told so and closed; those below go on", "[net][J4]")
{
    Loop loop;
    ListenerOptions options = local();
    const bool in_all = GENERATE(true, false);
    (in_all ? options.max_connections : options.max_per_network) = 2;
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    (*listener)->start(echo);

    std::array<std::unique_ptr<ByteStream>, 3> streams;
    std::array<std::string, 3> heard;
    const auto play = [](Loop& on, Listener& with, auto& all, auto& texts) -> co::Task<void> {
        const Endpoint to = with.local_endpoint();
        for (auto& stream : all) co_await connect_into(on, to, stream);
        // The last one is over the limit: it hears why. The others are answered.
        co_await converse(*all[2], std::string(), texts[2]);
        co_await converse(*all[0], "zero", texts[0]);
        co_await converse(*all[1], "one", texts[1]);
        co_await connect_into(on, to, all[2]);
        co_await converse(*all[2], "now there is room", texts[2]);
        with.stop_accepting();
    };
    co::Scope scope;
    scope.spawn(play(loop, **listener, streams, heard));
    loop.run();
    CHECK(heard[0] == "zero");
    CHECK(heard[1] == "one");
    CHECK(heard[2] == "421 4.3.2 busy\r\nnow there is room");
    CHECK((*listener)->refused() == 1);
    CHECK((*listener)->accepted() == 3);
}

TEST_CASE("a shutdown with waiting sessions ends them all and leaves nothing", "[net]")
{
    Loop loop;
    auto listener = Listener::open(loop, local(), Log());
    REQUIRE(listener);
    (*listener)->start(echo);
    std::array<std::unique_ptr<ByteStream>, 20> streams;
    const auto play = [](Loop& on, Listener& with, auto& all) -> co::Task<void> {
        const Endpoint to = with.local_endpoint();
        for (auto& stream : all) co_await connect_into(on, to, stream);
        std::array<char, 10> chunk{};
        for (auto& stream : all) {
            (void)co_await stream->write("x", Deadline::after(kLong));
            (void)co_await stream->read_some(chunk, Deadline::after(kLong));
        }
        with.stop_accepting();
        with.close_sessions();
        co_await with.finished();
    };
    co::Scope scope;
    scope.spawn(play(loop, **listener, streams));
    loop.run();
    CHECK(scope.running() == 0);
    CHECK((*listener)->connections() == 0);
    CHECK((*listener)->accepted() == 20);
}

TEST_CASE("C12: a listed proxy names its client, and its other bytes are the client's own", "[net][proxy][C12]")
{
    Loop loop;
    ListenerOptions options = local();
    options.proxies = {*IpNetwork::parse("127.0.0.0/8")};
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    (*listener)->start(tell_peer);
    CHECK(hear(**listener, loop, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 25\r\nEHLO c\r\n") ==
          "203.0.113.7:4711 to 198.51.100.1:25\r\nEHLO c\r\n");
}

TEST_CASE("C12: a connection of a listed proxy without a valid header is closed unanswered", "[net][proxy][C12]")
{
    Loop loop;
    ListenerOptions options = local();
    options.proxies = {*IpNetwork::parse("127.0.0.0/8")};
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    (*listener)->start(tell_peer);
    const std::string text = GENERATE(as<std::string>{}, "EHLO c\r\n", "PROXY TCP4 203.0.113.7 198.51", "");
    CHECK(hear(**listener, loop, text).empty());
    CHECK((*listener)->connections() == 0);
}

TEST_CASE("C12: a header from a source that is not listed is the client's own words", "[net][proxy][C12]")
{
    Loop loop;
    ListenerOptions options = local();
    options.proxies = {*IpNetwork::parse("192.0.2.0/24")};
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    (*listener)->start(echo);
    const std::string forged = "PROXY TCP4 203.0.113.7 198.51.100.1 4711 25\r\n";
    CHECK(hear(**listener, loop, forged) == forged);
}

TEST_CASE("J4: limits of a proxied port count the clients that the proxy names", "[net][proxy][J4]")
{
    Loop loop;
    ListenerOptions options = local();
    options.proxies = {*IpNetwork::parse("127.0.0.0/8")};
    options.max_per_network = 1;
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    (*listener)->start(echo);
    std::array<std::unique_ptr<ByteStream>, 3> streams;
    std::array<std::string, 3> heard;
    const auto play = [](Loop& on, Listener& with, auto& all, auto& texts) -> co::Task<void> {
        const Endpoint to = with.local_endpoint();
        std::array<char, 10> chunk{};
        for (auto& stream : all) co_await connect_into(on, to, stream);
        (void)co_await all[0]->write("PROXY TCP4 203.0.113.7 198.51.100.1 1 25\r\nx", Deadline::after(kLong));
        (void)co_await all[0]->read_some(chunk, Deadline::after(kLong));
        co_await converse(*all[1], "PROXY TCP4 203.0.113.7 198.51.100.1 2 25\r\nsame", texts[1]);
        co_await converse(*all[2], "PROXY TCP4 203.0.113.8 198.51.100.1 3 25\r\nother", texts[2]);
        co_await converse(*all[0], "y", texts[0]);
        with.stop_accepting();
    };
    co::Scope scope;
    scope.spawn(play(loop, **listener, streams, heard));
    loop.run();
    CHECK(heard[0] == "y");
    CHECK(heard[1] == "421 4.3.2 busy\r\n");
    CHECK(heard[2] == "other");
}

namespace {

class DescriptorLimit {
public:
    DescriptorLimit()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
    }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;
    // No descriptor more than are open now.
    void close_tap() const
    {
        const int next = ::dup(0);
        ::close(next);
        rlimit limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(next);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("G4: out of descriptors, a connection is told so by the reserve and the next one is served", "[net][G4]")
{
    Loop loop;
    auto listener = Listener::open(loop, local(), Log());
    REQUIRE(listener);
    (*listener)->start(echo);
    // The client's socket is there before the descriptors run out; it connects after.
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((*listener)->local_endpoint().port);
    std::string heard;
    const auto play = [](Timer& pause, Listener& with, int socket, std::string& into) -> co::Task<void> {
        std::array<char, 100> chunk{};
        ssize_t got = -1;
        while (got < 0) {
            (void)co_await pause.wait(std::chrono::milliseconds(1));
            got = ::recv(socket, chunk.data(), chunk.size(), MSG_DONTWAIT);
        }
        into.assign(chunk.data(), static_cast<std::size_t>(got));
        with.stop_accepting();
    };
    {
        Timer pause(loop);
        const DescriptorLimit limit;
        limit.close_tap();
        REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        co::Scope scope;
        scope.spawn(play(pause, **listener, client, heard));
        loop.run();
    }
    ::close(client);
    CHECK(heard == "421 4.3.2 busy\r\n");
    CHECK((*listener)->refused() == 1);
    CHECK((*listener)->accepted() == 0);

    auto after = Listener::open(loop, local(), Log());
    REQUIRE(after);
    (*after)->start(echo);
    CHECK(hear(**after, loop, "hello") == "hello");
}

namespace {

ListenerOptions at_path(const std::string& path)
{
    ListenerOptions options;
    options.name = "control";
    options.unix_path = path;
    return options;
}

co::Task<void> tell_uid(std::unique_ptr<ByteStream> stream)
{
    const std::string text = std::to_string(stream->peer().unix_uid) + (stream->peer().is_loopback() ? " local" : "");
    (void)co_await stream->write(text, Deadline::after(kLong));
}

co::Task<void> ask_unix(Loop& loop, Listener& listener, std::string& heard)
{
    const std::string path = listener.options().unix_path;
    Result<std::unique_ptr<ByteStream>, IoError> made = co_await connect_unix(loop, path, Deadline::after(kLong));
    if (made) co_await converse(**made, std::string(), heard);
    listener.stop_accepting();
}

}  // namespace

TEST_CASE("a unix socket has mode 0660, knows its peer's user and is gone with its listener", "[net]")
{
    Loop loop;
    const test::TemporaryFolder folder;
    const std::string path = folder.path("control.sock");
    {
        const mode_t before = ::umask(0077);
        auto listener = Listener::open(loop, at_path(path), Log());
        ::umask(before);
        REQUIRE(listener);
        struct stat facts {};
        REQUIRE(::stat(path.c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777U) == 0660U);
        (*listener)->start(tell_uid);
        std::string heard;
        co::Scope scope;
        scope.spawn(ask_unix(loop, **listener, heard));
        loop.run();
        CHECK(heard == std::to_string(::getuid()) + " local");
    }
    struct stat facts {};
    CHECK(::stat(path.c_str(), &facts) != 0);
}

TEST_CASE("a stale socket file is replaced, one that answers is not, and neither is a file", "[net]")
{
    Loop loop;
    const test::TemporaryFolder folder;
    const std::string path = folder.path("control.sock");
    const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);

    auto first = Listener::open(loop, at_path(path), Log());
    REQUIRE(first);
    const auto second = Listener::open(loop, at_path(path), Log());
    REQUIRE_FALSE(second);
    CHECK(second.error().happened.find("answers") != std::string::npos);
    const std::string file = folder.write("precious", "data");
    CHECK_FALSE(Listener::open(loop, at_path(file), Log()));
    CHECK_FALSE(Listener::open(loop, at_path(std::string(200, 'p')), Log()));
}

TEST_CASE("a socket passed by systemd is used as it is, and one that does not listen is refused", "[net]")
{
    Loop loop;
    const int passed = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(passed, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ListenerOptions options;
    options.name = "smtp";
    options.inherited_descriptor = passed;
    CHECK_FALSE(Listener::open(loop, options, Log()));
    REQUIRE(::listen(passed, 5) == 0);
    auto listener = Listener::open(loop, options, Log());
    REQUIRE(listener);
    CHECK((*listener)->local_endpoint().port != 0);
    (*listener)->start(echo);
    CHECK(hear(**listener, loop, "hello") == "hello");
}

}  // namespace mbx::net
