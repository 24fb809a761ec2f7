#include "base/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace mbx {
namespace {

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables()
{
    constexpr std::uint32_t kReflected = 0x82F63B78U;
    CrcTables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? (value >> 1U) ^ kReflected : value >> 1U;
        tables[0][byte] = value;
    }
    for (std::size_t table = 1; table < tables.size(); ++table) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t value = tables[table - 1][byte];
            tables[table][byte] = (value >> 8U) ^ tables[0][value & 0xFFU];
        }
    }
    return tables;
}

constexpr CrcTables kCrcTables = make_crc_tables();

std::uint32_t step_by_table(std::uint32_t crc, char byte)
{
    return (crc >> 8U) ^ kCrcTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes, std::uint32_t before)
{
    std::uint64_t crc = ~before;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    auto narrow = static_cast<std::uint32_t>(crc);
    for (; left > 0; --left, ++at) narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(*at));
    return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before)
{
    std::uint32_t crc = ~before;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::array<unsigned char, 8> piece{};
        std::memcpy(piece.data(), at, 8);
        crc = kCrcTables[7][(crc ^ piece[0]) & 0xFFU] ^ kCrcTables[6][((crc >> 8U) ^ piece[1]) & 0xFFU] ^
              kCrcTables[5][((crc >> 16U) ^ piece[2]) & 0xFFU] ^ kCrcTables[4][((crc >> 24U) ^ piece[3]) & 0xFFU] ^
              kCrcTables[3][piece[4]] ^ kCrcTables[2][piece[5]] ^ kCrcTables[1][piece[6]] ^ kCrcTables[0][piece[7]];
    }
    for (; left > 0; --left, ++at) crc = step_by_table(crc, *at);
    return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before)
{
#if defined(__x86_64__)
    static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
    if (kHasInstruction) return crc32c_by_instruction(bytes, before);
#endif
    return crc32c_by_table(bytes, before);
}

}  // namespace mbx
