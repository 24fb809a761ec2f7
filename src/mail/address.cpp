#include "mail/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "mail/atext.hpp"

namespace mbx::mail {
namespace {

bool has_eight_bit(std::string_view text) { return std::ranges::any_of(text, ascii::is_eight_bit); }

bool is_dot_string(std::string_view text)
{
    if (text.empty() || text.front() == '.' || text.back() == '.') return false;
    if (text.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(text, [](char c) { return c == '.' || is_atext(c); });
}

bool is_label(std::string_view label)
{
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    // A U-label's limit is that of its A-label, which only IDNA can tell; the domain's limit still holds.
    if (label.size() > 63 && !has_eight_bit(label)) return false;
    return std::ranges::all_of(label, [](char c) { return c == '-' || ascii::is_alnum(c) || ascii::is_eight_bit(c); });
}

// The literal in its one form; none when it is none (RFC 5321 section 4.1.3).
std::optional<std::string> normalise_literal(std::string_view text)
{
    if (text.size() < 3 || text.size() > kMaxDomain || text.front() != '[' || text.back() != ']') return std::nullopt;
    std::string_view inside = text.substr(1, text.size() - 2);
    const bool is_ipv6 = ascii::starts_with(inside, "IPv6:");
    if (is_ipv6) inside.remove_prefix(5);
    if (!std::ranges::all_of(inside, [](char c) { return ascii::is_alnum(c) || c == ':' || c == '.'; }))
        return std::nullopt;
    std::array<unsigned char, sizeof(in6_addr)> address{};
    std::array<char, INET6_ADDRSTRLEN> shown{};
    const int family = is_ipv6 ? AF_INET6 : AF_INET;
    if (::inet_pton(family, std::string(inside).c_str(), address.data()) != 1) return std::nullopt;
    if (::inet_ntop(family, address.data(), shown.data(), shown.size()) == nullptr) return std::nullopt;
    return (is_ipv6 ? "[IPv6:" : "[") + std::string(shown.data()) + "]";
}

struct LocalPart {
    std::string text;
    std::size_t length;  // as written
};

// Quoted-string = DQUOTE *QcontentSMTP DQUOTE (RFC 5321 section 4.1.2).
std::optional<LocalPart> parse_quoted(std::string_view text)
{
    LocalPart local{{}, 0};
    for (std::size_t i = 1; i < text.size(); ++i) {
        char c = text[i];
        if (c == '"') {
            local.length = i + 1;
            return local;
        }
        if (c == '\\') {
            if (++i == text.size()) return std::nullopt;
            c = text[i];
            if (ascii::is_eight_bit(c)) return std::nullopt;
        }
        if (ascii::is_control(c)) return std::nullopt;
        local.text += c;
    }
    return std::nullopt;
}

std::optional<LocalPart> parse_local_part(std::string_view text)
{
    if (text.starts_with('"')) return parse_quoted(text);
    const std::string_view local = text.substr(0, text.find('@'));
    if (!is_dot_string(local)) return std::nullopt;
    return LocalPart{std::string(local), local.size()};
}

// Behind A-d-l ":"; none when the route is malformed. A-d-l = At-domain *( "," At-domain ), At-domain = "@" Domain.
std::optional<std::string_view> skip_route(std::string_view inside)
{
    if (!inside.starts_with('@')) return inside;
    const std::size_t colon = inside.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view route = inside.substr(0, colon);
    while (!route.empty()) {
        const std::size_t comma = std::min(route.find(','), route.size());
        const std::string_view hop = route.substr(0, comma);
        if (!hop.starts_with('@') || !is_domain(hop.substr(1))) return std::nullopt;
        if (comma + 1 == route.size()) return std::nullopt;
        route.remove_prefix(std::min(comma + 1, route.size()));
    }
    return inside.substr(colon + 1);
}

// The mailbox without a route; `bare_postmaster` allows <postmaster> (section 4.5.1).
Result<Mailbox, PathError> read_mailbox(std::string_view text, bool bare_postmaster)
{
    if (!ascii::is_utf8(text)) return PathError::bad_utf8;
    auto local = parse_local_part(text);
    if (!local) return PathError::syntax;
    const std::string_view behind = text.substr(local->length);
    Mailbox mailbox;
    mailbox.local_part = std::move(local->text);
    if (mailbox.local_part.size() > kMaxLocalPart) return PathError::local_part_too_long;
    if (behind.empty() && bare_postmaster && ascii::same(mailbox.local_part, "postmaster")) return mailbox;
    if (!behind.starts_with('@')) return PathError::syntax;
    const std::string_view domain = behind.substr(1);
    if (domain.size() > kMaxDomain) return PathError::domain_too_long;
    auto normal = normalise_domain(domain);
    if (!normal) return PathError::syntax;
    mailbox.domain = std::move(*normal);
    mailbox.needs_utf8 = has_eight_bit(mailbox.local_part) || has_eight_bit(mailbox.domain);
    return mailbox;
}

Result<Mailbox, PathError> read_path(std::string_view text, bool bare_postmaster)
{
    if (text.size() < 2 || text.front() != '<' || text.back() != '>') return PathError::syntax;
    if (!ascii::is_utf8(text)) return PathError::bad_utf8;
    const std::string_view inside = text.substr(1, text.size() - 2);
    const auto mailbox_text = skip_route(inside);
    if (!mailbox_text) return text.size() > kMaxPath ? PathError::path_too_long : PathError::syntax;
    auto mailbox = read_mailbox(*mailbox_text, bare_postmaster && mailbox_text->size() == inside.size());
    if (mailbox && text.size() > kMaxPath) return PathError::path_too_long;
    return mailbox;
}

std::string format_local_part(std::string_view local)
{
    if (is_dot_string(local)) return std::string(local);
    std::string quoted = "\"";
    for (const char c : local) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

}  // namespace

std::size_t measure_path(std::string_view text)
{
    if (!text.starts_with('<')) return 0;
    bool is_quoted = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        const char c = text[i];
        if (is_quoted && c == '\\') ++i;
        else if (c == '"') is_quoted = !is_quoted;
        else if (c == '>' && !is_quoted) return i + 1;
    }
    return 0;
}

Result<ReversePath, PathError> parse_reverse_path(std::string_view text)
{
    if (text == "<>") return ReversePath{};
    auto mailbox = read_path(text, false);
    if (!mailbox) return mailbox.error();
    return ReversePath{std::move(*mailbox)};
}

Result<Mailbox, PathError> parse_forward_path(std::string_view text) { return read_path(text, true); }

Result<Mailbox, PathError> parse_mailbox(std::string_view text)
{
    auto mailbox = read_mailbox(text, false);
    if (mailbox && text.size() + 2 > kMaxPath) return PathError::path_too_long;
    return mailbox;
}

std::string format_mailbox(const Mailbox& mailbox)
{
    std::string text = format_local_part(mailbox.local_part);
    if (!mailbox.domain.empty()) text += '@' + mailbox.domain;
    return text;
}

std::string format_path(const ReversePath& path)
{
    std::string text = "<";
    if (path) text += format_mailbox(*path);
    return text + '>';
}

bool is_domain(std::string_view text)
{
    if (text.empty() || text.size() > kMaxDomain || !ascii::is_utf8(text)) return false;
    for (;;) {
        const std::size_t dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_address_literal(std::string_view text) { return normalise_literal(text).has_value(); }

std::optional<std::string> normalise_domain(std::string_view text)
{
    if (text.starts_with('[')) return normalise_literal(text);
    if (!is_domain(text)) return std::nullopt;
    return ascii::to_lower(text);
}

std::string_view describe(PathError error)
{
    switch (error) {
    case PathError::syntax: return "it is not written as an address";
    case PathError::local_part_too_long: return "its local part is longer than 64 bytes";
    case PathError::domain_too_long: return "its domain is longer than 255 bytes";
    case PathError::path_too_long: return "it is longer than 256 bytes";
    case PathError::bad_utf8: return "it is not valid UTF-8";
    }
    return "it is not an address";
}

}  // namespace mbx::mail
