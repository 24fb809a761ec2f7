#include "daemon/outbound_options.hpp"

#include <chrono>

#include "base/ascii.hpp"

namespace mbx::daemon {
namespace {

constexpr std::size_t kMostPasswordFile = 4096;

smtp::Route route_of(const config::RouteSetting& setting)
{
    smtp::Route route;
    route.domain = setting.domain;
    route.sender_domain = setting.sender_domain;
    route.host = setting.host;
    route.port = setting.port;
    route.tls = static_cast<smtp::RouteTls>(setting.tls);  // the same enumerators in the same order
    route.is_lmtp = setting.protocol == config::RouteProtocol::lmtp;
    route.user = setting.user;
    route.password = setting.password;
    return route;
}

// Addresses of which the settings say that this server is there; those of listeners on all addresses are not known.
std::vector<net::IpAddress> own_addresses(const config::Settings& settings)
{
    std::vector<net::IpAddress> own;
    for (const std::string& text : settings.smtp.listen) {
        const auto endpoint = net::Endpoint::parse(text);
        const bool is_any = !endpoint || endpoint->address.text() == "0.0.0.0" || endpoint->address.text() == "::";
        if (!is_any && endpoint->port == settings.outbound.port) own.push_back(endpoint->address);
    }
    return own;
}

}  // namespace

Result<void, Error> read_route_passwords(FileSystem& files, config::Settings& settings)
{
    for (config::RouteSetting& route : settings.outbound.route) {
        if (route.password_file.empty()) continue;
        const auto text = read_whole(files, route.password_file, kMostPasswordFile);
        if (!text) return Error{"reading the password of a route from " + route.password_file, text.error().name(), ""};
        std::string_view line(*text);
        line = line.substr(0, line.find('\n'));
        if (line.ends_with('\r')) line.remove_suffix(1);
        route.password = line;
    }
    return {};
}

net::ResolverOptions resolver_options(const config::Settings& settings)
{
    net::ResolverOptions options;
    for (const std::string& text : settings.dns.servers) {
        if (const auto server = net::Endpoint::parse(text)) options.servers.push_back(*server);
    }
    if (settings.dns.source == config::DnsSource::recursive) options.source = net::DnsSource::recursive;
    switch (settings.dns.dnssec) {
    case config::DnsValidation::automatic: options.validation = net::DnsValidation::automatic; break;
    case config::DnsValidation::strict: options.validation = net::DnsValidation::strict; break;
    case config::DnsValidation::off: options.validation = net::DnsValidation::off; break;
    }
    options.trust_anchor_file = settings.dns.trust_anchor_file;
    options.time = settings.dns.timeout;
    options.cache_bytes = settings.dns.cache_size;
    return options;
}

smtp::StsOptions sts_options(const config::Settings& settings)
{
    smtp::StsOptions options;
    options.directory = settings.server.data_directory + "/mta-sts";
    options.ca_file = settings.outbound.authorities;
    options.allows_private_targets = settings.outbound.private_targets == config::PrivateTargets::allow;
    return options;
}

smtp::OutboundOptions outbound_options(const config::Settings& settings)
{
    const config::OutboundSettings& wanted = settings.outbound;
    smtp::OutboundOptions options;
    options.search.own_names = {ascii::to_lower(settings.server.hostname)};
    options.search.own_addresses = own_addresses(settings);
    for (const config::RouteSetting& setting : wanted.route) options.search.routes.push_back(route_of(setting));
    options.search.port = static_cast<std::uint16_t>(wanted.port);
    options.search.families = static_cast<smtp::AddressFamilies>(wanted.address_families);
    options.search.allows_private_targets = wanted.private_targets == config::PrivateTargets::allow;
    options.search.uses_dane = wanted.dane == config::Switch::on;
    options.search.uses_mta_sts = wanted.mta_sts == config::Switch::on;
    options.search.ca_file = wanted.authorities;
    options.source_ipv4 = net::IpAddress::parse(wanted.source_ipv4);
    options.source_ipv6 = net::IpAddress::parse(wanted.source_ipv6);
    options.connect_time = std::chrono::ceil<std::chrono::seconds>(wanted.connect_timeout);
    options.client.hostname = settings.server.hostname;
    options.client.max_messages = static_cast<std::uint32_t>(settings.queue.max_messages_per_connection);
    return options;
}

TlsReportingOptions tls_reporting_options(const config::Settings& settings)
{
    const config::OutboundSettings& wanted = settings.outbound;
    TlsReportingOptions options;
    options.is_on = wanted.tls_reports == config::Switch::on;
    options.from = wanted.tls_report_from.empty() ? "postmaster@" + settings.server.hostname : wanted.tls_report_from;
    options.organisation = wanted.tls_report_organisation.empty() ? settings.server.hostname : wanted.tls_report_organisation;
    options.file = settings.server.data_directory + "/tls-reports";
    options.period = std::chrono::ceil<std::chrono::seconds>(wanted.tls_report_interval);
    options.allows_private_targets = wanted.private_targets == config::PrivateTargets::allow;
    return options;
}

}  // namespace mbx::daemon
