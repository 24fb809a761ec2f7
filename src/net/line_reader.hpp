// Cuts a byte stream into CRLF-ended lines of bounded length, and gives raw bytes (literals, DATA) in between.
// Holds at most `line limit + one chunk` (32 KiB) of memory, and half a KiB while it waits with nothing buffered.
// Loop thread. One call at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/byte_stream.hpp"

namespace mbx::net {

enum class ReadFailure : std::uint8_t {
    end,          // the peer closed in an orderly way, or mid-line
    too_long,     // no CRLF within the limit; the position in the stream is lost, so the session must end
    interrupted,  // ByteStream::interrupt_read(); what was received stays buffered
    timed_out,
    broken,       // reset, TLS failure, closed by us
};

class LineReader {
public:
    explicit LineReader(ByteStream& from) : from_(&from) {}

    // The next line without its CRLF, of at most `limit` bytes; the view holds until the next call of any member.
    // A bare LF or CR ends no line and stays in it: accepting one lets a second message be smuggled past
    // (RFC 5321 section 2.3.8). The caller refuses such lines.
    co::Task<Result<std::string_view, ReadFailure>> line(std::size_t limit, Deadline deadline);

    // At least one and at most `most` raw bytes; the view holds until the next call.
    co::Task<Result<std::string_view, ReadFailure>> some(std::size_t most, Deadline deadline);

    // Gives back the last `count` bytes of the view that some() returned: they come again. Before any other call.
    void give_back(std::size_t count);

    // Bytes received and not yet taken: pipelined input.
    std::size_t buffered() const { return pending_.size() - taken_; }
    // Whether a whole line is among them, so that line() would not wait: until then replies may gather (RFC 2920
    // section 3.2).
    bool has_line() const { return pending_.find("\r\n", taken_) != std::string::npos; }

    // All that is buffered, which is then gone from here: for a stream that is put over the old one.
    std::string take_buffered();
    // After STARTTLS: drops everything buffered (RFC 3207 section 4.2, CVE-2011-0411) and goes on with the new stream.
    void restart(ByteStream& from);

private:
    co::Task<Result<void, ReadFailure>> fill(Deadline deadline);
    void drop_taken();

    ByteStream* from_;
    std::string pending_;
    std::size_t taken_ = 0;     // of pending_, given to the caller
    std::size_t searched_ = 0;  // of pending_, known to hold no CRLF behind taken_: keeps the search linear
    std::size_t chunk_ = 512;   // what the next read asks for
};

}  // namespace mbx::net
