#include "daemon/protocol_options.hpp"

#include <chrono>

#include "net/interface_addresses.hpp"

namespace mbx::daemon {
namespace {

std::vector<net::IpNetwork> parse_networks(const config::Networks& texts)
{
    std::vector<net::IpNetwork> networks;
    for (const auto& text : texts) {
        const auto network = net::IpNetwork::parse(text);
        if (network) networks.push_back(*network);  // config has checked each
    }
    return networks;
}

std::chrono::seconds whole_seconds(config::Duration duration)
{
    return std::chrono::ceil<std::chrono::seconds>(duration);
}

// Where address literals mean this server: what it listens on, and what it sends from.
std::vector<net::IpAddress> own_addresses(const config::Settings& settings)
{
    std::vector<net::IpAddress> own;
    bool is_everywhere = false;
    for (const std::string& text : settings.smtp.listen) {
        const auto endpoint = net::Endpoint::parse(text);
        if (!endpoint) continue;
        const bool is_any = endpoint->address == *net::IpAddress::parse("0.0.0.0") || endpoint->address == net::IpAddress();
        if (is_any) is_everywhere = true;
        else own.push_back(endpoint->address);
    }
    for (const std::string& text : {settings.outbound.source_ipv4, settings.outbound.source_ipv6}) {
        if (const auto address = net::IpAddress::parse(text)) own.push_back(*address);
    }
    if (!is_everywhere) return own;
    const auto all = net::interface_addresses();
    own.insert(own.end(), all.begin(), all.end());
    return own;
}

}  // namespace

smtp::Options smtp_options(const config::Settings& settings)
{
    smtp::Options options;
    options.hostname = settings.server.hostname;
    options.greeting = settings.smtp.greeting;
    options.max_message_bytes = settings.smtp.max_message_size;
    options.max_recipients = settings.smtp.max_recipients;
    options.max_hops = static_cast<unsigned>(settings.smtp.max_received);
    options.max_errors = static_cast<unsigned>(settings.smtp.max_errors);
    options.command_time = whole_seconds(settings.smtp.command_timeout);
    options.data_block_time = whole_seconds(settings.smtp.data_timeout);
    options.offers_scram_plus = settings.submission.scram_plus == config::ScramPlus::on;
    options.clear_text_login_from = parse_networks(settings.auth.plaintext_login_networks);
    options.greeting_wait = settings.smtp.greeting_delay;
    if (settings.smtp.early_talkers == config::EarlyTalkers::refuse) options.early_talkers = smtp::EarlyTalkers::refuse;
    if (settings.smtp.vrfy == config::Vrfy::users) options.vrfy = smtp::Verifying::users;
    options.xclient_networks = parse_networks(settings.smtp.xclient_networks);
    options.max_recipients_per_network_hour = settings.smtp.max_recipients_per_network_hour;
    options.max_messages_per_hour = settings.submission.max_messages_per_hour;
    options.max_recipients_per_hour = settings.submission.max_recipients_per_hour;
    if (settings.submission.header_from == config::HeaderFrom::any) options.header_from = smtp::HeaderFrom::any;
    options.trusted_uids = settings.sendmail.trusted_uids;
    options.max_local_messages_per_hour = settings.sendmail.max_messages_per_hour;
    options.system_mail_to = settings.sendmail.system_mail_to;
    options.own_addresses = own_addresses(settings);
    if (settings.smtp.bare_line_ending == config::BareLineEnding::repair) {
        options.bare_newlines = smtp::BareNewlines::repair;
    }
    return options;
}

imap::Options imap_options(const config::Settings& settings)
{
    imap::Options options;
    options.hostname = settings.server.hostname;
    options.max_append = settings.imap.max_append_size;
    options.max_line = settings.imap.max_line;
    options.login_timeout = settings.imap.login_timeout;
    options.inactivity_timeout = settings.imap.inactivity_timeout;
    options.max_sessions_per_account = settings.imap.max_sessions_per_account;
    options.warn_percent = settings.quota.warn_percent;
    options.plaintext_login_networks = parse_networks(settings.auth.plaintext_login_networks);
    if (settings.imap.literal_mode == config::LiteralMode::minus) options.literal_mode = imap::LiteralMode::minus;
    if (settings.imap.compression == config::Compression::off) options.compression = imap::Compression::off;
    return options;
}

pop3::Options pop3_options(const config::Settings& settings)
{
    pop3::Options options;
    options.hostname = settings.server.hostname;
    options.login_timeout = settings.pop3.login_timeout;
    options.inactivity_timeout = settings.pop3.inactivity_timeout;
    options.marks_seen = settings.pop3.mark_seen == config::MarkSeen::retrieved;
    options.plaintext_login_networks = parse_networks(settings.auth.plaintext_login_networks);
    return options;
}

directory::SnapshotOptions snapshot_options(const config::Settings& settings)
{
    directory::SnapshotOptions options;
    options.host_name = settings.server.hostname;
    options.sub_addressing = settings.directory.sub_addressing;
    return options;
}

auth::AuthenticatorOptions authenticator_options(const config::Settings& settings)
{
    auth::AuthenticatorOptions options;
    options.cache_time = whole_seconds(settings.auth.cache_time);
    options.failures_before_delay = static_cast<unsigned>(settings.auth.failures_before_delay);
    options.failure_window = whole_seconds(settings.auth.failure_window);
    options.max_delay = settings.auth.max_delay;
    options.scram = settings.auth.scram != config::ScramMode::off;
    options.scram_in_clear = settings.auth.scram == config::ScramMode::always;
    options.scram_iterations = static_cast<unsigned>(settings.auth.scram_iterations);
    return options;
}

http::ServerOptions http_options(const config::Settings& settings)
{
    http::ServerOptions options;
    options.allowed_hosts = {settings.server.hostname};
    return options;
}

std::vector<net::CertificateFiles> certificate_files(const config::Settings& settings)
{
    std::vector<net::CertificateFiles> files;
    if (settings.tls.certificate.empty()) return files;
    files.push_back({settings.tls.certificate, settings.tls.key});
    for (const auto& pair : settings.tls.additional) files.push_back({pair.certificate, pair.key});
    return files;
}

}  // namespace mbx::daemon
