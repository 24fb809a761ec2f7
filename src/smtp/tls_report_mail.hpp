// How a report about TLS is sent (RFC 8460 section 5): as mail, or by POST to a web server. Pure. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/address.hpp"
#include "mail/date.hpp"
#include "smtp/tls_report.hpp"

namespace mbx::smtp {

struct TlsReportMail {
    std::string from;       // address; its domain is the submitter
    std::string to;
    std::string domain;     // that the report is about
    std::string report_id;  // "id@domain"
    std::string filename;   // tls_report_filename()
    std::string gzipped;
    mail::DateTime date;
};
// A whole message in wire form: multipart/report (section 5.3).
std::string compose_tls_report_mail(const TlsReportMail& report);

// "sender!domain!begin!end.json.gz" (section 5.1).
std::string tls_report_filename(const TlsDay& day, std::string_view sender_domain);

// "mailto:a%2Bb@example.org?subject=x": the one address of it (RFC 6068); none: no address, or several.
std::optional<mail::Mailbox> parse_mailto(std::string_view uri);

struct WebPlace {
    std::string host;
    std::uint16_t port = 443;
    std::string target;  // path and query
};
// "https://host:port/path?query"; none for what has a user, or no name of a host (an address is none).
std::optional<WebPlace> parse_https(std::string_view uri);

}  // namespace mbx::smtp
