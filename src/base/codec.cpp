#include "base/codec.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace mbx {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> make_values()
{
    std::array<std::uint8_t, 256> values{};
    values.fill(kNone);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}
constexpr std::array<std::uint8_t, 256> kValues = make_values();

std::uint32_t byte_of(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// Up to three bytes from `at` as four characters, padded.
void append_group(std::string& out, std::string_view bytes, std::size_t at)
{
    const std::size_t count = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t bits = byte_of(bytes, at) << 16U;
    if (count > 1) bits |= byte_of(bytes, at + 1) << 8U;
    if (count > 2) bits |= byte_of(bytes, at + 2);
    out += kAlphabet[bits >> 18U];
    out += kAlphabet[(bits >> 12U) & 63U];
    out += count > 1 ? kAlphabet[(bits >> 6U) & 63U] : '=';
    out += count > 2 ? kAlphabet[bits & 63U] : '=';
}

}  // namespace

std::string encode_base64(std::string_view bytes)
{
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) append_group(out, bytes, at);
    return out;
}

std::optional<std::string> decode_base64(std::string_view text)
{
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
    const std::string_view digits = text.substr(0, text.size() - padding);

    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : digits) {
        const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
        if (value == kNone) return std::nullopt;
        bits = (bits << 6U) | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> held) & 0xffU);
            bits &= (1U << held) - 1U;
        }
    }
    // Bits that name no byte must be zero (RFC 4648 section 3.5): one value has one text.
    if (bits != 0) return std::nullopt;
    return out;
}

std::string encode_hex(std::string_view bytes)
{
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        out += kDigits[value >> 4U];
        out += kDigits[value & 15U];
    }
    return out;
}

}  // namespace mbx
