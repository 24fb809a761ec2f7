#include "smtp/tls_report_mail.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "http/target.hpp"
#include "mail/received.hpp"
#include "net/dns_record.hpp"

namespace mbx::smtp {
namespace {

std::string_view domain_of(std::string_view address) { return address.substr(std::min(address.rfind('@'), address.size() - 1) + 1); }

std::string in_lines(std::string_view text)
{
    constexpr std::size_t kLine = 76;
    std::string lines;
    for (std::size_t at = 0; at < text.size(); at += kLine) lines += std::string(text.substr(at, kLine)) + "\r\n";
    return lines;
}

}  // namespace

std::string compose_tls_report_mail(const TlsReportMail& report)
{
    const std::string submitter(domain_of(report.from));
    const std::string unique = report.report_id.substr(0, report.report_id.find('@'));
    const std::string boundary = "tlsrpt-" + unique;
    std::string text = "From: <" + report.from + ">\r\n";
    text += "To: <" + report.to + ">\r\n";
    text += mail::make_date_field(report.date);
    text += mail::make_message_id_field(unique, submitter);
    text += "Subject: Report Domain: " + report.domain + "\r\n Submitter: " + submitter + "\r\n Report-ID: <" + report.report_id + ">\r\n";
    text += "TLS-Report-Domain: " + report.domain + "\r\n";
    text += "TLS-Report-Submitter: " + submitter + "\r\n";
    text += "Auto-Submitted: auto-generated\r\n";
    text += "MIME-Version: 1.0\r\n";
    text += "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + boundary + "\"\r\n\r\n";
    text += "--" + boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
    text += "This is a report about encrypted (TLS) delivery of mail to\r\n" + report.domain + ", as " + submitter + " saw it\r\n";
    text += "(RFC 8460). It is made for programs: see the attached file.\r\n\r\n";
    text += "--" + boundary + "\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n";
    text += "Content-Disposition: attachment;\r\n filename=\"" + report.filename + "\"\r\n\r\n";
    text += in_lines(encode_base64(report.gzipped));
    text += "\r\n--" + boundary + "--\r\n";
    return text;
}

std::string tls_report_filename(const TlsDay& day, std::string_view sender_domain)
{
    return std::string(sender_domain) + "!" + day.domain + "!" + std::to_string(day.begin.time_since_epoch().count()) + "!" +
           std::to_string(day.end.time_since_epoch().count()) + ".json.gz";
}

std::optional<mail::Mailbox> parse_mailto(std::string_view uri)
{
    constexpr std::string_view kScheme = "mailto:";
    if (!ascii::starts_with(uri, kScheme)) return std::nullopt;
    uri.remove_prefix(kScheme.size());
    // Section 3: "!" with a size behind it, as DMARC has it, is no part of an address.
    const auto text = http::decode_percent(uri.substr(0, uri.find_first_of("?!")));
    if (!text) return std::nullopt;
    auto mailbox = mail::parse_mailbox(*text);
    if (!mailbox || mailbox->needs_utf8) return std::nullopt;
    return std::move(*mailbox);
}

std::optional<WebPlace> parse_https(std::string_view uri)
{
    constexpr std::string_view kScheme = "https://";
    constexpr std::uint64_t kLastPort = 65'535;
    if (!ascii::starts_with(uri, kScheme)) return std::nullopt;
    uri.remove_prefix(kScheme.size());
    uri = uri.substr(0, uri.find('#'));
    const auto end = std::min(uri.find_first_of("/?"), uri.size());
    std::string_view authority = uri.substr(0, end);
    WebPlace place;
    place.target = uri.substr(end);
    if (!place.target.starts_with('/')) place.target.insert(0, "/");
    const auto colon = authority.find(':');
    if (colon != std::string_view::npos) {
        const auto port = ascii::parse_number(authority.substr(colon + 1));
        if (!port || *port == 0 || *port > kLastPort) return std::nullopt;
        place.port = static_cast<std::uint16_t>(*port);
        authority = authority.substr(0, colon);
    }
    place.host = ascii::to_lower(authority);
    const bool is_name = net::is_dns_name(place.host) && place.host.find('.') != std::string::npos &&
                         !ascii::is_digit(place.host.back());
    if (!is_name) return std::nullopt;
    return place;
}

}  // namespace mbx::smtp
