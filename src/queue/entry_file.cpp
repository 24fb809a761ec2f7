#include "queue/entry_file.hpp"

#include "base/ascii.hpp"
#include "base/crc32c.hpp"
#include "queue/queue_record.hpp"

namespace mbx::queue {
namespace {

constexpr std::string_view kEntryTitle = "mailboxd queue entry ";
constexpr std::string_view kEntryTitleLine = "mailboxd queue entry 1\n";
constexpr std::size_t kFrameHead = 8;

void put_word(std::string& into, std::uint32_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8) into += static_cast<char>((value >> shift) & 0xFFU);
}

std::uint32_t word_at(std::string_view bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (unsigned n = 0; n < 4; ++n) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + n])) << (8 * n);
    return value;
}

std::string framed(std::string_view payload)
{
    std::string frame;
    frame.reserve(kFrameHead + payload.size());
    put_word(frame, static_cast<std::uint32_t>(payload.size()));
    put_word(frame, crc32c(payload));
    frame += payload;
    return frame;
}

// The payload of the frame at the front; data() is null where there is no good one.
std::string_view frame_at(std::string_view bytes)
{
    if (bytes.size() < kFrameHead) return {};
    const std::uint32_t length = word_at(bytes, 0);
    if (length == 0 || length > bytes.size() - kFrameHead) return {};
    const auto payload = bytes.substr(kFrameHead, length);
    return crc32c(payload) == word_at(bytes, 4) ? payload : std::string_view();
}

EntryFileState judge_title(std::string_view bytes)
{
    if (bytes.starts_with(kEntryTitleLine)) return EntryFileState::whole;
    if (!bytes.starts_with(kEntryTitle)) return EntryFileState::foreign;
    const auto line = bytes.substr(0, bytes.find('\n'));
    const auto version = ascii::parse_number(line.substr(kEntryTitle.size()));
    return version && *version > 1 ? EntryFileState::newer : EntryFileState::foreign;
}

}  // namespace

std::string format_entry_file(const Entry& entry) { return std::string(kEntryTitleLine) + framed(encode_entry(entry)); }

std::string format_change_frame(const Change& change) { return framed(encode(QueueRecord(change))); }

ParsedEntryFile parse_entry_file(std::string_view bytes)
{
    ParsedEntryFile parsed;
    parsed.state = judge_title(bytes);
    if (parsed.state != EntryFileState::whole) return parsed;
    std::size_t at = kEntryTitleLine.size();
    const auto head = frame_at(bytes.substr(at));
    auto entry = decode_entry(head);
    if (!entry) {
        parsed.state = EntryFileState::damaged;
        return parsed;
    }
    parsed.entry = std::move(*entry);
    at += kFrameHead + head.size();
    parsed.head_size = at;
    while (at < bytes.size()) {
        const auto payload = frame_at(bytes.substr(at));
        const auto record = decode_record(payload);
        const Change* change = record ? std::get_if<Change>(&*record) : nullptr;
        if (change == nullptr) {
            // A frame whose sum is right was written so: by a version that knows more.
            parsed.state = payload.empty() ? EntryFileState::torn : EntryFileState::newer;
            break;
        }
        (void)apply(*change, parsed.entry);
        at += kFrameHead + payload.size();
    }
    parsed.good_size = at;
    return parsed;
}

std::string_view describe(EntryFileState state)
{
    switch (state) {
    case EntryFileState::whole: return "is whole";
    case EntryFileState::torn: return "has a damaged end";
    case EntryFileState::foreign: return "is no entry of the queue";
    case EntryFileState::newer: return "was written by a newer version";
    case EntryFileState::damaged: return "is damaged";
    }
    return "";
}

}  // namespace mbx::queue
