// Segments of any bytes: never a crash, never a record above one that is claimed and missing. The first byte says how the
// rest is read: cut into how many segments, and whether the CRCs of what looks like a frame's header are made right, so
// that the fuzzer reaches what lies behind them.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "journal/crc32c.hpp"
#include "journal/scan.hpp"
#include "journal/state_file.hpp"

namespace {

constexpr std::uint64_t kIdentity = 0x0123456789abcdefU;

void require(bool holds)
{
    if (!holds) std::abort();
}

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t width)
{
    for (std::size_t byte = 0; byte < width; ++byte) bytes[at + byte] = static_cast<char>(value >> (8 * byte));
}

// Magic, version, identity, generation, offset and CRC of each block that has room for them.
void repair(std::string& bytes, std::uint64_t number)
{
    using namespace mbx::journal;
    for (std::size_t at = 0; at + kFrameHeader <= bytes.size(); at += kBlock) {
        if (bytes[at] == '\0') continue;
        std::memcpy(bytes.data() + at, "mbxJrnl\n\1\0\0\0", 12);
        put(bytes, at + 16, kIdentity, 8);
        put(bytes, at + 24, number, 8);
        put(bytes, at + 40, at, 8);
        put(bytes, at + 84, crc32c(std::string_view(bytes).substr(at, kFrameHeader - 4)), 4);
    }
}

void check_state(std::string_view text)
{
    const auto state = mbx::journal::parse_state(text);
    if (!state) return;
    const auto again = mbx::journal::parse_state(mbx::journal::format_state(*state));
    require(again && again->ceiling == state->ceiling && again->voids.size() == state->voids.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::journal;
    if (size == 0) return 0;
    const unsigned how = data[0];
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_state(all);
    const std::size_t count = 1 + how % 3;
    const std::size_t each = all.size() / count;
    std::vector<FoundFrame> found;
    for (std::size_t index = 0; index < count; ++index) {
        std::string bytes(all.substr(index * each, each));
        if (how % 2 == 1) repair(bytes, index + 1);
        survey_segment(bytes, kIdentity, index + 1, found);
        for (const FoundFrame& frame : found) {
            if (frame.segment != index + 1 || !frame.is_intact) continue;
            require(frame.end() <= bytes.size() + kBlock);
            Lsn expected = frame.header.first;
            const auto visit = [&](Lsn lsn, std::string_view, std::uint64_t) { require(lsn == expected++); };
            require(read_records(std::string_view(bytes).substr(frame.header.offset), frame.header, visit));
            require(expected == frame.header.last() + 1);
        }
    }
    StateRecord state;
    state.ceiling = kMaxLsn;
    const Chain chain = follow_chain(found, state);
    Lsn before = chain.checkpoint;
    for (const FoundFrame& frame : found) {
        if (!frame.is_intact || frame.header.records == 0 || frame.header.last() <= chain.checkpoint) continue;
        if (chain.damage) break;
        require(frame.header.last() > before && frame.header.last() <= chain.end);
        before = frame.header.last();
    }
    for (const FoundFrame& frame : found) require(chain.damage || frame.header.claims_durable <= chain.end);
    return 0;
}
