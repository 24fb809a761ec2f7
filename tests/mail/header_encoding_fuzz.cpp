// encode_field() for any bytes: ASCII or nothing, no line of its own making, and what was ASCII stays as it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.hpp"
#include "mail/header_encoding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx;
    const std::string_view whole(reinterpret_cast<const char*>(data), size);
    const bool is_ascii = std::ranges::none_of(whole, ascii::is_eight_bit);
    const auto field = mail::encode_field(whole);
    if (!field) return is_ascii ? (std::abort(), 0) : 0;
    if (is_ascii && *field != whole) std::abort();
    if (std::ranges::any_of(*field, ascii::is_eight_bit)) std::abort();
    if (field->size() > 32 * whole.size() + 256) std::abort();
    return 0;
}
