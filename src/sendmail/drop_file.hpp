// A message as it waits in the drop directory: written by sendmail, as any user, read by the daemon, which believes nothing.
// A first line says what it is, and how long its parts are, with their CRC-32C; then the envelope, then the message in wire
// form. Pure; reading is total for any bytes and linear (docs/sendmail.md has the layout). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "sendmail/letter.hpp"

namespace mbx::sendmail {

// Names of files: "tmp-" while one is written, then "mail-"; all others are nobody's.
inline constexpr std::string_view kWritten = "mail-";
inline constexpr std::string_view kUnfinished = "tmp-";

inline constexpr std::size_t kMostDropHead = 8U * 1024U * 1024U;  // first line and envelope: bounds what is read to memory

struct DropHead {
    Letter letter;
    std::uint64_t body_at = 0;    // where the message begins in the file
    std::uint64_t body_size = 0;  // the file ends behind it
    std::uint32_t body_crc = 0;
    bool operator==(const DropHead&) const = default;
};

// Everything before the message.
std::string format_drop_head(const Letter& letter, std::string_view body);

enum class DropFault : std::uint8_t {
    not_one,    // the first line is none of ours
    version,    // of a later mailboxd
    too_large,  // its envelope, or it names too many recipients
    torn,       // shorter or longer than it says
    damaged,    // a CRC or a part of the envelope is wrong
};
std::string_view describe(DropFault fault);

// `front`: the file's first kMostDropHead bytes, or all; `file_size`: of the whole. The body's CRC is the caller's to check.
Result<DropHead, DropFault> parse_drop_head(std::string_view front, std::uint64_t file_size);

}  // namespace mbx::sendmail
