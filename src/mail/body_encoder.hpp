// Encoders of bodies that stream through (RFC 2045 sections 6.7 and 6.8): any split of the input gives the same output.
// For downgrade.hpp. Pure; linear; constant memory. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mbx::mail {

// CRLF in the input is a line end and becomes one; every other byte comes back from decoding as it was, a bare CR or LF
// too. Lines of at most 76 characters. The output ends where the input does: with a line end only if that has one.
class QuotedPrintableEncoder {
public:
    void feed(std::string_view bytes, std::string& out);
    void finish(std::string& out);

private:
    void put(char c, bool ends_line, std::string& out);
    void take(char c, std::string& out);

    std::size_t column_ = 0;
    char held_ = 0;          // a space or tab that may end its line
    bool held_cr_ = false;
};

// Lines of 76 characters; the last one ends with CRLF as well, unless there is nothing.
class Base64Encoder {
public:
    void feed(std::string_view bytes, std::string& out);
    void finish(std::string& out);

private:
    std::string pending_;  // less than a line's
};

}  // namespace mbx::mail
