#include "sendmail/drop_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/ascii.hpp"
#include "base/crc32c.hpp"
#include "base/record_bytes.hpp"

namespace mbx::sendmail {

namespace {

constexpr std::string_view kMagic = "mailboxd-drop ";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kMostFirstLine = 100;
constexpr std::size_t kMostAddress = 2'000;
constexpr std::size_t kMostOption = 200;

void put(RecordWriter& writer, const Address& address)
{
    writer.text(address.local);
    writer.text(address.domain);
}

Address take_address(RecordReader& reader)
{
    Address address;
    address.local = reader.text(kMostAddress);
    address.domain = reader.text(kMostAddress);
    if (address.local.empty()) reader.refuse();
    return address;
}

std::string encode_letter(const Letter& letter)
{
    RecordWriter writer;
    writer.number(letter.sender ? 1 : 0);
    if (letter.sender) put(writer, *letter.sender);
    writer.text(letter.notify);
    writer.text(letter.ret);
    writer.text(letter.envelope_id);
    writer.number(letter.recipients.size());
    for (const Address& each : letter.recipients) put(writer, each);
    return std::move(writer.bytes());
}

std::optional<Letter> decode_letter(std::string_view bytes)
{
    RecordReader reader(bytes);
    Letter letter;
    const std::uint64_t has_sender = reader.number();
    if (has_sender > 1) return std::nullopt;
    if (has_sender == 1) letter.sender = take_address(reader);
    letter.notify = reader.text(kMostOption);
    letter.ret = reader.text(kMostOption);
    letter.envelope_id = reader.text(kMostOption);
    const std::size_t count = reader.count(3);
    if (count == 0 || count > kMostRecipients) return std::nullopt;
    letter.recipients.reserve(count);
    for (std::size_t n = 0; n < count && reader.is_good(); ++n) letter.recipients.push_back(take_address(reader));
    if (!reader.is_good() || !reader.is_at_end()) return std::nullopt;
    const bool is_notify = letter.notify.empty() || parse_notify(letter.notify) == letter.notify;
    const bool is_ret = letter.ret.empty() || parse_ret(letter.ret) == letter.ret;
    const bool is_id = letter.envelope_id.empty() || is_envelope_id(letter.envelope_id);
    if (!is_notify || !is_ret || !is_id) return std::nullopt;
    return letter;
}

template <typename Number>
bool take_number(std::string_view& line, int base, Number& into)
{
    const char* const end = line.data() + line.size();
    const auto [at, error] = std::from_chars(line.data(), end, into, base);
    if (error != std::errc()) return false;
    line.remove_prefix(static_cast<std::size_t>(at - line.data()));
    if (line.starts_with(' ')) line.remove_prefix(1);
    return true;
}

struct FirstLine {
    std::uint64_t letter_size = 0;
    std::uint32_t letter_crc = 0;
    std::uint64_t body_size = 0;
    std::uint32_t body_crc = 0;
};

std::string format_line(const FirstLine& line)
{
    return fmt::format("{}{} {} {:08x} {} {:08x}\n", kMagic, kVersion, line.letter_size, line.letter_crc, line.body_size,
                       line.body_crc);
}

}  // namespace

std::string format_drop_head(const Letter& letter, std::string_view body)
{
    const std::string envelope = encode_letter(letter);
    return format_line({envelope.size(), crc32c(envelope), body.size(), crc32c(body)}) + envelope;
}

std::string_view describe(DropFault fault)
{
    switch (fault) {
    case DropFault::not_one: return "it is no message of sendmail";
    case DropFault::version: return "it was written by a later mailboxd";
    case DropFault::too_large: return "its envelope is too large";
    case DropFault::torn: return "it is not as long as it says";
    case DropFault::damaged: return "it is damaged";
    }
    return "";
}

Result<DropHead, DropFault> parse_drop_head(std::string_view front, std::uint64_t file_size)
{
    const std::string_view first = front.substr(0, kMostFirstLine);
    const std::size_t end = first.find('\n');
    if (!first.starts_with(kMagic) || end == std::string_view::npos) return DropFault::not_one;
    std::string_view line = first.substr(kMagic.size(), end - kMagic.size());
    const std::size_t space = std::min(line.find(' '), line.size());
    if (line.substr(0, space) != kVersion) return ascii::parse_number(line.substr(0, space)) ? DropFault::version : DropFault::not_one;
    line.remove_prefix(std::min(space + 1, line.size()));
    FirstLine facts;
    const bool is_line = take_number(line, 10, facts.letter_size) && take_number(line, 16, facts.letter_crc) &&
                         take_number(line, 10, facts.body_size) && take_number(line, 16, facts.body_crc) && line.empty();
    // In the one spelling, so that what is read is what was written.
    if (!is_line || format_line(facts) != first.substr(0, end + 1)) return DropFault::not_one;
    const std::uint64_t letter_at = end + 1;
    if (facts.letter_size > kMostDropHead - kMostFirstLine) return DropFault::too_large;
    DropHead head;
    head.body_at = letter_at + facts.letter_size;
    head.body_size = facts.body_size;
    head.body_crc = facts.body_crc;
    if (head.body_at > file_size || file_size - head.body_at != head.body_size || front.size() < head.body_at) return DropFault::torn;
    const std::string_view envelope = front.substr(letter_at, facts.letter_size);
    if (crc32c(envelope) != facts.letter_crc) return DropFault::damaged;
    auto letter = decode_letter(envelope);
    if (!letter) return DropFault::damaged;
    head.letter = std::move(*letter);
    return head;
}

}  // namespace mbx::sendmail
