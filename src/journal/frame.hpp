// How one frame lies in a segment (docs/journal.md has the layout). Pure, total for any bytes; private to journal/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "journal/journal.hpp"

namespace mbx::journal {

inline constexpr std::size_t kBlock = 4096;       // frames begin and end on it, as O_DIRECT wants
inline constexpr std::size_t kFrameHeader = 88;
inline constexpr std::size_t kRecordHeader = 8;
inline constexpr Lsn kMaxLsn = Lsn{1} << 62U;     // so that no sum of numbers overflows

constexpr std::uint64_t to_blocks(std::uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

struct FrameHeader {
    std::uint64_t identity = 0;    // of this journal: a secret, so that no message can forge a frame
    std::uint64_t generation = 0;  // the segment's number: what it held before has another
    std::uint64_t epoch = 0;       // of the pair; 0 alone
    std::uint64_t offset = 0;      // in the segment
    Lsn first = 0;                 // of the first record, or of the next one when there is none here
    Lsn claims_durable = 0;        // the last record on the disk when this was written
    Lsn checkpoint = 0;
    std::uint32_t records = 0;
    std::uint32_t body = 0;        // bytes behind the header, without padding
    std::uint32_t records_crc = 0; // over the records' headers, which have the CRCs of the records
    std::uint32_t previous = 0;    // crc of the frame before; 0 for the very first
    std::uint32_t crc = 0;         // over all fields above

    Lsn last() const { return first + records - 1; }  // first - 1 when there is none
    std::uint64_t extent() const { return to_blocks(kFrameHeader + std::uint64_t{body}); }
};

// The header at the start of `bytes`, when it is one of that journal, segment and place and its CRC is right.
std::optional<FrameHeader> parse_frame_header(std::string_view bytes, std::uint64_t identity, std::uint64_t generation,
                                              std::uint64_t offset);

// Checks every CRC of the records behind a parsed header; `bytes` begins with the header. `visit` may be empty; it is
// called for records before a bad one, too.
bool read_records(std::string_view bytes, const FrameHeader& header,
                  const std::function<void(Lsn, std::string_view payload, std::uint64_t offset)>& visit);

// CRC of a record: its bytes and the place where they lie, so that a stale place never gives another record's bytes.
std::uint32_t record_crc(std::uint64_t generation, std::uint64_t offset, std::string_view head, std::string_view body);
// The two fields before a record's bytes.
struct RecordHeader {
    std::uint32_t length = 0;
    std::uint32_t crc = 0;
};
RecordHeader parse_record_header(std::string_view bytes);  // kRecordHeader bytes

// Memory as O_DIRECT wants it; grows, and lets go what a large batch took.
class FrameBuffer {
public:
    FrameBuffer();  // reserves kKept bytes
    // Lays out a frame of the given header fields (body, records_crc and crc are filled in); the view covers whole
    // blocks and is good until the next call. Throws bad_alloc for a batch that memory has no room for.
    std::string_view build(FrameHeader& header, const std::function<void(FrameBuffer&)>& add_all);
    void add(const Payload& payload);  // within build(), as often as header.records says
    static constexpr std::size_t kKept = 4U << 20U;

private:
    struct Free {
        void operator()(char* memory) const { std::free(memory); }
    };
    void reserve(std::size_t bytes);
    std::unique_ptr<char, Free> memory_;
    std::size_t capacity_ = 0;
    std::size_t used_ = 0;
    FrameHeader* header_ = nullptr;
};

// Bytes of the body that such a record takes.
inline std::uint64_t record_extent(const Payload& payload)
{
    return kRecordHeader + payload.head.size() + (payload.body ? payload.body->size() : 0);
}

}  // namespace mbx::journal
