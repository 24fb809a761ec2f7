#include "config/check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "base/ascii.hpp"
#include "config/units.hpp"

namespace mbx::config {
namespace {

using Errors = std::vector<ConfigError>;

void check_tls(const Loaded& loaded, Errors& errors)
{
    const Settings& s = loaded.settings;
    if (s.tls.certificate.empty() != s.tls.key.empty()) {
        errors.push_back(error_about(loaded, {"tls.certificate", "tls.key"},
                                     "tls.certificate and tls.key need each other: one is set, the other is empty",
                                     "set both, or neither"));
        return;
    }
    if (!s.tls.certificate.empty()) return;
    const auto needs = [&](const Endpoints& listen, std::string_view key) {
        if (listen.empty()) return;
        errors.push_back(error_about(loaded, {key, "tls.certificate", "tls.key"},
                                     std::string(key) + " listens with TLS, but there is no certificate",
                                     "set tls.certificate and tls.key, or " + std::string(key) + " = []"));
    };
    needs(s.submission.listen_tls, "submission.listen_tls");
    needs(s.imap.listen_tls, "imap.listen_tls");
    needs(s.pop3.listen_tls, "pop3.listen_tls");
    const auto unusable = [&](const Endpoints& listen, std::string_view key) {
        if (listen.empty() || !s.auth.plaintext_login_networks.empty()) return;
        errors.push_back(error_about(loaded, {key, "tls.certificate", "tls.key"},
                                     std::string("nobody could log in on ") + std::string(key) +
                                         ": there is no certificate, and no network may log in without TLS",
                                     "set tls.certificate and tls.key, or " + std::string(key) + " = []"));
    };
    unusable(s.submission.listen, "submission.listen");
    unusable(s.imap.listen, "imap.listen");
    unusable(s.pop3.listen, "pop3.listen");
}

void check_loopback(const Loaded& loaded, Errors& errors)
{
    for (const std::string& network : loaded.settings.auth.plaintext_login_networks) {
        if (is_loopback_network(network)) continue;
        errors.push_back(error_about(loaded, {"auth.plaintext_login_networks"},
                                     "auth.plaintext_login_networks holds " + network +
                                         ", which is not of this machine: passwords would cross the network readable",
                                     "only networks within 127.0.0.0/8 and ::1 are allowed"));
    }
    for (const std::string& endpoint : loaded.settings.http.listen) {
        if (is_loopback_endpoint(endpoint)) continue;
        errors.push_back(error_about(loaded, {"http.listen"},
                                     "http.listen holds " + endpoint + ", which others can reach without a log-in",
                                     "use 127.0.0.1 or [::1], with a proxy that asks for a password in front"));
    }
}

void check_listeners(const Loaded& loaded, Errors& errors)
{
    const Settings& s = loaded.settings;
    std::map<std::string, std::string_view> taken;
    const auto take = [&](const Endpoints& listen, std::string_view key) {
        for (const std::string& endpoint : listen) {
            if (endpoint.ends_with(":0")) continue;
            const auto [place, fresh] = taken.emplace(ascii::to_lower(endpoint), key);
            if (fresh) continue;
            const std::string other(place->second);
            errors.push_back(error_about(loaded, {key, place->second}, endpoint + " stands in " + std::string(key) +
                                         (other == key ? " twice" : " and in " + other), "keep one of them"));
        }
    };
    take(s.smtp.listen, "smtp.listen");
    take(s.submission.listen, "submission.listen");
    take(s.submission.listen_tls, "submission.listen_tls");
    take(s.imap.listen, "imap.listen");
    take(s.imap.listen_tls, "imap.listen_tls");
    take(s.pop3.listen, "pop3.listen");
    take(s.pop3.listen_tls, "pop3.listen_tls");
    take(s.http.listen, "http.listen");
}

void check_numbers(const Loaded& loaded, Errors& errors)
{
    const Settings& s = loaded.settings;
    if (s.server.hashing_slots >= s.server.worker_threads)
        errors.push_back(error_about(loaded, {"server.hashing_slots", "server.worker_threads"},
                                     "server.hashing_slots must be less than server.worker_threads (" +
                                         std::to_string(s.server.worker_threads) + "), but is " +
                                         std::to_string(s.server.hashing_slots),
                                     "passwords being checked may not hold up the delivery of mail"));
    const auto fits = [&](std::uint64_t part, std::uint64_t whole, std::string_view table) {
        if (part <= whole) return;
        const std::string most = std::string(table) + ".max_connections";
        const std::string per_network = most + "_per_network";
        errors.push_back(error_about(loaded, {per_network, most},
                                     per_network + " is more than " + most + " (" + std::to_string(whole) + ")",
                                     "lower the one or raise the other"));
    };
    fits(s.smtp.max_connections_per_network, s.smtp.max_connections, "smtp");
    fits(s.submission.max_connections_per_network, s.submission.max_connections, "submission");
    fits(s.imap.max_connections_per_network, s.imap.max_connections, "imap");
    fits(s.pop3.max_connections_per_network, s.pop3.max_connections, "pop3");
}

enum class Secrecy { open, secret };

void check_file(const Loaded& loaded, std::string_view key, const std::string& path, Secrecy secrecy, Errors& errors)
{
    const auto refuse = [&](std::string why, std::string hint) {
        errors.push_back(error_about(loaded, {key}, std::string(key) + ": " + path + ": " + std::move(why), std::move(hint)));
    };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) {
        const bool is_absent = (errno == ENOENT || errno == ENOTDIR) && key.starts_with("tls.");
        refuse(std::strerror(errno), is_absent ? "mailboxctl setup makes one; or name the one that you have"
                                               : "let the daemon's user read it");
        return;
    }
    struct stat facts {};
    const bool known = ::fstat(descriptor, &facts) == 0;
    ::close(descriptor);
    if (!known || !S_ISREG(facts.st_mode)) {
        refuse("is not a file", "name a file");
    } else if (secrecy == Secrecy::secret && (facts.st_mode & 077) != 0) {
        refuse("others than its owner have access to this secret", "chmod 600 " + path);
    }
}

}  // namespace

