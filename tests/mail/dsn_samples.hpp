// Requests for notifications as odd as they come, from bytes. For the tests, the fuzzer, and the differential with python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/dsn.hpp"

namespace mbx::test {

// Takes pieces from the front of some bytes; empty ones when they are used up.
class Pieces {
public:
    explicit Pieces(std::string_view bytes) : rest_(bytes) {}
    unsigned byte()
    {
        if (rest_.empty()) return 0;
        const auto value = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    std::string text()
    {
        const std::size_t size = std::min<std::size_t>(byte() * 8, rest_.size());
        std::string out(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return out;
    }

private:
    std::string_view rest_;
};

// `original` keeps the bytes that the request points to.
inline mail::DsnRequest odd_request(std::string_view bytes, std::string& original)
{
    Pieces pieces(bytes);
    mail::DsnRequest request;
    const unsigned flags = pieces.byte();
    request.languages = static_cast<mail::DsnLanguages>(flags % 3);
    request.smtputf8 = (flags & 8) != 0;
    request.return_full = (flags & 16) != 0;
    request.hostname = "mx.example";
    request.unique = "0123456789abcdef";
    request.now = WallTime(std::chrono::seconds(1'800'000'000));
    if ((flags & 32) != 0) request.arrived = request.now - std::chrono::hours(pieces.byte());
    request.to = pieces.text();
    request.id = pieces.text();
    request.envelope_id = pieces.text();
    request.received_from = pieces.text();
    const unsigned count = 1 + pieces.byte() % 4;
    for (unsigned at = 0; at < count; ++at) {
        mail::DsnRecipient recipient;
        const unsigned kind = pieces.byte();
        recipient.action = static_cast<mail::DsnAction>(kind % 5);
        recipient.is_remote = (kind & 8) != 0;
        recipient.has_expired = (kind & 16) != 0;
        recipient.by_administrator = (kind & 32) != 0;
        recipient.code = pieces.byte() * 4;
        recipient.address = pieces.text();
        recipient.original = pieces.text();
        recipient.status = pieces.text();
        recipient.said = pieces.text();
        recipient.host = pieces.text();
        if ((kind & 64) != 0) recipient.last_attempt = request.now;
        if ((kind & 128) != 0) recipient.retry_until = request.now + std::chrono::hours(24);
        request.recipients.push_back(std::move(recipient));
    }
    original = pieces.text() + pieces.text() + pieces.text() + pieces.text();
    request.original = original;
    request.original_size = original.size();
    return request;
}

// The bodies of the parts, by the boundary in the header; empty when it is none of our notifications.
inline std::vector<std::string> parts_of(std::string_view bytes)
{
    std::vector<std::string> parts;
    const auto at = bytes.find("\r\n boundary=\"");
    if (at == std::string_view::npos) return parts;
    const std::string_view tail = bytes.substr(at + 13);
    const std::string mark = "\r\n--" + std::string(tail.substr(0, tail.find('"')));
    for (auto from = bytes.find(mark); from != std::string_view::npos;) {
        const auto next = bytes.find(mark, from + mark.size());
        if (next == std::string_view::npos) break;
        const std::string_view part = bytes.substr(from + mark.size(), next - from - mark.size());
        const auto body = part.find("\r\n\r\n");
        parts.emplace_back(body == std::string_view::npos ? std::string_view() : part.substr(body + 4));
        from = next;
    }
    return parts;
}

// The first rule of the wire that the bytes break, or empty.
inline std::string broken_rule(std::string_view bytes)
{
    std::size_t line = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const char c = bytes[at];
        if (c == '\0') return "a NUL";
        if (c == '\r' && (at + 1 == bytes.size() || bytes[at + 1] != '\n')) return "a bare CR";
        if (c == '\n' && (at == 0 || bytes[at - 1] != '\r')) return "a bare LF";
        line = c == '\n' ? 0 : line + 1;
        if (line > 999) return "a line of more than 998 octets";
    }
    return bytes.ends_with("\r\n") ? "" : "no line end at its end";
}

}  // namespace mbx::test
