// Modified UTF-7 is a bijection between well-formed UTF-8 without NUL and what the decoder takes.
#include <cstdint>
#include <cstdlib>

#include "base/ascii.hpp"
#include "imap/modified_utf7.hpp"

using namespace mbx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto decoded = imap::decode_modified_utf7(text);
    if (decoded && (!ascii::is_utf8(*decoded) || imap::encode_modified_utf7(*decoded) != text)) std::abort();
    if (ascii::is_utf8(text) && text.find('\0') == std::string_view::npos) {
        const auto wire = imap::encode_modified_utf7(text);
        for (const char c : wire) {
            if (c < 0x20 || c > 0x7e) std::abort();
        }
        const auto back = imap::decode_modified_utf7(wire);
        if (!back || *back != text) std::abort();
    }
    return 0;
}