ConfigError error_about(const Loaded& loaded, const std::vector<std::string_view>& keys, std::string message,
                        std::string hint)
{
    ConfigError error{loaded.file, 0, 0, std::move(message), std::move(hint)};
    for (const std::string_view key : keys) {
        const auto found = loaded.origins.find(key);
        if (found == loaded.origins.end()) continue;
        error.line = found->second.line;
        error.column = found->second.column;
        break;
    }
    return error;
}

Errors check_combinations(const Loaded& loaded)
{
    Errors errors;
    check_tls(loaded, errors);
    check_loopback(loaded, errors);
    check_listeners(loaded, errors);
    check_numbers(loaded, errors);
    return errors;
}

Errors check_files(const Loaded& loaded)
{
    Errors errors;
    const TlsSettings& tls = loaded.settings.tls;
    if (!tls.certificate.empty()) {
        check_file(loaded, "tls.certificate", tls.certificate, Secrecy::open, errors);
        check_file(loaded, "tls.key", tls.key, Secrecy::secret, errors);
    }
    for (const CertificatePair& pair : tls.additional) {
        check_file(loaded, "tls.additional", pair.certificate, Secrecy::open, errors);
        check_file(loaded, "tls.additional", pair.key, Secrecy::secret, errors);
    }
    for (const RouteSetting& route : loaded.settings.outbound.route) {
        if (!route.password_file.empty()) check_file(loaded, "outbound.route", route.password_file, Secrecy::secret, errors);
    }
    const std::string& anchors = loaded.settings.dns.trust_anchor_file;
    if (!anchors.empty()) check_file(loaded, "dns.trust_anchor_file", anchors, Secrecy::open, errors);
    return errors;
}

}  // namespace mbx::config
