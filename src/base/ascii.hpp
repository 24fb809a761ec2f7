// ASCII text without a locale: protocol words compare the same everywhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::ascii {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
constexpr bool is_eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }

inline std::string to_lower(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}
inline std::string to_upper(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), upper);
    return out;
}
inline bool same(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }
inline bool starts_with(std::string_view text, std::string_view prefix)
{
    return text.size() >= prefix.size() && same(text.substr(0, prefix.size()), prefix);
}
// The value of a hexadecimal digit in either case; -1 for anything else.
constexpr int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    const char letter = lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}
constexpr std::string_view trim(std::string_view text)
{
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// A decimal number of digits only, none for an empty text, a sign, or more than 64 bits: the one way in which numbers
// from outside are read (HOSTILE row J10).
inline std::optional<std::uint64_t> parse_number(std::string_view digits)
{
    if (digits.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (!is_digit(c)) return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

// For logs and error texts: control bytes and DEL as \x1b, backslash doubled, invalid UTF-8 as \x.., cut at `most` bytes
// (HOSTILE row A10).
std::string printable(std::string_view text, std::size_t most = 200);

// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace mbx::ascii
