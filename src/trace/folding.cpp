#include "trace/folding.hpp"

#include <algorithm>
#include <cstdint>

#include "base/ascii.hpp"

namespace mbx::trace {

namespace {

// The size of the character at the front of the text, 0 where there is none.
std::size_t character_size(std::string_view text)
{
    constexpr std::size_t kLongest = 4;
    for (std::size_t size = 1; size <= std::min(kLongest, text.size()); ++size) {
        if (ascii::is_utf8(text.substr(0, size))) return size;
    }
    return 0;
}

std::uint32_t lower_of(std::uint32_t code)
{
    const auto in = [code](std::uint32_t first, std::uint32_t last) { return code >= first && code <= last; };
    if (in(0xc0, 0xde) && code != 0xd7) return code + 0x20;
    if (in(0x391, 0x3a9) || in(0x410, 0x42f)) return code + 0x20;
    if (in(0x400, 0x40f)) return code + 0x50;
    return code;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t most)
{
    const bool is_plain = text.size() <= most && std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
    if (is_plain) return std::string(text);
    std::string out;
    while (!text.empty() && out.size() < most) {
        const std::size_t size = ascii::is_eight_bit(text.front()) ? character_size(text) : 1;
        const bool is_c1 = size == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
        if (size == 0) out += '?';
        else if (is_c1 || ascii::is_control(text.front())) out += ' ';
        else if (out.size() + size <= most) out += text.substr(0, size);
        else break;
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

std::string fold_case(std::string_view utf8)
{
    std::string out(utf8);
    for (std::size_t at = 0; at < out.size(); ++at) {
        const auto lead = static_cast<unsigned char>(out[at]);
        if (lead < 0x80) {
            out[at] = ascii::lower(out[at]);
            continue;
        }
        // All that change case are of two bytes, before and after.
        if (lead < 0xc2 || lead > 0xdf || at + 1 == out.size()) continue;
        const std::uint32_t code = lower_of(((lead & 0x1fU) << 6) | (static_cast<unsigned char>(out[at + 1]) & 0x3fU));
        out[at] = static_cast<char>(0xc0 | (code >> 6));
        out[at + 1] = static_cast<char>(0x80 | (code & 0x3f));
        ++at;
    }
    return out;
}

}  // namespace mbx::trace
