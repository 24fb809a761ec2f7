#include "imap/case_fold.hpp"

#include <array>
#include <cstring>

#include "base/ascii.hpp"
#include "mail/utf8.hpp"

namespace mbx::imap {

namespace {

// Capitals first … last become small letters by adding `distance`; with `step` 2 only every second one from `first`.
struct FoldRange {
    char32_t first;
    char32_t last;
    std::int32_t distance;
    std::uint32_t step;
};
constexpr std::array<FoldRange, 42> kRanges{{
    {0x00c0, 0x00d6, 32, 1},   {0x00d8, 0x00de, 32, 1},   {0x0100, 0x012e, 1, 2},    {0x0132, 0x0136, 1, 2},
    {0x0139, 0x0147, 1, 2},    {0x014a, 0x0176, 1, 2},    {0x0178, 0x0178, -121, 1}, {0x0179, 0x017d, 1, 2},
    {0x01a0, 0x01a4, 1, 2},    {0x01af, 0x01af, 1, 1},    {0x01cd, 0x01db, 1, 2},    {0x01de, 0x01ee, 1, 2},
    {0x01f8, 0x021e, 1, 2},    {0x0222, 0x0232, 1, 2},    {0x0370, 0x0372, 1, 2},    {0x0386, 0x0386, 38, 1},
    {0x0388, 0x038a, 37, 1},   {0x038c, 0x038c, 64, 1},   {0x038e, 0x038f, 63, 1},   {0x0391, 0x03a1, 32, 1},
    {0x03a3, 0x03ab, 32, 1},   {0x03c2, 0x03c2, 1, 1},    {0x03d8, 0x03ee, 1, 2},    {0x0400, 0x040f, 80, 1},
    {0x0410, 0x042f, 32, 1},   {0x0460, 0x0480, 1, 2},    {0x048a, 0x04be, 1, 2},    {0x04c0, 0x04c0, 15, 1},
    {0x04c1, 0x04cd, 1, 2},    {0x04d0, 0x052e, 1, 2},    {0x0531, 0x0556, 48, 1},   {0x1e00, 0x1e94, 1, 2},
    {0x1e9e, 0x1e9e, -7615, 1}, {0x1ea0, 0x1efe, 1, 2},   {0x1f08, 0x1f0f, -8, 1},   {0x1f18, 0x1f1d, -8, 1},
    {0x1f28, 0x1f2f, -8, 1},   {0x1f38, 0x1f3f, -8, 1},   {0x1f48, 0x1f4d, -8, 1},   {0x1f68, 0x1f6f, -8, 1},
    {0x2160, 0x216f, 16, 1},   {0xff21, 0xff3a, 32, 1},
}};

}  // namespace

char32_t fold_case(char32_t c)
{
    if (c < 0x80) return static_cast<unsigned char>(ascii::lower(static_cast<char>(c)));
    for (const auto& range : kRanges) {
        if (c < range.first) return c;
        if (c > range.last) continue;
        if ((c - range.first) % range.step != 0) return c;
        return static_cast<char32_t>(static_cast<std::int32_t>(c) + range.distance);
    }
    return c;
}

std::string fold_case(std::string_view utf8)
{
    std::string out;
    out.reserve(utf8.size());
    std::size_t at = 0;
    while (at < utf8.size()) {
        const auto first = static_cast<unsigned char>(utf8[at]);
        const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (length == 1) {
            out += ascii::lower(utf8[at]);
        } else if (length == 4 || at + length > utf8.size()) {
            out.append(utf8.substr(at, length));
        } else {
            char32_t c = first & (length == 2 ? 0x1fU : 0x0fU);
            for (std::size_t i = 1; i < length; ++i) c = (c << 6U) | (static_cast<unsigned char>(utf8[at + i]) & 0x3fU);
            mail::append_character(out, fold_case(c));
        }
        at += length;
    }
    return out;
}

bool contains_folded(std::string_view utf8, std::string_view folded_needle)
{
    if (folded_needle.empty()) return true;
    const std::string folded = fold_case(utf8);
    // memmem is linear where std::string::find may be quadratic.
    return ::memmem(folded.data(), folded.size(), folded_needle.data(), folded_needle.size()) != nullptr;
}

}  // namespace mbx::imap
