#include "auth/saslprep.hpp"

#include <algorithm>
#include <array>

#include "auth/nfkc.hpp"
#include "base/ascii.hpp"

namespace mbx::auth {
namespace {

struct CodeRange {
    char32_t first;
    char32_t last;
};

// RFC 3454 table C.1.2.
constexpr std::array kSpaces{CodeRange{0x00A0, 0x00A0}, CodeRange{0x1680, 0x1680}, CodeRange{0x2000, 0x200B},
                             CodeRange{0x202F, 0x202F}, CodeRange{0x205F, 0x205F}, CodeRange{0x3000, 0x3000}};
// RFC 3454 table B.1.
constexpr std::array kNothing{CodeRange{0x00AD, 0x00AD}, CodeRange{0x034F, 0x034F}, CodeRange{0x1806, 0x1806},
                              CodeRange{0x180B, 0x180D}, CodeRange{0x200C, 0x200D}, CodeRange{0x2060, 0x2060},
                              CodeRange{0xFE00, 0xFE0F}, CodeRange{0xFEFF, 0xFEFF}};
// RFC 3454 tables C.2.1, C.2.2, C.3, C.4, C.6, C.7, C.8, C.9; the last two of every plane are no characters either.
constexpr std::array kProhibited{
    CodeRange{0x0000, 0x001F},     CodeRange{0x007F, 0x009F},     CodeRange{0x0340, 0x0341},     CodeRange{0x06DD, 0x06DD},
    CodeRange{0x070F, 0x070F},     CodeRange{0x180E, 0x180E},     CodeRange{0x200E, 0x200F},     CodeRange{0x2028, 0x202E},
    CodeRange{0x2061, 0x2063},     CodeRange{0x206A, 0x206F},     CodeRange{0x2FF0, 0x2FFB},     CodeRange{0xE000, 0xF8FF},
    CodeRange{0xFDD0, 0xFDEF},     CodeRange{0xFFF9, 0xFFFF},     CodeRange{0x1D173, 0x1D17A},   CodeRange{0xE0001, 0xE0001},
    CodeRange{0xE0020, 0xE007F},   CodeRange{0xF0000, 0x10FFFF},
};

template <std::size_t N>
bool is_in(const std::array<CodeRange, N>& table, char32_t code)
{
    return std::ranges::any_of(table, [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

bool is_prohibited(char32_t code) { return (code & 0xFFFEU) == 0xFFFEU || is_in(kProhibited, code); }

std::size_t length_of(unsigned char lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

// Of valid UTF-8.
char32_t code_of(std::string_view character)
{
    const auto lead = static_cast<unsigned char>(character.front());
    if (character.size() == 1) return lead;
    char32_t code = lead & (0x7FU >> character.size());
    for (const char next : character.substr(1)) code = (code << 6U) | (static_cast<unsigned char>(next) & 0x3FU);
    return code;
}

void append_utf8(std::string& into, char32_t code)
{
    const auto tail = [&into, code](unsigned shift) { into += static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
    if (code < 0x80) {
        into += static_cast<char>(code);
    } else if (code < 0x800) {
        into += static_cast<char>(0xC0U | (code >> 6U));
        tail(0);
    } else if (code < 0x10000) {
        into += static_cast<char>(0xE0U | (code >> 12U));
        tail(6);
        tail(0);
    } else {
        into += static_cast<char>(0xF0U | (code >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace

std::optional<std::string> saslprep(std::string_view text)
{
    // Most are this, and no copy of them is to be left behind.
    if (!text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; })) return std::string(text);
    if (!ascii::is_utf8(text)) return std::nullopt;
    std::u32string mapped;
    mapped.reserve(text.size());
    while (!text.empty()) {
        const auto character = text.substr(0, length_of(static_cast<unsigned char>(text.front())));
        text.remove_prefix(character.size());
        const char32_t code = code_of(character);
        if (is_in(kSpaces, code)) mapped += U' ';
        else if (!is_in(kNothing, code)) mapped += code;
    }
    const std::u32string normal = nfkc(mapped);
    if (normal.empty() || std::ranges::any_of(normal, is_prohibited)) return std::nullopt;
    std::string out;
    out.reserve(normal.size());
    for (const char32_t code : normal) append_utf8(out, code);
    return out;
}

std::string prepared_password(std::string_view password) { return saslprep(password).value_or(std::string(password)); }

}  // namespace mbx::auth
