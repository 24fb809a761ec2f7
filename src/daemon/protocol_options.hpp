// From the settings, which speak of files and units, to the options of each part, which know neither. Pure.
#pragma once

#include "auth/authenticator.hpp"
#include "config/settings.hpp"
#include "directory/snapshot.hpp"
#include "http/server.hpp"
#include "imap/options.hpp"
#include "net/tls.hpp"
#include "pop3/options.hpp"
#include "smtp/options.hpp"

namespace mbx::daemon {

smtp::Options smtp_options(const config::Settings& settings);
imap::Options imap_options(const config::Settings& settings);
pop3::Options pop3_options(const config::Settings& settings);
directory::SnapshotOptions snapshot_options(const config::Settings& settings);
auth::AuthenticatorOptions authenticator_options(const config::Settings& settings);
http::ServerOptions http_options(const config::Settings& settings);

// The certificates of the settings, the default one first; empty when TLS is off.
std::vector<net::CertificateFiles> certificate_files(const config::Settings& settings);

}  // namespace mbx::daemon
