// The settings as typed values. Plain data: filled by load() from the one table in declarations.cpp, where defaults,
// bounds and help texts stand. A Settings made by hand is empty; ask defaults() for the table's. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/log.hpp"

namespace mbx::config {

using Bytes = std::uint64_t;
using Duration = std::chrono::milliseconds;
// "192.0.2.1:25" or "[2001:db8::1]:25", checked; net::Endpoint::parse takes each.
using Endpoints = std::vector<std::string>;
// "192.0.2.0/24", "2001:db8::/32" or a single address, checked; net::IpNetwork::parse takes each.
using Networks = std::vector<std::string>;

enum class BareLineEnding : std::uint8_t { refuse, repair };
enum class EarlyTalkers : std::uint8_t { note, refuse };  // who speaks before the SMTP greeting
enum class Vrfy : std::uint8_t { nobody, users };         // who learns by VRFY whether a mailbox is there
enum class HeaderFrom : std::uint8_t { own, any };        // From and Sender of submitted messages
enum class LiteralMode : std::uint8_t { plus, minus };  // RFC 7888: LITERAL+ or LITERAL-

enum class Compression : std::uint8_t { deflate, off };  // RFC 4978

enum class MarkSeen : std::uint8_t { retrieved, never };  // which messages POP3 marks as read

enum class ScramPlus : std::uint8_t { off, on };  // SCRAM-SHA-256-PLUS for submission

enum class ScramMode : std::uint8_t { off, tls, always };  // where SCRAM is offered

struct CertificatePair {
    std::string certificate;
    std::string key;
    auto operator<=>(const CertificatePair&) const = default;
};

enum class DnsSource : std::uint8_t { system, recursive };            // whom to ask where no server is named
enum class DnsValidation : std::uint8_t { automatic, strict, off };   // of DNSSEC signatures
enum class Addresses : std::uint8_t { both, ipv4, ipv6 };             // which families connections out may use
enum class PrivateTargets : std::uint8_t { refuse, allow };           // of hosts that the DNS names
enum class Switch : std::uint8_t { off, on };

enum class RouteTls : std::uint8_t { opportunistic, required, verified, implicit, none };
enum class RouteProtocol : std::uint8_t { smtp, lmtp };

// Mail for a domain that goes to a host of the administrator's choice.
struct RouteSetting {
    std::string domain;         // "example.org", ".example.org", "*"; lower case
    std::string sender_domain;  // lower case; empty: any
    std::string host;           // a name or an address, without port and brackets; lower case
    std::uint16_t port = 25;
    RouteTls tls = RouteTls::opportunistic;
    RouteProtocol protocol = RouteProtocol::smtp;
    std::string user;
    std::string password_file;  // absolute, or empty
    std::string password;       // out of that file, when the daemon has read it; never shown
    auto operator<=>(const RouteSetting&) const = default;
};

struct ServerSettings {
    std::string hostname;
    std::string data_directory;
    std::string runtime_directory;
    std::string user;
    std::uint64_t worker_threads = 0;
    std::uint64_t hashing_slots = 0;
    Duration stop_timeout{};
};

struct LogSettings {
    LogLevel level{};
    LogFormat format{};
    ComponentLevels components;
};

struct TlsSettings {
    std::string certificate;  // absolute, or empty: no TLS
    std::string key;
    std::vector<CertificatePair> additional;
};

struct SmtpSettings {
    Endpoints listen;
    Bytes max_message_size = 0;
    std::uint64_t max_recipients = 0;
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_network = 0;
    Duration command_timeout{};
    Duration data_timeout{};
    std::uint64_t max_errors = 0;
    std::uint64_t max_received = 0;
    BareLineEnding bare_line_ending{};
    std::string greeting;
    Duration greeting_delay{};
    EarlyTalkers early_talkers{};
    Vrfy vrfy{};
    Networks xclient_networks;
    std::uint64_t max_recipients_per_network_hour = 0;
};

struct LmtpSettings {
    Endpoints listen;
    std::uint64_t max_connections = 0;
};

struct SubmissionSettings {
    HeaderFrom header_from{};
    std::uint64_t max_messages_per_hour = 0;
    std::uint64_t max_recipients_per_hour = 0;
    ScramPlus scram_plus{};
    Endpoints listen;
    Endpoints listen_tls;
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_network = 0;
};

struct ImapSettings {
    Endpoints listen;
    Endpoints listen_tls;
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_network = 0;
    std::uint64_t max_sessions_per_account = 0;
    Duration inactivity_timeout{};
    Duration login_timeout{};
    Bytes max_append_size = 0;
    Bytes max_line = 0;
    LiteralMode literal_mode{};
    Compression compression{};
};

struct Pop3Settings {
    Endpoints listen;
    Endpoints listen_tls;
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_network = 0;
    Duration inactivity_timeout{};
    Duration login_timeout{};
    MarkSeen mark_seen{};
};

struct HttpSettings {
    Endpoints listen;
};

struct SendmailSettings {
    Switch service{};
    std::string drop_directory;
    std::string system_mail_to;          // an address, or empty: postmaster
    std::string trusted_users;           // names, spaces between
    std::uint64_t max_messages_per_hour = 0;
    // Of trusted_users, when the daemon has looked them up; never shown.
    std::vector<std::uint32_t> trusted_uids;
    std::string unknown_users;
};

struct QueueSettings {
    Duration lifetime{};
    Duration warn_after{};  // 0: never
    std::uint64_t max_connections = 0;
    std::uint64_t max_connections_per_destination = 0;
    std::uint64_t max_messages_per_connection = 0;
    std::uint64_t max_messages_per_destination_minute = 0;  // 0: no limit
    Duration connection_idle{};
    Bytes report_max_size = 0;
};

struct DirectorySettings {
    std::string sub_addressing;  // one character, or empty: off
    Duration removed_mail_keep{};
};

struct QuotaSettings {
    Bytes default_bytes = 0;            // 0: none
    std::uint64_t default_messages = 0;
    std::uint64_t warn_percent = 0;     // 0: never
};

struct UndeleteSettings {
    Duration keep{};
};

struct ExpireSettings {
    Duration trash{};  // 0: never
    Duration junk{};
};

struct TraceSettings {
    Duration keep{};  // 0: nothing is recorded
    Bytes max_size = 0;
};

struct AuthSettings {
    Duration cache_time{};
    std::uint64_t failures_before_delay = 0;
    Duration failure_window{};
    Duration max_delay{};
    Networks plaintext_login_networks;
    ScramMode scram{};
    std::uint64_t scram_iterations = 0;
};

struct DnsSettings {
    Endpoints servers;
    DnsSource source{};
    DnsValidation dnssec{};
    std::string trust_anchor_file;  // absolute, or empty
    Duration timeout{};
    Bytes cache_size = 0;
};

struct OutboundSettings {
    std::vector<RouteSetting> route;
    std::string source_ipv4;
    std::string source_ipv6;
    Addresses address_families{};
    PrivateTargets private_targets{};
    Switch dane{};
    Switch mta_sts{};
    std::string authorities;
    Duration connect_timeout{};
    std::uint64_t port = 0;
    Switch tls_reports{};
    std::string tls_report_from;
    std::string tls_report_organisation;
    Duration tls_report_interval{};
};

struct ProxySettings {
    Networks networks;
};

struct Settings {
    ServerSettings server;
    LogSettings log;
    TlsSettings tls;
    SmtpSettings smtp;
    SubmissionSettings submission;
    LmtpSettings lmtp;
    ImapSettings imap;
    Pop3Settings pop3;
    HttpSettings http;
    SendmailSettings sendmail;
    QueueSettings queue;
    DirectorySettings directory;
    QuotaSettings quota;
    UndeleteSettings undelete;
    ExpireSettings expire;
    TraceSettings trace;
    AuthSettings auth;
    ProxySettings proxy;
    DnsSettings dns;
    OutboundSettings outbound;
};

}  // namespace mbx::config
