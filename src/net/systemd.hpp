// What systemd hands to a service and wants to hear from it: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3),
// spoken here in a few lines instead of by libsystemd. The parsers are pure: the environment enters as values.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::net {

// The variables as they stand in the environment; none when absent.
struct SystemdEnvironment {
    std::optional<std::string> listen_pid;
    std::optional<std::string> listen_fds;
    std::optional<std::string> listen_fdnames;
    std::optional<std::string> notify_socket;
    std::optional<std::string> watchdog_pid;
    std::optional<std::string> watchdog_usec;
};

SystemdEnvironment systemd_environment();

struct InheritedSocket {
    int descriptor = -1;
    std::string name;  // FileDescriptorName= of the .socket unit, or "unknown"
};

// The sockets meant for the process `pid`: none at all when there are none, or when they are another's. The names must
// be as many as the sockets. The caller gives each to a Listener, or closes it.
Result<std::vector<InheritedSocket>, Error> inherited_sockets(const SystemdEnvironment& environment, pid_t pid);

// The same of this process and its environment. What is malformed counts as none: the daemon then binds for itself, and
// fails with a clear word where systemd already listens.
std::vector<InheritedSocket> take_inherited_sockets();

// How often systemd wants to hear from the process, when it does; tell it twice as often.
std::optional<std::chrono::milliseconds> watchdog_interval(const SystemdEnvironment& environment, pid_t pid);

// Tells systemd how the service does. Every call sends one datagram and never blocks; without a socket nothing happens.
// What cannot be sent is lost: systemd's own timeouts are the answer to a service that cannot speak. Any thread.
class SystemdNotifier {
public:
    // By NOTIFY_SOCKET of this process.
    SystemdNotifier();
    // `socket` as in NOTIFY_SOCKET: a path, or "@name" in the abstract name space.
    explicit SystemdNotifier(std::optional<std::string> socket);
    ~SystemdNotifier();
    SystemdNotifier(const SystemdNotifier&) = delete;
    SystemdNotifier& operator=(const SystemdNotifier&) = delete;

    bool is_connected() const { return descriptor_ >= 0; }
    // `line` is for people: shown by systemctl status.
    void ready(std::string_view line = {});
    void reloading();  // with the time, as Type=notify-reload wants it; ready() ends it
    void stopping();
    void watchdog();
    void status(std::string_view line);
    // Of this process.
    std::optional<std::chrono::milliseconds> watchdog_interval() const;

private:
    void send(std::string_view text);
    int descriptor_ = -1;
};

}  // namespace mbx::net
