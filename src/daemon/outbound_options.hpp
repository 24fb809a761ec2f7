// From the settings to what mail to others needs: the resolver, MTA-STS, routes.
#pragma once

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "daemon/tls_reporting.hpp"
#include "net/unbound_resolver.hpp"
#include "smtp/outbound.hpp"
#include "smtp/sts_policies.hpp"

namespace mbx::daemon {

// Fills in the passwords of smart hosts: the first line of each file. Reads files: at the start, or on a worker.
Result<void, Error> read_route_passwords(FileSystem& files, config::Settings& settings);

// Pure.
net::ResolverOptions resolver_options(const config::Settings& settings);
smtp::StsOptions sts_options(const config::Settings& settings);
smtp::OutboundOptions outbound_options(const config::Settings& settings);
TlsReportingOptions tls_reporting_options(const config::Settings& settings);

}  // namespace mbx::daemon
