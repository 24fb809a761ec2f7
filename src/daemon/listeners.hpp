// The sockets that the daemon listens on, by service: those that systemd passed, else those of the configuration.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "net/listener.hpp"
#include "net/systemd.hpp"

namespace mbx::daemon {

enum class Service : std::uint8_t { smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, http, control, sendmail };

std::string_view name(Service service);

struct OpenListener {
    Service service;
    std::unique_ptr<net::Listener> listener;
};
using OpenListeners = std::vector<OpenListener>;

// Binds everything but the control socket, while the process may still be root. All or none.
Result<OpenListeners, Error> open_listeners(net::Loop& loop, const config::Settings& settings,
                                            const std::vector<net::InheritedSocket>& inherited, const Log& log);

// The control socket, as the daemon's own user: <runtime_directory>/control.sock.
Result<OpenListener, Error> open_control(net::Loop& loop, const config::Settings& settings, const Log& log);

// The socket of programs of this machine, likewise: <runtime_directory>/sendmail.sock, for all users.
Result<OpenListener, Error> open_sendmail(net::Loop& loop, const config::Settings& settings, const Log& log);

// Gives the limits of `settings` to listeners that are open: what a reload may change.
void apply_limits(const OpenListeners& listeners, const config::Settings& settings);

}  // namespace mbx::daemon
