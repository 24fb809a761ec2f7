// The rows of the table of settings about mail that goes out. Names must be told to nobody twice: see declarations.cpp.
#include "config/declaration.hpp"
#include "config/units.hpp"

namespace mbx::config {
namespace {

constexpr std::uint64_t kOneSecond = 1000;
constexpr std::uint64_t kLongestPath = 4000;

template <typename Choice>
    requires(sizeof(Choice) == 1)
ChoiceSlot choice_slot(Choice& value)
{
    return {reinterpret_cast<unsigned char*>(&value)};
}

std::string_view ipv4_complaint(std::string_view text)
{
    return text.empty() || is_endpoint(std::string(text) + ":0") ? "" : "is no IPv4 address";
}

std::string_view ipv6_complaint(std::string_view text)
{
    return text.empty() || is_endpoint("[" + std::string(text) + "]:0") ? "" : "is no IPv6 address";
}

std::vector<Declaration> dns_rows()
{
    using S = Settings;
    return {
        {"dns.servers", Kind::endpoint_list, "[]", {0, 16}, Effect::restart,
         "Name servers to ask, such as [\"192.0.2.53:53\"]. They should hand DNSSEC signatures on; validating them is done "
         "here. An empty list: as source says.",
         [](S& s) -> Slot { return &s.dns.servers; }},
        {"dns.source", Kind::choice, R"("system")", {}, Effect::restart,
         "Where no server is named: system asks those of /etc/resolv.conf (the root servers where it names none), recursive "
         "always asks from the root servers on.",
         [](S& s) -> Slot { return choice_slot(s.dns.source); }, {"system", "recursive"}},
        {"dns.dnssec", Kind::choice, R"("automatic")", {}, Effect::restart,
         "Whether signatures are validated, which DANE needs. automatic: yes, unless the name servers turn out to withhold "
         "them altogether, which the log tells (with a trust_anchor_file: as strict); strict: always, so that with such name servers hardly any mail goes out; "
         "off: never.",
         [](S& s) -> Slot { return choice_slot(s.dns.dnssec); }, {"automatic", "strict", "off"}},
        {"dns.trust_anchor_file", Kind::file, R"("")", {0, kLongestPath}, Effect::restart,
         "DS or DNSKEY records from which trust in signatures begins, in the form of a zone file. Empty: the root's, from the "
         "distribution's file or as built in.",
         [](S& s) -> Slot { return &s.dns.trust_anchor_file; }},
        {"dns.timeout", Kind::duration, R"("20s")", {kOneSecond, 120 * kOneSecond}, Effect::restart,
         "After this time a look-up has failed, and mail that needs it is tried again later.",
         [](S& s) -> Slot { return &s.dns.timeout; }},
        {"dns.cache_size", Kind::size, R"("8MiB")", {64 * 1024, 1024ULL * 1024 * 1024}, Effect::restart,
         "Memory for answers that are remembered as long as they say.",
         [](S& s) -> Slot { return &s.dns.cache_size; }},
    };
}

std::vector<Declaration> way_rows()
{
    using S = Settings;
    return {
        {"outbound.route", Kind::route_list, "[]", {0, 10'000}, Effect::live,
         "Hosts that take mail for a domain instead of those that the DNS names, each as a table [[outbound.route]]: domain "
         "(\"example.org\", \".example.org\" for all below it, \"*\" for all), host (\"mail.example.net:25\"), and where "
         "wanted sender_domain (only mail of senders there), tls (\"opportunistic\", \"required\", \"verified\", "
         "\"implicit\", \"none\"), protocol (\"smtp\", \"lmtp\"), user and password_file for a log-in.",
         [](S& s) -> Slot { return &s.outbound.route; }},
        {"outbound.source_ipv4", Kind::text, R"("")", {0, 15}, Effect::live,
         "The address from which connections over IPv4 are made. Empty: the system chooses.",
         [](S& s) -> Slot { return &s.outbound.source_ipv4; }, {}, ipv4_complaint},
        {"outbound.source_ipv6", Kind::text, R"("")", {0, 45}, Effect::live,
         "The address from which connections over IPv6 are made. Empty: the system chooses.",
         [](S& s) -> Slot { return &s.outbound.source_ipv6; }, {}, ipv6_complaint},
        {"outbound.address_families", Kind::choice, R"("both")", {}, Effect::live,
         "Which addresses of other servers are used. With both, IPv6 and IPv4 are tried in turns.",
         [](S& s) -> Slot { return choice_slot(s.outbound.address_families); }, {"both", "ipv4", "ipv6"}},
        {"outbound.private_targets", Kind::choice, R"("refuse")", {}, Effect::live,
         "Whether mail goes to hosts that the DNS puts on this machine or on a private network. A route may lead there in any "
         "case.",
         [](S& s) -> Slot { return choice_slot(s.outbound.private_targets); }, {"refuse", "allow"}},
    };
}

std::vector<Declaration> protection_rows()
{
    using S = Settings;
    return {
        {"outbound.dane", Kind::choice, R"("on")", {}, Effect::live,
         "DANE (RFC 7672): where a signed domain publishes the certificates of its servers, only those are believed.",
         [](S& s) -> Slot { return choice_slot(s.outbound.dane); }, {"off", "on"}},
        {"outbound.mta_sts", Kind::choice, R"("on")", {}, Effect::live,
         "MTA-STS (RFC 8461): policies of domains that want TLS with verified certificates are fetched, kept and obeyed.",
         [](S& s) -> Slot { return choice_slot(s.outbound.mta_sts); }, {"off", "on"}},
        {"outbound.authorities", Kind::file, R"("/etc/ssl/certs/ca-certificates.crt")", {1, kLongestPath}, Effect::live,
         "The authorities whose certificates are believed, in PEM: for MTA-STS, REQUIRETLS and routes with tls = \"verified\".",
         [](S& s) -> Slot { return &s.outbound.authorities; }},
        {"outbound.connect_timeout", Kind::duration, R"("30s")", {kOneSecond, 300 * kOneSecond}, Effect::live,
         "How long one address of another server may take to accept a connection.",
         [](S& s) -> Slot { return &s.outbound.connect_timeout; }},
        {"outbound.port", Kind::integer, "25", {1, 65'535}, Effect::live,
         "The port of hosts that the DNS names. Anything but 25 is for tests.",
         [](S& s) -> Slot { return &s.outbound.port; }},
    };
}

std::string_view sender_complaint(std::string_view text)
{
    const auto at = text.find('@');
    const bool is_one = at != std::string_view::npos && at != 0 && at + 1 < text.size() &&
                        text.find_first_of("<>\"\\ \t\r\n,;:()[]") == std::string_view::npos && text.find('@', at + 1) == text.npos;
    return text.empty() || is_one ? "" : "is no address";
}

std::string_view one_line_complaint(std::string_view text)
{
    return text.find_first_of("\r\n") == std::string_view::npos ? "" : "is more than one line";
}

std::vector<Declaration> report_rows()
{
    using S = Settings;
    return {
        {"outbound.tls_reports", Kind::choice, R"("on")", {}, Effect::live,
         "TLSRPT (RFC 8460): domains that ask for it in the DNS (_smtp._tls) are told once a day how encrypted delivery to them "
         "went.",
         [](S& s) -> Slot { return choice_slot(s.outbound.tls_reports); }, {"off", "on"}},
        {"outbound.tls_report_from", Kind::text, R"("")", {0, 254}, Effect::live,
         "The address that these reports are from, such as tlsrpt@example.org. Empty: postmaster at the server's name.",
         [](S& s) -> Slot { return &s.outbound.tls_report_from; }, {}, sender_complaint},
        {"outbound.tls_report_organisation", Kind::text, R"("")", {0, 200}, Effect::live,
         "Whose server it is, for these reports. Empty: the server's name.",
         [](S& s) -> Slot { return &s.outbound.tls_report_organisation; }, {}, one_line_complaint},
        {"outbound.tls_report_interval", Kind::duration, R"("24h")", {kOneSecond, 24 * 3600 * kOneSecond}, Effect::live,
         "The time that one report is about, beginning at midnight UTC. Anything but 24h is for tests.",
         [](S& s) -> Slot { return &s.outbound.tls_report_interval; }},
    };
}

}  // namespace

std::vector<Declaration> outbound_rows()
{
    std::vector<Declaration> all = dns_rows();
    for (auto* part : {way_rows, protection_rows, report_rows}) {
        for (Declaration& row : part()) all.push_back(std::move(row));
    }
    return all;
}

}  // namespace mbx::config
