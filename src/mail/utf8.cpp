#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

struct Lead {
    std::size_t size;        // of the whole character; 0: no lead byte
    unsigned char low;       // bounds of the second byte: no overlong forms, no surrogates, nothing above U+10FFFF
    unsigned char high;
};

Lead lead_of(unsigned char byte)
{
    if (byte >= 0xc2 && byte <= 0xdf) return {2, 0x80, 0xbf};
    if (byte == 0xe0) return {3, 0xa0, 0xbf};
    if (byte == 0xed) return {3, 0x80, 0x9f};
    if (byte >= 0xe1 && byte <= 0xef) return {3, 0x80, 0xbf};
    if (byte == 0xf0) return {4, 0x90, 0xbf};
    if (byte >= 0xf1 && byte <= 0xf3) return {4, 0x80, 0xbf};
    if (byte == 0xf4) return {4, 0x80, 0x8f};
    return {0, 0, 0};
}

}  // namespace

Utf8Character first_character(std::string_view text)
{
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) return {first, 1, true};
    const Lead lead = lead_of(first);
    if (lead.size == 0) return {};
    std::uint32_t code = first & (0xffU >> (lead.size + 1));
    for (std::size_t i = 1; i < lead.size; ++i) {
        const auto byte = i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
        const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : byte >= 0x80 && byte <= 0xbf;
        if (!fits) return {0xfffd, i, false};
        code = code << 6U | (byte & 0x3fU);
    }
    return {code, lead.size, true};
}

void append_character(std::string& out, std::uint32_t code)
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) code = 0xfffd;
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | ((code >> shift) & 0x3fU)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0U | code >> 6U);
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0U | code >> 12U);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0U | code >> 18U);
        tail(12);
        tail(6);
        tail(0);
    }
}

std::size_t whole_characters(std::string_view utf8, std::size_t most)
{
    if (utf8.size() <= most) return utf8.size();
    while (most > 0 && (static_cast<unsigned char>(utf8[most]) & 0xc0U) == 0x80U) --most;
    return most;
}

}  // namespace mbx::mail
