#include "mail/received.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxShown = 255;  // of any one thing that comes from outside

// For the inside of a comment: nothing that could end it, begin a line or show something else than it is.
std::string mask(std::string_view text)
{
    std::string masked(text.substr(0, kMaxShown));
    std::ranges::replace_if(
        masked,
        [](char c) {
            return !ascii::is_alnum(c) && std::string_view(".-_:[]@+=/ ").find(c) == std::string_view::npos;
        },
        '?');
    return masked;
}

// For an id or a unique part: characters of a dot-atom, no dot at an end.
std::string mask_atom(std::string_view text)
{
    std::string masked(text.substr(0, kMaxShown));
    std::ranges::replace_if(
        masked,
        [](char c) { return !ascii::is_alnum(c) && std::string_view("-_+=.").find(c) == std::string_view::npos; }, '_');
    if (masked.empty()) masked = "_";
    if (masked.front() == '.') masked.front() = '_';
    if (masked.back() == '.') masked.back() = '_';
    for (std::size_t dots = masked.find(".."); dots != std::string::npos; dots = masked.find(".."))
        masked.replace(dots, 2, "._");
    return masked;
}

bool is_ascii(std::string_view text) { return std::ranges::none_of(text, ascii::is_eight_bit); }

// A host name as the Domain of a field; "localhost" for what is none.
std::string host_or_local(std::string_view host)
{
    const auto domain = normalise_domain(host);
    return domain && is_ascii(*domain) ? *domain : "localhost";
}

// "[192.0.2.1]", "[IPv6:…]"; empty for what is no address.
std::string address_literal(std::string_view address)
{
    const std::string text(address.substr(0, kMaxShown));
    const bool is_ipv6 = text.find(':') != std::string::npos;
    return normalise_domain((is_ipv6 ? "[IPv6:" : "[") + text + "]").value_or("");
}

// From-domain = "FROM" FWS Extended-Domain (RFC 5321 section 4.4): what HELO said when it is a domain or literal, and
// beside it in TCP-info what we know ourselves.
std::string from_clause(const ReceivedFacts& facts)
{
    const std::string literal = address_literal(facts.client_address);
    const auto helo = normalise_domain(facts.helo);
    const bool can_show = helo && (is_ascii(*helo) || facts.transmission.smtputf8);
    std::string known = facts.client_name.empty() ? "" : host_or_local(facts.client_name);
    if (!known.empty() && !literal.empty()) known += ' ';
    known += literal;
    std::string clause = "from " + (can_show ? *helo : literal.empty() ? std::string("localhost") : literal);
    std::string info = known;
    if (facts.local_uid) info += "uid " + std::to_string(*facts.local_uid);
    if (!can_show && !facts.helo.empty()) info += (info.empty() ? "HELO " : " HELO ") + mask(facts.helo);
    if (!info.empty()) clause += "\r\n\t(" + info + ')';
    return clause;
}

}  // namespace

std::string_view protocol_name(Transmission transmission)
{
    constexpr std::array<std::string_view, 4> kPlain{"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"};
    constexpr std::array<std::string_view, 4> kUtf8{"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"};
    constexpr std::array<std::string_view, 4> kLmtp{"LMTP", "LMTPA", "LMTPS", "LMTPSA"};
    constexpr std::array<std::string_view, 4> kUtf8Lmtp{"UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA"};
    const std::size_t index = (transmission.tls ? 2U : 0U) + (transmission.authenticated ? 1U : 0U);
    if (transmission.lmtp) return transmission.smtputf8 ? kUtf8Lmtp[index] : kLmtp[index];
    if (transmission.smtputf8) return kUtf8[index];
    if (!transmission.extended && index == 0) return "SMTP";
    return kPlain[index];
}

std::string make_received(const ReceivedFacts& facts)
{
    std::string field = "Received: " + from_clause(facts);
    field += "\r\n\tby " + host_or_local(facts.by) + " with " + std::string(protocol_name(facts.transmission));
    if (!facts.tls.empty()) field += "\r\n\t(" + mask(facts.tls) + ')';
    if (!facts.id.empty()) field += " id " + mask_atom(facts.id);
    const bool can_show = facts.recipient && (!facts.recipient->needs_utf8 || facts.transmission.smtputf8);
    if (can_show) field += "\r\n\tfor " + format_path(*facts.recipient);
    return field + ";\r\n\t" + format_date(facts.date) + "\r\n";
}

std::string make_return_path(const ReversePath& path) { return "Return-Path: " + format_path(path) + "\r\n"; }

std::string make_date_field(DateTime date) { return "Date: " + format_date(date) + "\r\n"; }

std::string make_message_id_field(std::string_view unique, std::string_view host)
{
    return "Message-ID: <" + mask_atom(unique) + '@' + host_or_local(host) + ">\r\n";
}

}  // namespace mbx::mail
