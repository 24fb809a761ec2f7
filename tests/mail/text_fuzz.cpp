// Encoded words, parameters, transfer encodings and charsets. The first byte chooses a charset and the splits.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/ascii.hpp"
#include "mail/charset.hpp"
#include "mail/encoded_word.hpp"
#include "mail/parameters.hpp"
#include "mail/transfer_encoding.hpp"

using namespace mbx;
using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

bool is_clean(std::string_view text)
{
    return ascii::is_utf8(text) && std::ranges::none_of(text, ascii::is_control);
}

void check_transfer(std::string_view bytes, TransferEncoding encoding, std::size_t piece)
{
    const std::string whole = decode_transfer(bytes, encoding);
    require(whole.size() <= bytes.size());
    std::string split;
    TransferDecoder decoder(encoding);
    for (std::size_t at = 0; at < bytes.size(); at += piece) decoder.feed(bytes.substr(at, piece), split);
    decoder.finish(split);
    require(split == whole);
}

void check_words(std::string_view bytes)
{
    const std::string decoded = decode_encoded_words(bytes);
    require(is_clean(decoded));
    const std::string clean = strip_controls(repair_utf8(bytes));
    require(decode_encoded_words(encode_words(bytes)) == clean);
}

void check_parameters(std::string_view bytes)
{
    const ParameterizedValue value = parse_parameterized(bytes);
    require(value.parameters.size() <= value.wire.size() && value.parameters.size() <= kMaxParameterPieces);
    for (const auto& parameter : value.parameters) {
        require(is_clean(parameter.value));
        require(value.find(parameter.name) != nullptr);
    }
    const std::string name = safe_file_name(bytes);
    require(is_clean(name) && name.size() <= 255 && name.find_first_of("/\\") == std::string::npos);
    require(safe_file_name(name) == name);
    const std::string clean = strip_controls(repair_utf8(bytes));
    if (clean.find("=?") != std::string::npos || ascii::trim(clean).size() != clean.size()) return;
    const auto again = parse_parameterized("x; " + format_parameter("name", clean));
    require(again.find("name") != nullptr && again.find("name")->value == clean);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::array<std::string_view, 16> kCharsets{"utf-8",  "us-ascii", "windows-1251",  "iso-2022-jp", "gb18030", "shift_jis",
                                                         "utf-16", "utf-32le", "iso-2022-kr",   "big5-hkscs",  "koi8-r",  "euc-kr",
                                                         "euc-tw", "utf-7",    "iso-2022-jp-2", "latin1"};
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = 1 + data[0] / 16U;
    check_transfer(bytes, TransferEncoding::base64, piece);
    check_transfer(bytes, TransferEncoding::quoted_printable, piece);
    check_transfer(bytes, TransferEncoding::uuencode, piece);
    require(decode_transfer(encode_base64_lines(bytes), TransferEncoding::base64) == bytes);
    if (bytes.find('\n') == std::string_view::npos)
        require(decode_transfer(encode_quoted_printable(bytes), TransferEncoding::quoted_printable) == bytes);
    check_words(bytes);
    check_parameters(bytes);
    const Utf8Text text = to_utf8(bytes, kCharsets[data[0] % kCharsets.size()], 1000);
    require(ascii::is_utf8(text.text) && text.text.size() <= 1000);
    return 0;
}
