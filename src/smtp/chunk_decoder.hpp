// What a client sends in the chunks of BDAT (RFC 3030), looked at as DataDecoder looks at DATA: no dots, no end of its own.
// Pure; linear; any split of the input gives the same output. One thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "smtp/options.hpp"

namespace mbx::smtp {

class ChunkDecoder {
public:
    explicit ChunkDecoder(BareNewlines newlines = BareNewlines::refuse) : newlines_(newlines) {}

    // Appends what `input` adds to the message: itself; with repair each bare CR or LF as CRLF. A CR at the end is held back.
    void feed(std::string_view input, std::string& out);
    // Behind the last chunk.
    void finish(std::string& out);

    bool saw_bare_newline() const { return saw_bare_newline_; }
    bool saw_nul() const { return saw_nul_; }

private:
    void add_bare_newline(char c, std::string& out);

    BareNewlines newlines_;
    bool held_cr_ = false;
    bool saw_bare_newline_ = false;
    bool saw_nul_ = false;
};

} // namespace mbx::smtp
