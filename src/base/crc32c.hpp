// CRC-32C (Castagnoli, as iSCSI and ext4 have it), by the processor's instruction where there is one.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace mbx {

// Of `bytes` behind those that gave `before`: crc32c("ab") == crc32c("b", crc32c("a")).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

// The same without the instruction; for machines that lack it, and for the test that both agree.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0);

}  // namespace mbx
