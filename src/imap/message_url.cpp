#include "imap/message_url.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "imap/parser_parts.hpp"
#include "mail/date.hpp"

namespace mbx::imap {

namespace {

std::optional<unsigned> hex_digit(char c)
{
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

// %XX; none: a lonely percent sign, or a control character.
std::optional<std::string> decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
            const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
            if (!low) return std::nullopt;
            c = static_cast<char>(*high * 16 + *low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
        out += c;
    }
    return out;
}

std::optional<std::uint64_t> number_of(std::string_view text, std::uint64_t most)
{
    if (text.empty() || text.size() > 20) return std::nullopt;
    std::uint64_t number = 0;
    for (const char c : text) {
        if (!ascii::is_digit(c)) return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (number > (most - digit) / 10) return std::nullopt;
        number = number * 10 + digit;
    }
    return number;
}

// Takes ";NAME=" off the front.
bool take_name(std::string_view& text, std::string_view name)
{
    if (!text.starts_with(';') || !ascii::starts_with(text.substr(1), name)) return false;
    text.remove_prefix(1 + name.size());
    return true;
}

// What stands before the next "/;", which ends every piece of a message's path.
std::string_view take_piece(std::string_view& text)
{
    const auto end = std::min(text.find("/;"), text.size());
    const auto piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return piece;
}

// "imap://" [user [";AUTH=" mechanism] "@"] host [":" port]
bool read_server(std::string_view server, MessageUrl& url)
{
    const auto at = server.rfind('@');
    if (at != std::string_view::npos) {
        auto user = server.substr(0, at);
        const auto auth = user.find(';');
        if (auth != std::string_view::npos && !ascii::starts_with(user.substr(auth), ";AUTH=")) return false;
        const auto decoded = decode(user.substr(0, auth));
        if (!decoded) return false;
        url.user = *decoded;
        server.remove_prefix(at + 1);
    }
    const auto bracket = server.rfind(']');  // of an IPv6 address
    const auto colon = server.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        if (!number_of(server.substr(colon + 1), 65535)) return false;
        server = server.substr(0, colon);
    }
    if (server.empty()) return false;
    const auto host = decode(server);
    if (!host) return false;
    url.host = ascii::to_lower(*host);
    return true;
}

// enc-mailbox [";UIDVALIDITY=" nz-number]
bool read_mailbox(std::string_view text, MessageUrl& url)
{
    const auto parameter = text.find(';');
    if (parameter != std::string_view::npos) {
        auto rest = text.substr(parameter);
        if (!take_name(rest, "UIDVALIDITY=")) return false;
        const auto number = number_of(rest, UINT32_MAX);
        if (!number || *number == 0) return false;
        url.uidvalidity = static_cast<std::uint32_t>(*number);
    }
    auto name = decode(text.substr(0, parameter));
    if (!name || name->empty()) return false;
    url.mailbox = std::move(*name);
    return true;
}

bool read_section(std::string_view text, MessageUrl& url)
{
    const auto decoded = decode(text);
    return decoded && detail::parse_section_text(*decoded, url.section);
}

bool read_partial(std::string_view text, MessageUrl& url)
{
    const auto dot = text.find('.');
    const auto offset = number_of(text.substr(0, dot), INT64_MAX);
    if (!offset) return false;
    url.partial = UrlPartial{*offset, {}};
    if (dot == std::string_view::npos) return true;
    const auto count = number_of(text.substr(dot + 1), INT64_MAX);
    if (!count || *count == 0) return false;
    url.partial->count = *count;
    return true;
}

// ";UID=" [";SECTION="] [";PARTIAL="], each behind a "/".
bool read_message(std::string_view text, MessageUrl& url)
{
    auto piece = take_piece(text);
    if (!take_name(piece, "UID=")) return false;
    const auto uid = number_of(piece, UINT32_MAX);
    if (!uid || *uid == 0) return false;
    url.uid = static_cast<store::Uid>(*uid);
    piece = take_piece(text);
    if (take_name(piece, "SECTION=")) {
        if (!read_section(piece, url)) return false;
        piece = take_piece(text);
    }
    if (take_name(piece, "PARTIAL=")) {
        if (!read_partial(piece, url)) return false;
        piece = take_piece(text);
    }
    return piece.empty() && text.empty();
}

std::size_t last_of(std::string_view text, std::string_view name)
{
    for (std::size_t at = text.rfind(';'); at != std::string_view::npos; at = text.rfind(';', at - 1)) {
        if (ascii::starts_with(text.substr(at), name)) return at;
        if (at == 0) break;
    }
    return std::string_view::npos;
}

bool is_token(std::string_view token)
{
    constexpr std::size_t kLeast = 32;
    constexpr std::size_t kMost = 256;
    return token.size() >= kLeast && token.size() <= kMost && std::ranges::all_of(token, [](char c) { return hex_digit(c).has_value(); });
}

// <access> [":" <mech> ":" <token>]
bool read_access(std::string_view text, UrlAuth& auth)
{
    const auto colon = text.find(':');
    const auto access = text.substr(0, colon);
    const auto plus = access.find('+');
    const auto kind = access.substr(0, plus);
    if (ascii::same(kind, "submit")) auth.access = UrlAccess::submit;
    else if (ascii::same(kind, "user")) auth.access = UrlAccess::user;
    else if (ascii::same(access, "authuser")) auth.access = UrlAccess::authuser;
    else if (ascii::same(access, "anonymous")) auth.access = UrlAccess::anonymous;
    else return false;
    const bool has_user = auth.access == UrlAccess::submit || auth.access == UrlAccess::user;
    if (has_user) {
        if (plus == std::string_view::npos) return false;
        auto user = decode(access.substr(plus + 1));
        if (!user || user->empty()) return false;
        auth.user = std::move(*user);
    }
    if (colon == std::string_view::npos) return true;
    const auto rest = text.substr(colon + 1);
    const auto second = rest.find(':');
    if (second == std::string_view::npos || second == 0 || !is_token(rest.substr(second + 1))) return false;
    auth.mechanism = ascii::to_upper(rest.substr(0, second));
    auth.token = ascii::to_lower(rest.substr(second + 1));
    return true;
}

// Takes what RFC 4467 adds off the end.
bool take_auth(std::string_view& url, MessageUrl& into)
{
    constexpr std::string_view kAuth = ";URLAUTH=";
    constexpr std::string_view kExpire = ";EXPIRE=";
    const auto at = last_of(url, kAuth);
    if (at == std::string_view::npos) return last_of(url, kExpire) == std::string_view::npos;
    UrlAuth auth;
    const auto text = url.substr(at + kAuth.size());
    if (!read_access(text, auth)) return false;
    auth.rump = std::string(url.substr(0, at + kAuth.size() + std::min(text.find(':'), text.size())));
    url = url.substr(0, at);
    if (const auto expire = last_of(url, kExpire); expire != std::string_view::npos) {
        auth.expires_at = parse_timestamp(url.substr(expire + kExpire.size()));
        if (!auth.expires_at) return false;
        url = url.substr(0, expire);
    }
    into.auth = std::move(auth);
    return true;
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text)
{
    const auto digits = [&text](std::size_t count) -> std::optional<int> {
        if (text.size() < count) return std::nullopt;
        const auto number = number_of(text.substr(0, count), 9999);
        if (number) text.remove_prefix(count);
        return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
    };
    const auto take = [&text](std::string_view any) {
        if (text.empty() || any.find(text.front()) == std::string_view::npos) return false;
        text.remove_prefix(1);
        return true;
    };
    const auto year = digits(4);
    if (!year || !take("-")) return std::nullopt;
    const auto month = digits(2);
    if (!month || *month < 1 || *month > 12 || !take("-")) return std::nullopt;
    const auto day = digits(2);
    if (!day || *day < 1 || *day > 31 || !take("Tt ")) return std::nullopt;
    const auto hour = digits(2);
    if (!hour || *hour > 23 || !take(":")) return std::nullopt;
    const auto minute = digits(2);
    if (!minute || *minute > 59 || !take(":")) return std::nullopt;
    const auto second = digits(2);
    if (!second || *second > 60) return std::nullopt;
    if (take(".")) {
        if (text.empty() || !ascii::is_digit(text.front())) return std::nullopt;
        while (!text.empty() && ascii::is_digit(text.front())) text.remove_prefix(1);
    }
    const mail::CivilDate date{*year, *month, *day};
    const auto days = mail::days_since_epoch(date);
    if (mail::civil_date(days) != date) return std::nullopt;  // 30 February
    std::int64_t zone = 0;
    if (!take("Zz")) {
        const bool is_west = text.starts_with('-');
        if (!take("+-")) return std::nullopt;
        const auto hours = digits(2);
        if (!hours || *hours > 23 || !take(":")) return std::nullopt;
        const auto minutes = digits(2);
        if (!minutes || *minutes > 59) return std::nullopt;
        zone = (*hours * 60 + *minutes) * (is_west ? -60 : 60);
    }
    if (!text.empty()) return std::nullopt;
    return days * 86'400 + *hour * 3600 + *minute * 60 + *second - zone;
}

std::optional<MessageUrl> parse_message_url(std::string_view url)
{
    if (url.size() > kMaxMessageUrl) return std::nullopt;
    MessageUrl found;
    if (!take_auth(url, found)) return std::nullopt;
    bool is_rooted = url.starts_with('/');
    if (ascii::starts_with(url, "imap://") || url.starts_with("//")) {
        url.remove_prefix(url.find("//") + 2);
        const auto end = url.find('/');
        if (end == std::string_view::npos || !read_server(url.substr(0, end), found)) return std::nullopt;
        url.remove_prefix(end);
        is_rooted = true;
    }
    if (is_rooted) {
        url.remove_prefix(1);
        if (!read_mailbox(take_piece(url), found)) return std::nullopt;
    } else if (!url.starts_with(';')) {
        // A path relative to what? RFC 5092 section 7.2 resolves it against the mailbox that is selected, level by level; only
        // its message part is ever meant.
        return std::nullopt;
    }
    if (!read_message(url, found)) return std::nullopt;
    return found;
}

}  // namespace mbx::imap
