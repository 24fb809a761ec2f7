#include "mail/xtext.hpp"

#include <algorithm>
#include <cstdint>

#include "base/ascii.hpp"
#include "mail/atext.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {

namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

constexpr bool is_xchar(char c) { return c > ' ' && c < 0x7f && c != '+' && c != '='; }
// RFC 6533 section 3, QCHAR.
constexpr bool is_qchar(char c) { return is_xchar(c) && c != '\\'; }

int upper_hex_digit(char c)
{
    const auto at = kUpperHex.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// "\x{HEXPOINT}" at the front of `text`: takes it off.
std::optional<std::uint32_t> take_code_point(std::string_view& text)
{
    if (!text.starts_with("\\x{")) return std::nullopt;
    const auto end = text.find('}');
    constexpr std::size_t kLongest = 6;
    const std::size_t digits = end == std::string_view::npos ? 0 : end - 3;
    if (digits < 2 || digits > kLongest) return std::nullopt;
    std::uint32_t code = 0;
    for (const char c : text.substr(3, digits)) {
        const int digit = ascii::hex_digit(c);
        if (digit < 0) return std::nullopt;
        code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    const bool is_character = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    if (!is_character) return std::nullopt;
    text.remove_prefix(end + 1);
    return code;
}

}  // namespace

std::string encode_xtext(std::string_view bytes)
{
    std::string out;
    for (const char c : bytes) {
        if (is_xchar(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '+';
        out += kUpperHex[byte >> 4];
        out += kUpperHex[byte & 15];
    }
    return out;
}

std::optional<std::string> decode_xtext(std::string_view text)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_xchar(text[at])) {
            out += text[at];
            continue;
        }
        if (text[at] != '+' || text.size() - at < 3) return std::nullopt;
        const int high = upper_hex_digit(text[at + 1]);
        const int low = upper_hex_digit(text[at + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

std::string encode_unitext(std::string_view utf8)
{
    std::string out;
    while (!utf8.empty()) {
        const Utf8Character character = first_character(utf8);
        if (character.is_good && character.size == 1 && is_qchar(utf8.front())) {
            out += utf8.front();
        } else {
            std::string digits;
            for (std::uint32_t rest = character.code; rest != 0 || digits.size() < 2; rest >>= 4)
                digits.insert(digits.begin(), kUpperHex[rest & 15]);
            out += "\\x{" + digits + "}";
        }
        utf8.remove_prefix(character.size);
    }
    return out;
}

std::optional<std::string> decode_unitext(std::string_view text)
{
    if (!ascii::is_utf8(text)) return std::nullopt;
    std::string out;
    while (!text.empty()) {
        if (text.front() != '\\') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto code = take_code_point(text);
        if (!code) return std::nullopt;
        append_character(out, *code);
    }
    return out;
}

std::optional<OriginalRecipient> parse_original_recipient(std::string_view value)
{
    const auto semicolon = value.find(';');
    if (value.size() > kMaxOriginalRecipient || semicolon == std::string_view::npos || semicolon == 0) return std::nullopt;
    const std::string_view type = value.substr(0, semicolon);
    if (!std::ranges::all_of(type, [](char c) { return is_atext(c) && !ascii::is_eight_bit(c); })) return std::nullopt;
    const bool is_utf8 = ascii::same(type, "utf-8");
    auto address = is_utf8 ? decode_unitext(value.substr(semicolon + 1)) : decode_xtext(value.substr(semicolon + 1));
    if (!address || address->empty()) return std::nullopt;
    return OriginalRecipient{ascii::to_lower(type), std::move(*address)};
}

}  // namespace mbx::mail
