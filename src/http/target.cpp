#include "http/target.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::http {
namespace {

constexpr std::size_t kMaxQueryPairs = 64;

// `segment` is decoded. A slash in it was escaped: it is data (RFC 3986 section 2.2).
bool is_safe_segment(std::string_view segment)
{
    if (segment.empty() || segment == "." || segment == "..") return false;
    return std::ranges::none_of(segment, ascii::is_control) && ascii::is_utf8(segment);
}

Result<std::vector<std::string>, TargetError> parse_path(std::string_view path)
{
    std::vector<std::string> segments;
    path.remove_prefix(1);
    if (path.empty()) return segments;
    // Some readers part segments at it.
    if (path.find('\\') != std::string_view::npos) return TargetError::unsafe_path;
    while (true) {
        const std::size_t slash = path.find('/');
        const auto segment = decode_percent(path.substr(0, slash));
        if (!segment) return TargetError::malformed;
        if (!is_safe_segment(*segment)) return TargetError::unsafe_path;
        segments.push_back(*segment);
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

std::optional<std::string> decode_form(std::string_view text)
{
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    auto decoded = decode_percent(spaced);
    if (decoded && (decoded->find('\0') != std::string::npos || !ascii::is_utf8(*decoded))) return std::nullopt;
    return decoded;
}

bool parse_query(std::string_view text, Target& into)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        if (into.query.size() == kMaxQueryPairs) return false;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto name = decode_form(pair.substr(0, equals));
        auto value = decode_form(pair.substr(std::min(equals + 1, pair.size())));
        if (!name || !value) return false;
        into.query.emplace_back(std::move(*name), std::move(*value));
    }
    return true;
}

// Takes "http://authority" off the front; false when there is no authority.
bool take_authority(std::string_view& text, Target& into)
{
    if (ascii::starts_with(text, "http://")) text.remove_prefix(7);
    else if (ascii::starts_with(text, "https://")) text.remove_prefix(8);
    else return false;
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    into.authority = std::string(text.substr(0, end));
    text.remove_prefix(end);
    return parse_host(into.authority).has_value();
}

bool is_host_name(std::string_view host)
{
    return !host.empty() && host.size() <= 253 &&
           std::ranges::all_of(host, [](char c) { return ascii::is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

bool is_ipv6_literal(std::string_view host)
{
    return host.size() > 3 && host.size() <= 48 && host.front() == '[' && host.back() == ']' &&
           std::ranges::all_of(host.substr(1, host.size() - 2),
                               [](char c) { return ascii::hex_digit(c) >= 0 || c == ':' || c == '.'; });
}

}  // namespace

const std::string* Target::query_value(std::string_view name) const
{
    for (const auto& [key, value] : query) {
        if (key == name) return &value;
    }
    return nullptr;
}

std::string Target::path() const
{
    if (segments.empty()) return "/";
    std::string all;
    for (const std::string& segment : segments) all += "/" + encode_segment(segment);
    return all;
}

Result<Target, TargetError> parse_target(std::string_view text)
{
    Target target;
    // RFC 9112 section 3.2.2: a server must accept the absolute form.
    if (!text.empty() && text.front() != '/' && !take_authority(text, target)) return TargetError::malformed;
    const std::size_t fragment = text.find('#');
    if (fragment != std::string_view::npos) return TargetError::malformed;
    const std::size_t question = std::min(text.find('?'), text.size());
    std::string_view path = text.substr(0, question);
    if (path.empty() && target.authority.empty()) return TargetError::malformed;
    if (path.empty()) path = "/";
    auto segments = parse_path(path);
    if (!segments) return segments.error();
    target.segments = std::move(*segments);
    if (!parse_query(text.substr(std::min(question + 1, text.size())), target)) return TargetError::malformed;
    return target;
}

std::optional<std::string> decode_percent(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        if (text.size() - at < 3) return std::nullopt;
        const int high = ascii::hex_digit(text[at + 1]);
        const int low = ascii::hex_digit(text[at + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

std::string encode_segment(std::string_view text)
{
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (ascii::is_alnum(c) || std::string_view("-._~@:").find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto value = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[value >> 4U];
        out += kDigits[value & 15U];
    }
    return out;
}

std::optional<std::string> parse_host(std::string_view text)
{
    std::string_view host = text;
    const std::size_t bracket = text.find(']');
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        const std::string_view port = text.substr(colon + 1);
        // RFC 3986 section 3.2.3 allows an empty port.
        const auto number = ascii::parse_number(port.empty() ? "0" : port);
        if (!number || *number > 65'535) return std::nullopt;
        host = text.substr(0, colon);
    }
    if (!is_host_name(host) && !is_ipv6_literal(host)) return std::nullopt;
    if (host.back() == '.') host.remove_suffix(1);
    if (host.empty()) return std::nullopt;
    return ascii::to_lower(host);
}

}  // namespace mbx::http
