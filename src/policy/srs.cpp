#include "policy/srs.hpp"

#include <mbedtls/md.h>

#include <array>
#include <vector>

#include "base/ascii.hpp"

namespace mbx::policy {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // whatever a server does to letters' case
constexpr std::int64_t kPeriod = 1024;   // days until a stamp of two letters repeats
constexpr std::string_view kForwarderTag = "FWD0=";
constexpr std::int64_t kLifetime = 21;   // days: longer than a queue keeps trying

std::int64_t day_of(WallTime now)
{
    const auto days = std::chrono::floor<std::chrono::days>(now.time_since_epoch()).count();
    return ((days % kPeriod) + kPeriod) % kPeriod;
}

std::string stamp_of(WallTime now)
{
    const auto day = static_cast<std::size_t>(day_of(now));
    return {kAlphabet[day / kAlphabet.size()], kAlphabet[day % kAlphabet.size()]};
}

bool is_fresh(std::string_view stamp, WallTime now)
{
    if (stamp.size() != 2) return false;
    const auto high = kAlphabet.find(ascii::upper(stamp[0]));
    const auto low = kAlphabet.find(ascii::upper(stamp[1]));
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    const auto day = static_cast<std::int64_t>(high * kAlphabet.size() + low);
    // A day of the future is one of another box whose clock is ahead.
    const auto age = (day_of(now) + 1 - day + 2 * kPeriod) % kPeriod;
    return age <= kLifetime + 1;
}

// The first `parts` - 1 pieces between "=", and the rest: a local part may hold any of them.
std::vector<std::string_view> split(std::string_view text, std::size_t parts)
{
    std::vector<std::string_view> pieces;
    while (pieces.size() + 1 < parts) {
        const auto at = text.find('=');
        if (at == std::string_view::npos) return {};
        pieces.push_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    pieces.push_back(text);
    return pieces;
}

// What of a forwarder's address is signed: never what is signed of a rewritten sender.
std::string forwarder_text(std::string_view stamp, std::string_view account)
{
    return "forwarder " + std::string(stamp) + "=" + std::string(account);
}

// Behind "SRS0" or "SRS1" and its separator, which may be one of three.
std::optional<std::string_view> behind_tag(std::string_view local_part, char digit)
{
    if (local_part.size() < 5 || !Srs::looks_like(local_part) || local_part[3] != digit) return std::nullopt;
    return local_part.substr(5);
}

std::optional<mail::Mailbox> mailbox_of(std::string_view local_part, std::string_view domain)
{
    mail::Mailbox mailbox;
    mailbox.local_part = local_part;
    mailbox.domain = domain;
    auto read = mail::parse_mailbox(mail::format_mailbox(mailbox));
    if (!read) return std::nullopt;
    return *std::move(read);
}

}  // namespace

bool Srs::looks_like(std::string_view local_part)
{
    if (local_part.size() < 5 || !ascii::starts_with(local_part, "SRS")) return false;
    const bool is_version = local_part[3] == '0' || local_part[3] == '1';
    const char separator = local_part[4];
    return is_version && (separator == '=' || separator == '+' || separator == '-');
}

std::string Srs::sign(std::string_view text, std::size_t letters_wanted) const
{
    const std::string lower = ascii::to_lower(text);
    std::array<unsigned char, 32> mac{};
    const auto* hash = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    (void)mbedtls_md_hmac(hash, reinterpret_cast<const unsigned char*>(secret_.data()), secret_.size(),
                          reinterpret_cast<const unsigned char*>(lower.data()), lower.size(), mac.data());
    std::string letters;
    for (std::size_t n = 0; n < letters_wanted; ++n) letters += kAlphabet[mac.at(n) % kAlphabet.size()];
    return letters;
}

std::string Srs::forward_mark(std::int64_t account) const
{
    constexpr std::size_t kMarkLetters = 16;
    return sign("forwarded by account " + std::to_string(account), kMarkLetters);
}

bool Srs::is_signed(std::string_view hash, std::string_view text) const
{
    const std::string right = sign(text);
    if (hash.size() != right.size()) return false;
    unsigned difference = 0;
    for (std::size_t n = 0; n < right.size(); ++n) {
        difference |= static_cast<unsigned>(ascii::upper(hash[n])) ^ static_cast<unsigned>(right[n]);
    }
    return difference == 0;
}

mail::Mailbox Srs::forward(const mail::Mailbox& sender, std::string_view domain, WallTime now) const
{
    mail::Mailbox address;
    address.domain = domain;
    address.needs_utf8 = sender.needs_utf8;
    if (const auto rest = behind_tag(sender.local_part, '0')) {
        // Somebody forwarded it before: only where to, and what that one has to check.
        const std::string text = sender.domain + "=" + sender.local_part[4] + std::string(*rest);
        address.local_part = "SRS1=" + sign(text) + "=" + text;
        return address;
    }
    if (const auto rest = behind_tag(sender.local_part, '1')) {
        // The first forwarder stays the one to go back to.
        if (const auto pieces = split(*rest, 2); !pieces.empty()) {
            const std::string text(pieces[1]);
            address.local_part = "SRS1=" + sign(text) + "=" + text;
            return address;
        }
    }
    const std::string text = stamp_of(now) + "=" + sender.domain + "=" + sender.local_part;
    address.local_part = "SRS0=" + sign(text) + "=" + text;
    return address;
}

bool Srs::is_forwarder(std::string_view local_part) { return ascii::starts_with(local_part, kForwarderTag); }

mail::Mailbox Srs::forwarder(std::int64_t account, std::string_view domain, WallTime now) const
{
    const std::string stamp = stamp_of(now);
    const std::string number = std::to_string(account);
    mail::Mailbox address;
    address.domain = domain;
    address.local_part = std::string(kForwarderTag) + sign(forwarder_text(stamp, number)) + "=" + stamp + "=" + number;
    return address;
}

std::optional<std::int64_t> Srs::forwarder_of(const mail::Mailbox& address, WallTime now) const
{
    if (!is_forwarder(address.local_part)) return std::nullopt;
    const auto pieces = split(std::string_view(address.local_part).substr(kForwarderTag.size()), 3);
    if (pieces.empty() || !is_fresh(pieces[1], now)) return std::nullopt;
    const auto account = ascii::parse_number(pieces[2]);
    if (!account || *account > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    if (!is_signed(pieces[0], forwarder_text(pieces[1], pieces[2]))) return std::nullopt;
    return static_cast<std::int64_t>(*account);
}

std::optional<mail::Mailbox> Srs::reverse(const mail::Mailbox& address, WallTime now) const
{
    if (const auto rest = behind_tag(address.local_part, '0')) {
        const auto pieces = split(*rest, 4);
        if (pieces.empty() || !is_fresh(pieces[1], now)) return std::nullopt;
        if (!is_signed(pieces[0], rest->substr(pieces[0].size() + 1))) return std::nullopt;
        return mailbox_of(pieces[3], pieces[2]);
    }
    if (const auto rest = behind_tag(address.local_part, '1')) {
        const auto pieces = split(*rest, 3);
        if (pieces.empty() || !is_signed(pieces[0], rest->substr(pieces[0].size() + 1))) return std::nullopt;
        return mailbox_of("SRS0" + std::string(pieces[2]), pieces[1]);
    }
    return std::nullopt;
}

}  // namespace mbx::policy
