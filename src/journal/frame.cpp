#include "journal/frame.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>

#include "journal/crc32c.hpp"

namespace mbx::journal {
namespace {

constexpr std::string_view kFrameMagic = "mbxJrnl\n";
constexpr std::uint32_t kFrameVersion = 1;
constexpr std::size_t kCrcPlace = kFrameHeader - 4;

template <typename Number>
Number get_little(const char* from)
{
    Number value = 0;
    for (std::size_t byte = 0; byte < sizeof(Number); ++byte) {
        value |= static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(from[byte])) << (8U * byte));
    }
    return value;
}

template <typename Number>
char* put_little(char* to, Number value)
{
    for (std::size_t byte = 0; byte < sizeof(Number); ++byte) {
        to[byte] = static_cast<char>(static_cast<unsigned char>(value >> (8U * byte)));
    }
    return to + sizeof(Number);
}

void write_frame_header(char* to, FrameHeader& header)
{
    char* at = to;
    std::memcpy(at, kFrameMagic.data(), kFrameMagic.size());
    at = put_little(at + kFrameMagic.size(), kFrameVersion);
    at = put_little(at, header.records);
    at = put_little(at, header.identity);
    at = put_little(at, header.generation);
    at = put_little(at, header.epoch);
    at = put_little(at, header.offset);
    at = put_little(at, header.first);
    at = put_little(at, header.claims_durable);
    at = put_little(at, header.checkpoint);
    at = put_little(at, header.body);
    at = put_little(at, header.records_crc);
    at = put_little(at, header.previous);
    header.crc = crc32c(std::string_view(to, kCrcPlace));
    put_little(at, header.crc);
}

bool is_plausible(const FrameHeader& header)
{
    return header.first >= 1 && header.first <= kMaxLsn && header.claims_durable < header.first &&
           header.checkpoint <= header.claims_durable && header.body / kRecordHeader >= header.records &&
           (header.records != 0 || header.body == 0);
}

}  // namespace

std::optional<FrameHeader> parse_frame_header(std::string_view bytes, std::uint64_t identity, std::uint64_t generation,
                                              std::uint64_t offset)
{
    if (bytes.size() < kFrameHeader || !bytes.starts_with(kFrameMagic)) return std::nullopt;
    const char* const at = bytes.data();
    if (get_little<std::uint32_t>(at + 8) != kFrameVersion) return std::nullopt;
    FrameHeader header;
    header.records = get_little<std::uint32_t>(at + 12);
    header.identity = get_little<std::uint64_t>(at + 16);
    header.generation = get_little<std::uint64_t>(at + 24);
    header.epoch = get_little<std::uint64_t>(at + 32);
    header.offset = get_little<std::uint64_t>(at + 40);
    header.first = get_little<std::uint64_t>(at + 48);
    header.claims_durable = get_little<std::uint64_t>(at + 56);
    header.checkpoint = get_little<std::uint64_t>(at + 64);
    header.body = get_little<std::uint32_t>(at + 72);
    header.records_crc = get_little<std::uint32_t>(at + 76);
    header.previous = get_little<std::uint32_t>(at + 80);
    header.crc = get_little<std::uint32_t>(at + kCrcPlace);
    if (header.identity != identity || header.generation != generation || header.offset != offset) return std::nullopt;
    if (header.crc != crc32c(bytes.substr(0, kCrcPlace)) || !is_plausible(header)) return std::nullopt;
    return header;
}

RecordHeader parse_record_header(std::string_view bytes)
{
    assert(bytes.size() >= kRecordHeader);
    return {get_little<std::uint32_t>(bytes.data()), get_little<std::uint32_t>(bytes.data() + 4)};
}

std::uint32_t record_crc(std::uint64_t generation, std::uint64_t offset, std::string_view head, std::string_view body)
{
    std::array<char, 16> place{};
    put_little(put_little(place.data(), generation), offset);
    return crc32c(body, crc32c(head, crc32c(std::string_view(place.data(), place.size()))));
}

bool read_records(std::string_view bytes, const FrameHeader& header,
                  const std::function<void(Lsn, std::string_view payload, std::uint64_t offset)>& visit)
{
    if (bytes.size() < kFrameHeader + std::size_t{header.body}) return false;
    const std::size_t end = kFrameHeader + std::size_t{header.body};
    std::size_t at = kFrameHeader;
    std::uint32_t headers_crc = 0;
    for (std::uint32_t number = 0; number < header.records; ++number) {
        if (end - at < kRecordHeader) return false;
        const RecordHeader record = parse_record_header(bytes.substr(at));
        headers_crc = crc32c(bytes.substr(at, kRecordHeader), headers_crc);
        at += kRecordHeader;
        if (end - at < record.length) return false;
        const std::string_view payload = bytes.substr(at, record.length);
        if (record_crc(header.generation, header.offset + at, payload, {}) != record.crc) return false;
        if (visit) visit(header.first + number, payload, header.offset + at);
        at += record.length;
    }
    return at == end && headers_crc == header.records_crc;
}

FrameBuffer::FrameBuffer() { reserve(kKept); }

void FrameBuffer::reserve(std::size_t bytes)
{
    char* const fresh = static_cast<char*>(std::aligned_alloc(kBlock, bytes));
    if (fresh == nullptr) throw std::bad_alloc();
    memory_.reset(fresh);
    capacity_ = bytes;
}

std::string_view FrameBuffer::build(FrameHeader& header, const std::function<void(FrameBuffer&)>& add_all)
{
    const auto extent = static_cast<std::size_t>(header.extent());
    if (extent > capacity_ || (capacity_ > kKept && extent <= kKept)) reserve(std::max(extent, kKept));
    header_ = &header;
    header.records_crc = 0;
    used_ = kFrameHeader;
    add_all(*this);
    assert(used_ == kFrameHeader + header.body);
    std::memset(memory_.get() + used_, 0, extent - used_);
    write_frame_header(memory_.get(), header);
    return {memory_.get(), extent};
}

void FrameBuffer::add(const Payload& payload)
{
    const std::string_view body = payload.body ? std::string_view(*payload.body) : std::string_view();
    const auto length = static_cast<std::uint32_t>(payload.head.size() + body.size());
    assert(used_ + kRecordHeader + length <= capacity_);
    char* const at = memory_.get() + used_;
    char* const bytes = at + kRecordHeader;
    if (!payload.head.empty()) std::memcpy(bytes, payload.head.data(), payload.head.size());
    if (!body.empty()) std::memcpy(bytes + payload.head.size(), body.data(), body.size());
    const std::uint64_t offset = header_->offset + used_ + kRecordHeader;
    put_little(put_little(at, length), record_crc(header_->generation, offset, {bytes, length}, {}));
    header_->records_crc = crc32c(std::string_view(at, kRecordHeader), header_->records_crc);
    used_ += kRecordHeader + length;
}

}  // namespace mbx::journal
