#include "mail/body_encoder.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kEncodedLine = 76;
constexpr std::size_t kBytesOfLine = kEncodedLine / 4 * 3;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

}  // namespace

void QuotedPrintableEncoder::put(char c, bool ends_line, std::string& out)
{
    const bool is_plain = (c > ' ' && c < 127 && c != '=') || (ascii::is_space(c) && !ends_line);
    const std::size_t width = is_plain ? 1 : 3;
    if (column_ + width > kEncodedLine - 1) {
        out += "=\r\n";
        column_ = 0;
    }
    column_ += width;
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain) out += c;
    else out += {'=', kHexDigits[byte >> 4U], kHexDigits[byte & 15U]};
}

void QuotedPrintableEncoder::take(char c, std::string& out)
{
    if (const char space = std::exchange(held_, '\0')) put(space, false, out);
    if (ascii::is_space(c)) held_ = c;
    else put(c, false, out);
}

void QuotedPrintableEncoder::feed(std::string_view bytes, std::string& out)
{
    for (const char c : bytes) {
        if (std::exchange(held_cr_, false)) {
            if (c == '\n') {
                if (const char space = std::exchange(held_, '\0')) put(space, true, out);
                out += "\r\n";
                column_ = 0;
                continue;
            }
            take('\r', out);
        }
        if (c == '\r') held_cr_ = true;
        else take(c, out);
    }
}

void QuotedPrintableEncoder::finish(std::string& out)
{
    if (std::exchange(held_cr_, false)) take('\r', out);
    if (const char space = std::exchange(held_, '\0')) put(space, true, out);
}

void Base64Encoder::feed(std::string_view bytes, std::string& out)
{
    while (!bytes.empty()) {
        const std::size_t size = std::min(bytes.size(), kBytesOfLine - pending_.size());
        pending_ += bytes.substr(0, size);
        bytes.remove_prefix(size);
        if (pending_.size() == kBytesOfLine) finish(out);
    }
}

void Base64Encoder::finish(std::string& out)
{
    if (pending_.empty()) return;
    out += encode_base64(pending_);
    out += "\r\n";
    pending_.clear();
}

}  // namespace mbx::mail
