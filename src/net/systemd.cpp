#include "net/systemd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/ascii.hpp"

namespace mbx::net {
namespace {

constexpr std::size_t kMostStatus = 500;
constexpr int kFirstDescriptor = 3;           // SD_LISTEN_FDS_START
constexpr std::uint64_t kMostDescriptors = 256;  // far more than the ports of mail

// Left in the environment: removing one is not safe beside other threads, and mailboxd starts no other programs.
std::optional<std::string> variable(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> split_names(std::string_view text)
{
    std::vector<std::string> names;
    while (true) {
        const auto colon = text.find(':');
        names.emplace_back(text.substr(0, colon));
        if (colon == std::string_view::npos) return names;
        text.remove_prefix(colon + 1);
    }
}

bool is_for(const std::optional<std::string>& text, pid_t pid)
{
    return text && ascii::parse_number(*text) == static_cast<std::uint64_t>(pid);
}

}  // namespace

SystemdEnvironment systemd_environment()
{
    SystemdEnvironment environment;
    environment.listen_pid = variable("LISTEN_PID");
    environment.listen_fds = variable("LISTEN_FDS");
    environment.listen_fdnames = variable("LISTEN_FDNAMES");
    environment.notify_socket = variable("NOTIFY_SOCKET");
    environment.watchdog_pid = variable("WATCHDOG_PID");
    environment.watchdog_usec = variable("WATCHDOG_USEC");
    return environment;
}

Result<std::vector<InheritedSocket>, Error> inherited_sockets(const SystemdEnvironment& environment, pid_t pid)
{
    std::vector<InheritedSocket> sockets;
    if (!environment.listen_fds || !is_for(environment.listen_pid, pid)) return sockets;
    const std::string attempted = "taking sockets from systemd";
    const auto count = ascii::parse_number(*environment.listen_fds);
    if (!count || *count > kMostDescriptors) {
        return Error{attempted, "LISTEN_FDS is \"" + ascii::printable(*environment.listen_fds) + "\"",
                     "start mailboxd by systemd, or without LISTEN_FDS in the environment"};
    }
    std::vector<std::string> names;
    if (environment.listen_fdnames) names = split_names(*environment.listen_fdnames);
    if (environment.listen_fdnames && names.size() != *count) {
        return Error{attempted, "LISTEN_FDNAMES names another number of sockets than LISTEN_FDS",
                     "check FileDescriptorName= in the .socket units"};
    }
    for (std::size_t i = 0; i < *count; ++i) {
        sockets.push_back({kFirstDescriptor + static_cast<int>(i), i < names.size() ? names[i] : "unknown"});
    }
    return sockets;
}

std::vector<InheritedSocket> take_inherited_sockets()
{
    auto sockets = inherited_sockets(systemd_environment(), ::getpid());
    return sockets ? std::move(*sockets) : std::vector<InheritedSocket>();
}

std::optional<std::chrono::milliseconds> watchdog_interval(const SystemdEnvironment& environment, pid_t pid)
{
    if (!environment.watchdog_usec) return std::nullopt;
    if (environment.watchdog_pid && !is_for(environment.watchdog_pid, pid)) return std::nullopt;
    const auto microseconds = ascii::parse_number(*environment.watchdog_usec);
    // Below a millisecond it would make a busy loop of the service.
    if (!microseconds || *microseconds < 1000 || *microseconds > static_cast<std::uint64_t>(INT64_MAX)) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*microseconds / 1000));
}

SystemdNotifier::SystemdNotifier() : SystemdNotifier(variable("NOTIFY_SOCKET")) {}

SystemdNotifier::SystemdNotifier(std::optional<std::string> socket)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!socket || socket->size() < 2 || socket->size() >= sizeof address.sun_path) return;
    const bool is_abstract = socket->front() == '@';
    if (!is_abstract && socket->front() != '/') return;
    std::memcpy(address.sun_path, socket->data(), socket->size());
    // unix(7): an abstract name begins with a zero byte and has no end mark but the address's length.
    if (is_abstract) address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket->size() + (is_abstract ? 0 : 1));

    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor_ < 0) return;
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0) return;
    ::close(descriptor_);
    descriptor_ = -1;
}

SystemdNotifier::~SystemdNotifier()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

void SystemdNotifier::send(std::string_view text)
{
    if (descriptor_ < 0) return;
    (void)::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void SystemdNotifier::ready(std::string_view line)
{
    // A line end within would begin another variable.
    send(line.empty() ? "READY=1" : "READY=1\nSTATUS=" + ascii::printable(line, kMostStatus));
}

void SystemdNotifier::reloading()
{
    std::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void SystemdNotifier::stopping() { send("STOPPING=1"); }

void SystemdNotifier::watchdog() { send("WATCHDOG=1"); }

void SystemdNotifier::status(std::string_view line) { send("STATUS=" + ascii::printable(line, kMostStatus)); }

std::optional<std::chrono::milliseconds> SystemdNotifier::watchdog_interval() const
{
    return net::watchdog_interval(systemd_environment(), ::getpid());
}

}  // namespace mbx::net
