#include "auth/bearer.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::auth {
namespace {

constexpr char kSeparator = '\x01';
constexpr std::size_t kMostName = 1024;
constexpr std::size_t kMostPairs = 32;

bool is_name(std::string_view text)
{
    return text.size() <= kMostName && ascii::is_utf8(text) && std::ranges::none_of(text, ascii::is_control);
}

// RFC 6750 section 2.1.
bool is_token(std::string_view text)
{
    const auto belongs = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    };
    return !text.empty() && text.front() != '=' && std::ranges::all_of(text, belongs);
}

std::optional<std::string> token_of(std::string_view value)
{
    constexpr std::string_view kBearer = "Bearer ";
    if (!ascii::starts_with(value, kBearer)) return std::nullopt;
    value.remove_prefix(kBearer.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (!is_token(value)) return std::nullopt;
    return std::string(value);
}

// What `key` says among "key=value^A…^A", which is the whole text; none when it is absent, stands twice, or the text is
// not of that form.
std::optional<std::string_view> find_pair(std::string_view pairs, std::string_view key)
{
    std::optional<std::string_view> found;
    for (std::size_t count = 0; count < kMostPairs; ++count) {
        if (pairs.size() == 1 && pairs.front() == kSeparator) return found;
        const auto end = pairs.find(kSeparator);
        const auto equals = pairs.find('=');
        if (end == std::string_view::npos || equals == std::string_view::npos || equals > end || equals == 0)
            return std::nullopt;
        if (pairs.substr(0, equals) == key) {
            if (found) return std::nullopt;
            found = pairs.substr(equals + 1, end - equals - 1);
        }
        pairs.remove_prefix(end + 1);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> decode_saslname(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == ',' || text[at] == '\0') return std::nullopt;
        if (text[at] != '=') {
            out += text[at];
            continue;
        }
        const auto code = text.substr(at + 1, 2);
        if (code != "2C" && code != "3D") return std::nullopt;
        out += code == "2C" ? ',' : '=';
        at += 2;
    }
    if (out.empty() || !is_name(out)) return std::nullopt;
    return out;
}

std::string encode_saslname(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == ',') out += "=2C";
        else if (c == '=') out += "=3D";
        else out += c;
    }
    return out;
}

std::optional<BearerMessage> parse_oauthbearer(std::string_view message)
{
    // RFC 7628 section 3.1: channel binding is not for tokens, so "p" has no place here.
    const bool is_known = message.starts_with("n,") || message.starts_with("y,");
    if (!is_known) return std::nullopt;
    message.remove_prefix(2);
    const auto comma = message.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    BearerMessage out;
    const auto identity = message.substr(0, comma);
    if (!identity.empty()) {
        if (!identity.starts_with("a=")) return std::nullopt;
        auto name = decode_saslname(identity.substr(2));
        if (!name) return std::nullopt;
        out.login = std::move(*name);
    }
    message.remove_prefix(comma + 1);
    if (!message.starts_with(kSeparator)) return std::nullopt;
    const auto value = find_pair(message.substr(1), "auth");
    if (!value) return std::nullopt;
    auto token = token_of(*value);
    if (!token) return std::nullopt;
    out.token = std::move(*token);
    return out;
}

std::optional<BearerMessage> parse_xoauth2(std::string_view message)
{
    const auto user = find_pair(message, "user");
    const auto value = find_pair(message, "auth");
    if (!user || !value || user->empty() || !is_name(*user)) return std::nullopt;
    auto token = token_of(*value);
    if (!token) return std::nullopt;
    return BearerMessage{std::string(*user), std::move(*token)};
}

}  // namespace mbx::auth
