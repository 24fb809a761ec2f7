// The upper halves of the single-byte charsets that we convert ourselves: code points of 0x80 … 0xff, U+FFFD where a
// charset has none. As registered with IANA.
#pragma once

#include <array>
#include <cstdint>

namespace mbx::mail {

using HighHalf = std::array<std::uint16_t, 128>;

extern const HighHalf kWindows1251;
extern const HighHalf kWindows1252;
extern const HighHalf kKoi8R;

}  // namespace mbx::mail
