// How a message travels in an answer of several lines (RFC 1939 section 3): byte-stuffed, ended by a line with one dot.
// Pure, linear, total for any bytes; takes nothing of the message into memory but what the caller asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mbx::pop3 {

class StuffedMessage {
public:
    // Both views stay valid while this lives; `body` goes on where `head` ends.
    StuffedMessage(std::string_view head, std::string_view body) : rest_(head), next_(body) {}

    // Appends until `out` has `most` bytes or the message is over. True: there is more.
    bool write(std::string& out, std::size_t most);

private:
    std::string_view rest_;
    std::string_view next_;
    bool at_line_start_ = true;
    bool behind_cr_ = false;
    bool behind_crlf_ = true;  // as the status line in front of it
};

// TOP (RFC 1939 section 7): how many bytes the header, the empty line and so many lines of the body are. `body_offset` is
// where the body begins.
std::size_t top_size(std::string_view message, std::size_t body_offset, std::uint64_t lines);

}  // namespace mbx::pop3
