#include "mail/xtext.hpp"

#include <algorithm>
#include <cstdint>

#include "base/ascii.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {

namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

// An upper-case hexadecimal digit (RFC 3461 section 4); -1 for anything else.
int upper_hex(char c)
{
    const auto at = kUpperHex.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_xchar(char c)
{
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

// "\x{HEXPOINT}" at the front (RFC 6533 section 3): how many bytes it has; 0: there is none, or none that is allowed.
std::size_t take_hexpoint(std::string_view text, std::string& out)
{
    if (!text.starts_with("\\x{")) return 0;
    const auto end = text.find('}');
    if (end == std::string_view::npos || end < 5 || end > 9) return 0;
    std::uint32_t code = 0;
    for (const char c : text.substr(3, end - 3)) {
        const int digit = upper_hex(c);
        if (digit < 0) return 0;
        code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    if (code < 0x20 || code == 0x7f || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
    append_character(out, code);
    return end + 1;
}

// utf-8-addr-xtext and utf-8-addr-unitext.
std::optional<std::string> decode_utf8_address(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        if (text.front() == '\\') {
            const std::size_t size = take_hexpoint(text, out);
            if (size == 0) return std::nullopt;
            text.remove_prefix(size);
            continue;
        }
        if (!is_xchar(text.front()) && !ascii::is_eight_bit(text.front())) return std::nullopt;
        out += text.front();
        text.remove_prefix(1);
    }
    if (!ascii::is_utf8(out)) return std::nullopt;
    return out;
}

bool is_address_type(std::string_view text)
{
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](char c) { return ascii::is_alnum(c) || c == '-'; });
}

}  // namespace

std::optional<std::string> decode_xtext(std::string_view text)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_xchar(text[at])) {
            out += text[at];
            continue;
        }
        if (text[at] != '+' || text.size() - at < 3) return std::nullopt;
        const int high = upper_hex(text[at + 1]);
        const int low = upper_hex(text[at + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

std::string encode_xtext(std::string_view bytes)
{
    std::string out;
    for (const char c : bytes) {
        if (is_xchar(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'+', kUpperHex[byte >> 4U], kUpperHex[byte & 15U]};
    }
    return out;
}

std::string encode_unitext(std::string_view utf8)
{
    std::string out;
    while (!utf8.empty()) {
        const Utf8Character character = first_character(utf8);
        utf8.remove_prefix(character.size);
        if (character.code < 0x80 && is_xchar(static_cast<char>(character.code)) && character.code != '\\') {
            out += static_cast<char>(character.code);
            continue;
        }
        std::string digits;
        for (std::uint32_t rest = character.code; rest != 0; rest /= 16) digits += kUpperHex[rest % 16];
        while (digits.size() < 2) digits += '0';
        std::ranges::reverse(digits);
        out += "\\x{" + digits + "}";
    }
    return out;
}

std::optional<std::string> parse_original_recipient(std::string_view value)
{
    if (value.size() > kMaxOriginalRecipient) return std::nullopt;
    const auto semicolon = value.find(';');
    if (semicolon == std::string_view::npos || !is_address_type(value.substr(0, semicolon))) return std::nullopt;
    const std::string_view type = value.substr(0, semicolon);
    const std::string_view coded = value.substr(semicolon + 1);
    const auto address = ascii::same(type, "utf-8") ? decode_utf8_address(coded) : decode_xtext(coded);
    if (!address || address->empty()) return std::nullopt;
    // RFC 3461 section 4.2: printable characters only, once decoded.
    if (std::ranges::any_of(*address, ascii::is_control) || !ascii::is_utf8(*address)) return std::nullopt;
    return ascii::to_lower(type) + ";" + *address;
}

std::string format_original_recipient(std::string_view original)
{
    const auto semicolon = original.find(';');
    if (semicolon == std::string_view::npos || !is_address_type(original.substr(0, semicolon))) return {};
    const std::string_view type = original.substr(0, semicolon);
    const std::string_view address = original.substr(semicolon + 1);
    std::string out(type);
    out += ';';
    out += ascii::same(type, "utf-8") ? encode_unitext(address) : encode_xtext(address);
    return out.size() > kMaxOriginalRecipient ? std::string() : out;
}

}  // namespace mbx::mail
