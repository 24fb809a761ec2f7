#include "net/systemd.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "net/signals.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::net {
namespace {

SystemdEnvironment listening(std::optional<std::string> pid, std::optional<std::string> count,
                             std::optional<std::string> names)
{
    SystemdEnvironment environment;
    environment.listen_pid = std::move(pid);
    environment.listen_fds = std::move(count);
    environment.listen_fdnames = std::move(names);
    return environment;
}

// The service manager's end.
class NotifySocket {
public:
    explicit NotifySocket(const std::string& name) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        const bool is_abstract = name.front() == '@';
        if (is_abstract) address.sun_path[0] = '\0';
        const auto size = offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1);
        REQUIRE(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
    }
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;
    ~NotifySocket() { ::close(descriptor_); }
    std::string next() const
    {
        std::array<char, 1000> text{};
        const ssize_t got = ::recv(descriptor_, text.data(), text.size(), MSG_DONTWAIT);
        return got < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(got));
    }

private:
    int descriptor_;
};

}  // namespace

TEST_CASE("sockets of systemd come with their names and only to the process they are for", "[net]")
{
    const auto both = inherited_sockets(listening("77", "2", "smtp:imaps"), 77);
    REQUIRE(both);
    REQUIRE(both->size() == 2);
    CHECK((*both)[0].descriptor == 3);
    CHECK((*both)[0].name == "smtp");
    CHECK((*both)[1].descriptor == 4);
    CHECK((*both)[1].name == "imaps");
    CHECK(inherited_sockets(listening("77", "2", {}), 77)->at(1).name == "unknown");
    CHECK(inherited_sockets(listening("78", "2", "smtp:imaps"), 77)->empty());
    CHECK(inherited_sockets(listening({}, "2", "smtp:imaps"), 77)->empty());
    CHECK(inherited_sockets(listening("77", {}, "smtp"), 77)->empty());
}

TEST_CASE("J10: a count of sockets that is no small number is refused", "[net][J10]")
{
    const char* count = GENERATE("", "-1", "2x", "0x2", "99999999999999999999", "4294967297", " 2");
    CHECK_FALSE(inherited_sockets(listening("77", count, {}), 77));
    CHECK_FALSE(inherited_sockets(listening("77", "2", "smtp"), 77));
    CHECK_FALSE(inherited_sockets(listening("77", "2", "a:b:c"), 77));
}

TEST_CASE("the watchdog's interval is only taken from a sound number meant for this process", "[net]")
{
    SystemdEnvironment environment;
    CHECK_FALSE(watchdog_interval(environment, 5));
    environment.watchdog_usec = "30000000";
    CHECK(watchdog_interval(environment, 5) == std::chrono::seconds(30));
    environment.watchdog_pid = "6";
    CHECK_FALSE(watchdog_interval(environment, 5));
    environment.watchdog_pid = "5";
    CHECK(watchdog_interval(environment, 5) == std::chrono::seconds(30));
    environment.watchdog_usec = "0";
    CHECK_FALSE(watchdog_interval(environment, 5));
    environment.watchdog_usec = "18446744073709551615";
    CHECK_FALSE(watchdog_interval(environment, 5));
}

TEST_CASE("systemd hears how the service does, by a path and by an abstract name", "[net]")
{
    test::TemporaryFolder folder;
    const std::string name = GENERATE_REF(folder.path("notify"), "@mailboxd-test-" + std::to_string(::getpid()));
    const NotifySocket manager(name);
    SystemdNotifier notifier(name);
    REQUIRE(notifier.is_connected());
    notifier.ready();
    CHECK(manager.next() == "READY=1");
    notifier.ready("serving");
    CHECK(manager.next() == "READY=1\nSTATUS=serving");
    notifier.reloading();
    CHECK(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    notifier.watchdog();
    CHECK(manager.next() == "WATCHDOG=1");
    notifier.status("serving\nREADY=1");
    CHECK(manager.next() == "STATUS=serving\\x0aREADY=1");
    notifier.stopping();
    CHECK(manager.next() == "STOPPING=1");
}

TEST_CASE("a notifier without a socket, or with a wrong one, does nothing", "[net]")
{
    const std::optional<std::string> socket = GENERATE(
        std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("relative"),
        std::optional<std::string>("/nonexistent/notify"), std::optional<std::string>("@"),
        std::optional<std::string>(std::string(300, '/')));
    SystemdNotifier notifier(socket);
    CHECK_FALSE(notifier.is_connected());
    notifier.ready();
}

TEST_CASE("systemd's variables are read from the environment", "[net]")
{
    ::setenv("LISTEN_PID", "1", 1);
    ::setenv("WATCHDOG_USEC", "5", 1);
    const SystemdEnvironment environment = systemd_environment();
    CHECK(environment.listen_pid == "1");
    CHECK(environment.watchdog_usec == "5");
    CHECK_FALSE(environment.listen_fdnames);
    CHECK(take_inherited_sockets().empty());
    ::unsetenv("LISTEN_PID");
    ::unsetenv("WATCHDOG_USEC");
}

namespace {

co::Task<void> wait_long(Timer& timer)
{
    (void)co_await timer.wait(std::chrono::hours(1));
}

}  // namespace

TEST_CASE("a signal calls its handler on the loop, and the last handler set is the one", "[net]")
{
    Loop loop;
    Timer timer(loop);
    Signals signals(loop);
    int wrong = 0;
    int right = 0;
    signals.on(SIGHUP, [&] { ++wrong; });
    signals.on(SIGHUP, [&] {
        ++right;
        timer.cancel();
    });
    co::Scope scope;
    scope.spawn(wait_long(timer));
    loop.post([] { ::raise(SIGHUP); });
    loop.run();
    CHECK(right == 1);
    CHECK(wrong == 0);
}

}  // namespace mbx::net
