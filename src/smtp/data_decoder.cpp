#include "smtp/data_decoder.hpp"

#include <bit>
#include <cstring>

namespace mbx::smtp {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

// Nonzero where one of the eight bytes is zero. A byte above a zero one may be marked wrongly: good to find that there
// is one, not to say which.
constexpr std::uint64_t zero_bytes(std::uint64_t word)
{
    return (word - kOnes) & ~word & kHighs;
}

constexpr bool is_special(char c)
{
    return c == '\r' || c == '\n' || c == '\0';
}

// How many bytes at the front are neither CR, LF nor NUL; eight at a time, because every byte of every message comes
// by here.
std::size_t plain_run(std::string_view text)
{
    std::size_t at = 0;
    while (text.size() - at >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        const std::uint64_t found =
            zero_bytes(word) | zero_bytes(word ^ (kOnes * '\r')) | zero_bytes(word ^ (kOnes * '\n'));
        if (found != 0) break;
        at += sizeof word;
    }
    while (at < text.size() && !is_special(text[at])) ++at;
    return at;
}

} // namespace

void DataDecoder::add_bare_newline(char c, std::string& out)
{
    saw_bare_newline_ = true;
    if (newlines_ == BareNewlines::repair) {
        out += "\r\n";
    } else {
        out += c;
    }
}

void DataDecoder::take_text(char c, std::string& out)
{
    if (c == '\r') {
        state_ = State::cr;
        return;
    }
    // A repaired line end begins no line of the protocol: a dot behind it is a byte like another.
    state_ = State::text;
    if (c == '\n') {
        add_bare_newline(c, out);
        return;
    }
    if (c == '\0') saw_nul_ = true;
    out += c;
}

void DataDecoder::take(char c, std::string& out)
{
    switch (state_) {
    case State::line_start:
        if (c == '.') {
            state_ = State::dot;
        } else {
            take_text(c, out);
        }
        return;
    case State::dot:
        if (c == '\r') {
            state_ = State::dot_cr;
        } else {
            take_text(c, out);
        }
        return;
    case State::dot_cr:
        if (c == '\n') {
            state_ = State::done;
            return;
        }
        add_bare_newline('\r', out);
        take_text(c, out);
        return;
    case State::text: take_text(c, out); return;
    case State::cr:
        if (c == '\n') {
            out += "\r\n";
            state_ = State::line_start;
            return;
        }
        add_bare_newline('\r', out);
        take_text(c, out);
        return;
    case State::done: return;
    }
}

std::size_t DataDecoder::feed(std::string_view input, std::string& out)
{
    std::size_t at = 0;
    while (at < input.size() && state_ != State::done) {
        if (state_ == State::text) {
            const std::size_t run = plain_run(input.substr(at));
            out.append(input, at, run);
            at += run;
            // The common end of a line, in one step.
            if (input.size() - at >= 2 && input[at] == '\r' && input[at + 1] == '\n') {
                out += "\r\n";
                at += 2;
                state_ = State::line_start;
            }
            if (at == input.size()) break;
        }
        take(input[at], out);
        ++at;
    }
    return at;
}

} // namespace mbx::smtp
