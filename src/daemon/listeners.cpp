#include "daemon/listeners.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace mbx::daemon {
namespace {

constexpr std::size_t kControlConnections = 64;
constexpr std::size_t kHttpConnections = 1000;
constexpr std::size_t kSendmailConnections = 200;

struct Limits {
    std::size_t in_all = 0;
    std::size_t per_network = 0;
};

Limits limits_of(Service service, const config::Settings& settings)
{
    switch (service) {
    case Service::smtp: return {settings.smtp.max_connections, settings.smtp.max_connections_per_network};
    case Service::submission:
    case Service::submissions:
        return {settings.submission.max_connections, settings.submission.max_connections_per_network};
    case Service::lmtp: return {settings.lmtp.max_connections, settings.lmtp.max_connections};
    case Service::imap:
    case Service::imaps: return {settings.imap.max_connections, settings.imap.max_connections_per_network};
    case Service::pop3:
    case Service::pop3s: return {settings.pop3.max_connections, settings.pop3.max_connections_per_network};
    case Service::http: return {kHttpConnections, kHttpConnections};
    case Service::control: return {kControlConnections, kControlConnections};
    case Service::sendmail: return {kSendmailConnections, kSendmailConnections};
    }
    return {};
}

// What a client over a limit is told before the connection closes; nothing where TLS would have to come first.
std::string busy_reply(Service service)
{
    switch (service) {
    case Service::smtp:
    case Service::lmtp:
    case Service::sendmail:
    case Service::submission: return "421 4.3.2 too many connections, try again later\r\n";
    case Service::imap: return "* BYE [UNAVAILABLE] Too many connections, try again later\r\n";
    case Service::pop3: return "-ERR [SYS/TEMP] too many connections, try again later\r\n";
    case Service::http:
    case Service::control: return "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    case Service::submissions:
    case Service::imaps:
    case Service::pop3s: break;
    }
    return {};
}

net::ListenerOptions options_of(Service service, const config::Settings& settings)
{
    net::ListenerOptions options;
    options.name = name(service);
    options.busy_reply = busy_reply(service);
    const Limits limits = limits_of(service, settings);
    options.max_connections = limits.in_all;
    options.max_per_network = limits.per_network;
    for (const auto& text : settings.proxy.networks) {
        const auto network = net::IpNetwork::parse(text);
        if (network) options.proxies.push_back(*network);
    }
    return options;
}

struct Wanted {
    Service service;
    const config::Endpoints* endpoints;
};

// One listener's options for each socket of a service: systemd's, when it passed any under that name.
std::vector<net::ListenerOptions> sockets_of(const Wanted& wanted, const config::Settings& settings,
                                             const std::vector<net::InheritedSocket>& inherited)
{
    std::vector<net::ListenerOptions> all;
    for (const auto& socket : inherited) {
        if (socket.name != name(wanted.service)) continue;
        auto options = options_of(wanted.service, settings);
        options.inherited_descriptor = socket.descriptor;
        all.push_back(std::move(options));
    }
    if (!all.empty()) return all;
    for (const auto& text : *wanted.endpoints) {
        const auto endpoint = net::Endpoint::parse(text);
        if (!endpoint) continue;  // config has checked it
        auto options = options_of(wanted.service, settings);
        options.endpoint = *endpoint;
        all.push_back(std::move(options));
    }
    return all;
}

}  // namespace

std::string_view name(Service service)
{
    switch (service) {
    case Service::smtp: return "smtp";
    case Service::submission: return "submission";
    case Service::submissions: return "submissions";
    case Service::lmtp: return "lmtp";
    case Service::imap: return "imap";
    case Service::imaps: return "imaps";
    case Service::pop3: return "pop3";
    case Service::pop3s: return "pop3s";
    case Service::http: return "http";
    case Service::control: return "control";
    case Service::sendmail: return "sendmail";
    }
    return "";
}

Result<OpenListeners, Error> open_listeners(net::Loop& loop, const config::Settings& settings,
                                            const std::vector<net::InheritedSocket>& inherited, const Log& log)
{
    const std::vector<Wanted> wanted{
        {Service::smtp, &settings.smtp.listen},
        {Service::submission, &settings.submission.listen},
        {Service::submissions, &settings.submission.listen_tls},
        {Service::lmtp, &settings.lmtp.listen},
        {Service::imap, &settings.imap.listen},
        {Service::imaps, &settings.imap.listen_tls},
        {Service::pop3, &settings.pop3.listen},
        {Service::pop3s, &settings.pop3.listen_tls},
        {Service::http, &settings.http.listen},
    };
    OpenListeners open;
    for (const auto& one : wanted) {
        for (auto& options : sockets_of(one, settings, inherited)) {
            auto listener = net::Listener::open(loop, std::move(options), log);
            if (!listener) return listener.error();
            open.push_back(OpenListener{one.service, std::move(*listener)});
        }
    }
    return open;
}

Result<OpenListener, Error> open_control(net::Loop& loop, const config::Settings& settings, const Log& log)
{
    auto options = options_of(Service::control, settings);
    options.proxies.clear();
    options.unix_path = settings.server.runtime_directory + "/control.sock";
    auto listener = net::Listener::open(loop, std::move(options), log);
    if (!listener) return listener.error();
    return OpenListener{Service::control, std::move(*listener)};
}

Result<OpenListener, Error> open_sendmail(net::Loop& loop, const config::Settings& settings, const Log& log)
{
    auto options = options_of(Service::sendmail, settings);
    options.proxies.clear();
    options.unix_path = settings.server.runtime_directory + "/sendmail.sock";
    options.unix_mode = 0666;
    struct stat facts {};
    const bool is_passable = ::stat(settings.server.runtime_directory.c_str(), &facts) == 0 && (facts.st_mode & S_IXOTH) != 0;
    if (!is_passable) {
        log.notice("sendmail of other users cannot reach its socket, and leaves its mail in sendmail.drop_directory",
                   {{"directory", settings.server.runtime_directory}, {"advice", "chmod o+x"}});
    }
    auto listener = net::Listener::open(loop, std::move(options), log);
    if (!listener) return listener.error();
    return OpenListener{Service::sendmail, std::move(*listener)};
}

void apply_limits(const OpenListeners& listeners, const config::Settings& settings)
{
    for (const auto& open : listeners) {
        const Limits limits = limits_of(open.service, settings);
        open.listener->set_limits(limits.in_all, limits.per_network);
    }
}

}  // namespace mbx::daemon
