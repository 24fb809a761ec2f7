#include "mail/transfer_encoding.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "mail/parameters.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxPending = 4096;
constexpr std::size_t kLine = 76;  // RFC 2045 section 6.7 rule 5, section 6.8

constexpr std::uint8_t kNoDigit = 64;
constexpr std::array<std::uint8_t, 256> kBase64Digits = [] {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    std::uint8_t value = 0;
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
        digits[static_cast<unsigned char>(c)] = value++;
    return digits;
}();

// The size of the line end at the front; 0: there is none.
std::size_t line_end(std::string_view text)
{
    if (text.starts_with('\n')) return 1;
    return text.starts_with("\r\n") ? 2 : 0;
}

}  // namespace

TransferEncoding parse_transfer_encoding(std::string_view raw_value)
{
    const std::string name = parse_parameterized(raw_value).value;
    if (name.empty() || name == "7bit") return TransferEncoding::seven_bit;
    if (name == "8bit") return TransferEncoding::eight_bit;
    if (name == "binary") return TransferEncoding::binary;
    if (name == "base64") return TransferEncoding::base64;
    if (name == "quoted-printable") return TransferEncoding::quoted_printable;
    const bool is_uuencode = name == "x-uuencode" || name == "x-uue" || name == "uuencode";
    return is_uuencode ? TransferEncoding::uuencode : TransferEncoding::unknown;
}

void TransferDecoder::feed(std::string_view piece, std::string& out)
{
    switch (encoding_) {
    case TransferEncoding::base64: feed_base64(piece, out); return;
    case TransferEncoding::quoted_printable:
        for (const char c : piece) feed_quoted(c, out);
        return;
    case TransferEncoding::seven_bit:
    case TransferEncoding::eight_bit:
    case TransferEncoding::binary:
    case TransferEncoding::uuencode:
    case TransferEncoding::unknown: out += piece; return;
    }
}

void TransferDecoder::finish(std::string& out)
{
    flush_base64(out);
    const std::string held = std::exchange(pending_, {});
    // "=" with nothing but white space behind it joins the last line to nothing.
    const bool is_soft_end = in_escape_ && held.find_first_not_of(" \t\r", 1) == std::string::npos;
    in_escape_ = false;
    if (is_soft_end) return;
    const bool is_line_tail = held.find_first_not_of(" \t") == std::string::npos;
    if (!is_line_tail) out += held;
}

void TransferDecoder::feed_base64(std::string_view piece, std::string& out)
{
    for (const char c : piece) {
        if (c == '=') {
            flush_base64(out);
            continue;
        }
        const std::uint8_t digit = kBase64Digits[static_cast<unsigned char>(c)];
        if (digit == kNoDigit) continue;
        bits_ = bits_ << 6U | digit;
        if (++sextets_ != 4) continue;
        out += static_cast<char>(bits_ >> 16U & 0xffU);
        out += static_cast<char>(bits_ >> 8U & 0xffU);
        out += static_cast<char>(bits_ & 0xffU);
        bits_ = 0;
        sextets_ = 0;
    }
}

void TransferDecoder::flush_base64(std::string& out)
{
    if (sextets_ == 2) {
        out += static_cast<char>(bits_ >> 4U & 0xffU);
    } else if (sextets_ == 3) {
        out += static_cast<char>(bits_ >> 10U & 0xffU);
        out += static_cast<char>(bits_ >> 2U & 0xffU);
    }
    bits_ = 0;
    sextets_ = 0;
}

void TransferDecoder::feed_quoted(char c, std::string& out)
{
    if (in_escape_) feed_quoted_escape(c, out);
    else plain_quoted(c, out);
}

// Behind "=": two digits, or white space and a line end; anything else shows that the "=" stood for itself.
void TransferDecoder::feed_quoted_escape(char c, std::string& out)
{
    const char last = pending_.back();
    const bool is_digits = pending_.size() == 2 && ascii::hex_digit(last) >= 0;
    if (is_digits && ascii::hex_digit(c) >= 0) {
        out += static_cast<char>(ascii::hex_digit(last) * 16 + ascii::hex_digit(c));
        pending_.clear();
        in_escape_ = false;
        return;
    }
    if (!is_digits && c == '\n') {
        pending_.clear();
        in_escape_ = false;
        return;
    }
    const bool may_be_digits = pending_.size() == 1 && ascii::hex_digit(c) >= 0;
    const bool may_be_soft = !is_digits && last != '\r' && (ascii::is_space(c) || c == '\r');
    if (may_be_digits || (may_be_soft && pending_.size() < kMaxPending)) {
        pending_ += c;
        return;
    }
    const std::string held = std::exchange(pending_, {});
    in_escape_ = false;
    out += '=';
    for (const char before : std::string_view(held).substr(1)) plain_quoted(before, out);
    plain_quoted(c, out);
}

void TransferDecoder::plain_quoted(char c, std::string& out)
{
    if (c == '\n') {
        const bool has_cr = pending_.ends_with('\r');
        pending_.clear();
        out += has_cr ? "\r\n" : "\n";
        return;
    }
    const bool may_go = ascii::is_space(c) || c == '\r';
    if (!may_go || pending_.ends_with('\r') || pending_.size() >= kMaxPending) {
        out += pending_;
        pending_.clear();
    }
    if (c == '=') in_escape_ = true;
    if (may_go || c == '=') pending_ += c;
    else out += c;
}

std::string decode_transfer(std::string_view body, TransferEncoding encoding)
{
    std::string out;
    out.reserve(encoding == TransferEncoding::base64 ? body.size() / 4 * 3 + 3 : body.size());
    TransferDecoder decoder(encoding);
    decoder.feed(body, out);
    decoder.finish(out);
    return out;
}

std::string encode_base64_lines(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() / 3 * 4 + bytes.size() / 28 + 8);
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), kLine / 4 * 3);
        out += encode_base64(bytes.substr(0, size)) + "\r\n";
        bytes.remove_prefix(size);
    }
    return out;
}

std::string encode_quoted_printable(std::string_view text)
{
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    std::size_t column = 0;
    while (!text.empty()) {
        const std::size_t end = line_end(text);
        if (end != 0) {
            out += "\r\n";
            column = 0;
            text.remove_prefix(end);
            continue;
        }
        const char c = text.front();
        text.remove_prefix(1);
        const bool ends_line = text.empty() || line_end(text) != 0;
        const bool is_plain = (c > ' ' && c < 127 && c != '=') || (ascii::is_space(c) && !ends_line);
        const std::size_t width = is_plain ? 1 : 3;
        if (column + width > kLine - 1) {
            out += "=\r\n";
            column = 0;
        }
        column += width;
        const auto byte = static_cast<unsigned char>(c);
        if (is_plain) out += c;
        else out += {'=', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return out;
}

}  // namespace mbx::mail
