#include "base/ascii.hpp"

#include <algorithm>
#include <array>

#include "base/legible.hpp"

namespace mbx::ascii {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// What the lead byte promises: the length of the sequence and the bounds of the second byte, which alone rule out
// overlong forms, surrogates and values above U+10FFFF (RFC 3629 section 4).
struct Lead {
    std::size_t length;
    unsigned char second_low;
    unsigned char second_high;
};

constexpr Lead lead_of(unsigned char first)
{
    if (first < 0x80) return {1, 0, 0};
    if (first < 0xc2) return {0, 0, 0};
    if (first < 0xe0) return {2, 0x80, 0xbf};
    if (first == 0xe0) return {3, 0xa0, 0xbf};
    if (first == 0xed) return {3, 0x80, 0x9f};
    if (first < 0xf0) return {3, 0x80, 0xbf};
    if (first == 0xf0) return {4, 0x90, 0xbf};
    if (first < 0xf4) return {4, 0x80, 0xbf};
    if (first == 0xf4) return {4, 0x80, 0x8f};
    return {0, 0, 0};
}

// The length of the well-formed sequence that starts at `at`, 0 when there is none.
std::size_t sequence_at(std::string_view text, std::size_t at)
{
    const Lead lead = lead_of(byte_at(text, at));
    if (lead.length <= 1) return lead.length;
    if (text.size() - at < lead.length) return 0;
    const unsigned char second = byte_at(text, at + 1);
    if (second < lead.second_low || second > lead.second_high) return 0;
    for (std::size_t i = 2; i < lead.length; ++i) {
        if ((byte_at(text, at + i) & 0xc0U) != 0x80) return 0;
    }
    return lead.length;
}

// Well-formed, and yet not for a terminal: C1 controls (U+009B starts an escape sequence), line separators and the
// marks that reorder text around them.
bool is_deceptive(std::string_view sequence)
{
    if (sequence.size() == 2) return byte_at(sequence, 0) == 0xc2 && byte_at(sequence, 1) < 0xa0;
    if (sequence.size() != 3 || byte_at(sequence, 0) != 0xe2) return false;
    const unsigned char second = byte_at(sequence, 1);
    const unsigned char third = byte_at(sequence, 2);
    if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
    return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

void append_escaped(std::string& out, std::string_view bytes)
{
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        out += "\\x";
        out += kHex[value >> 4U];
        out += kHex[value & 15U];
    }
}

// How many bytes at the front may be shown as they are: nearly always all of them.
std::size_t plain_run(std::string_view text)
{
    const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '\\'; };
    return static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
}

enum class Backslash : bool { as_it_is, doubled };

std::string escaped(std::string_view text, std::size_t most, Backslash backslash)
{
    std::string out;
    out.reserve(std::min(text.size(), most) + 8);
    std::size_t at = 0;
    while (at < text.size()) {
        if (const std::size_t run = plain_run(text.substr(at)); run != 0) {
            const std::size_t room = most - out.size();
            out += text.substr(at, std::min(run, room));
            if (run > room) return out + "…";
            at += run;
            continue;
        }
        const std::size_t length = sequence_at(text, at);
        const std::string_view piece = text.substr(at, std::max<std::size_t>(length, 1));
        std::string shown;
        if (length == 0 || is_control(piece.front()) || is_deceptive(piece)) {
            append_escaped(shown, piece);
        } else if (piece.front() == '\\' && backslash == Backslash::doubled) {
            shown = "\\\\";
        } else {
            shown = piece;
        }
        if (out.size() + shown.size() > most) return out + "…";
        out += shown;
        at += piece.size();
    }
    return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) { return escaped(text, most, Backslash::doubled); }

std::string legible(std::string_view text, std::size_t most) { return escaped(text, most, Backslash::as_it_is); }

bool is_utf8(std::string_view text)
{
    std::size_t at = 0;
    while (at < text.size()) {
        if (!is_eight_bit(text[at])) {
            ++at;
            continue;
        }
        const std::size_t length = sequence_at(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

}  // namespace mbx::ascii
