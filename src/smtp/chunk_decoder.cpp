#include "smtp/chunk_decoder.hpp"

#include <algorithm>
#include <utility>

namespace mbx::smtp {

void ChunkDecoder::add_bare_newline(char c, std::string& out)
{
    saw_bare_newline_ = true;
    if (newlines_ == BareNewlines::repair) {
        out += "\r\n";
    } else {
        out += c;
    }
}

void ChunkDecoder::feed(std::string_view input, std::string& out)
{
    if (input.empty()) return;
    if (std::exchange(held_cr_, false)) {
        if (input.front() == '\n') {
            out += "\r\n";
            input.remove_prefix(1);
        } else {
            add_bare_newline('\r', out);
        }
    }
    while (!input.empty()) {
        const std::size_t end = std::min(input.find_first_of(std::string_view("\r\n\0", 3)), input.size());
        out += input.substr(0, end);
        input.remove_prefix(end);
        if (input.empty()) return;
        const char c = input.front();
        input.remove_prefix(1);
        if (c == '\0') {
            saw_nul_ = true;
            out += c;
        } else if (c == '\n') {
            add_bare_newline(c, out);
        } else if (input.empty()) {
            held_cr_ = true;
        } else if (input.front() == '\n') {
            out += "\r\n";
            input.remove_prefix(1);
        } else {
            add_bare_newline(c, out);
        }
    }
}

void ChunkDecoder::finish(std::string& out)
{
    if (std::exchange(held_cr_, false)) add_bare_newline('\r', out);
}

} // namespace mbx::smtp
