// What a client sends behind DATA, made the message it means: dots unstuffed (RFC 5321 section 4.5.2), ended by
// CRLF.CRLF and by nothing else (section 4.1.1.4; HOSTILE row A1). Pure; linear; any split of the input gives the same
// output. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/options.hpp"

namespace mbx::smtp {

class DataDecoder {
public:
    explicit DataDecoder(BareNewlines newlines = BareNewlines::refuse) : newlines_(newlines) {}

    // Appends what `input` adds to the message and returns how many of its bytes belong to the message: all of them,
    // or fewer once is_done(), when the rest are commands that were pipelined behind it. At most two bytes more than
    // `input` has are appended, with repair at most twice as many and two.
    std::size_t feed(std::string_view input, std::string& out);

    bool is_done() const { return state_ == State::done; }
    // A CR or LF outside a CRLF was seen; with refuse it stands in the output as it came, with repair as CRLF.
    bool saw_bare_newline() const { return saw_bare_newline_; }
    bool saw_nul() const { return saw_nul_; }

private:
    enum class State : std::uint8_t {
        line_start, // behind a CRLF (of the message, or of the DATA command)
        dot,        // behind a line's first dot, which is held back
        dot_cr,     // behind a line's ".CR", both held back
        text,
        cr, // behind a CR that is held back
        done,
    };
    void take(char c, std::string& out);
    void take_text(char c, std::string& out);
    void add_bare_newline(char c, std::string& out);

    BareNewlines newlines_;
    State state_ = State::line_start;
    bool saw_bare_newline_ = false;
    bool saw_nul_ = false;
};

} // namespace mbx::smtp
