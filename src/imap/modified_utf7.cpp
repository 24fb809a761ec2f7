#include "imap/modified_utf7.hpp"

#include <cstddef>
#include <cstdint>

#include "base/ascii.hpp"
#include "mail/utf8.hpp"

namespace mbx::imap {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool is_direct(char c) { return c >= 0x20 && c <= 0x7e; }

// The code point that begins at `at`, which moves behind it.
char32_t take_code_point(std::string_view utf8, std::size_t& at)
{
    const auto first = static_cast<unsigned char>(utf8[at++]);
    if (first < 0x80) return first;
    const unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    char32_t value = first & (0x3fU >> more);
    for (unsigned i = 0; i < more && at < utf8.size(); ++i) {
        value = (value << 6U) | (static_cast<unsigned char>(utf8[at++]) & 0x3fU);
    }
    return value;
}

class ShiftWriter {
public:
    explicit ShiftWriter(std::string& out) : out_(out) { out_ += '&'; }
    void unit(char16_t value)
    {
        bits_ = (bits_ << 16U) | value;
        count_ += 16;
        while (count_ >= 6) {
            count_ -= 6;
            out_ += kAlphabet[(bits_ >> count_) & 0x3fU];
        }
        bits_ &= (1U << count_) - 1U;
    }
    void finish()
    {
        if (count_ != 0) out_ += kAlphabet[(bits_ << (6 - count_)) & 0x3fU];
        out_ += '-';
    }

private:
    std::string& out_;
    std::uint32_t bits_ = 0;
    unsigned count_ = 0;
};

// Joins UTF-16 units to code points as they come.
class Utf16Reader {
public:
    explicit Utf16Reader(std::string& out) : out_(out) {}
    bool unit(char16_t value)
    {
        if (high_ != 0) {
            if (value < 0xdc00 || value > 0xdfff) return false;
            mail::append_character(out_, 0x10000U + ((high_ - 0xd800U) << 10U) + (value - 0xdc00U));
            high_ = 0;
            return true;
        }
        if (value >= 0xdc00 && value <= 0xdfff) return false;
        if (value >= 0xd800 && value <= 0xdbff) {
            high_ = value;
            return true;
        }
        if (value == 0) return false;
        mail::append_character(out_, value);
        return true;
    }
    bool is_whole() const { return high_ == 0; }

private:
    std::string& out_;
    char32_t high_ = 0;
};

// What stands between "&" and "-".
bool decode_shift(std::string_view base64, std::string& out)
{
    Utf16Reader units(out);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : base64) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) return false;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 16) continue;
        count -= 16;
        if (!units.unit(static_cast<char16_t>((bits >> count) & 0xffffU))) return false;
        bits &= (1U << count) - 1U;
    }
    return units.is_whole() && count < 6 && bits == 0;
}

}  // namespace

std::string encode_modified_utf7(std::string_view utf8)
{
    std::string out;
    out.reserve(utf8.size());
    std::size_t at = 0;
    while (at < utf8.size()) {
        if (is_direct(utf8[at])) {
            out += utf8[at];
            if (utf8[at] == '&') out += '-';
            ++at;
            continue;
        }
        ShiftWriter shift(out);
        while (at < utf8.size() && !is_direct(utf8[at])) {
            const char32_t c = take_code_point(utf8, at);
            if (c >= 0x10000) {
                shift.unit(static_cast<char16_t>(0xd800U + ((c - 0x10000U) >> 10U)));
                shift.unit(static_cast<char16_t>(0xdc00U + ((c - 0x10000U) & 0x3ffU)));
            } else {
                shift.unit(static_cast<char16_t>(c));
            }
        }
        shift.finish();
    }
    return out;
}

std::optional<std::string> decode_modified_utf7(std::string_view text)
{
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (!is_direct(c)) return std::nullopt;
        if (c != '&') {
            out += c;
            ++at;
            continue;
        }
        const auto end = text.find('-', at);
        if (end == std::string_view::npos) return std::nullopt;
        const auto inside = text.substr(at + 1, end - at - 1);
        if (inside.empty()) {
            out += '&';
        } else if (!decode_shift(inside, out)) {
            return std::nullopt;
        }
        at = end + 1;
    }
    // The one canonical spelling is what we would have written ourselves.
    if (encode_modified_utf7(out) != text) return std::nullopt;
    return out;
}

}  // namespace mbx::imap
