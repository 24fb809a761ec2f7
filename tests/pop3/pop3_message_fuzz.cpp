// Any bytes as a message: its stuffed form comes back to it, ends where it ends and not before, and is the same however it
// is cut; the surrogate of its header is ASCII.
#include <algorithm>
#include <cstdlib>

#include "base/ascii.hpp"
#include "mail/header.hpp"
#include "pop3/stuffed_message.hpp"
#include "pop3/surrogate.hpp"

using namespace mbx;
using namespace mbx::pop3;

namespace {

void check(bool holds)
{
    if (!holds) std::abort();
}

std::string stuffed(std::string_view head, std::string_view body, std::size_t piece)
{
    StuffedMessage made(head, body);
    std::string all;
    bool has_more = true;
    while (has_more) {
        std::string out;
        has_more = made.write(out, piece);
        check(out.size() <= piece + 6);
        all += out;
    }
    return all;
}

// As a client does that takes LF for the end of a line.
std::string read_back(std::string_view text)
{
    std::string message;
    while (true) {
        const auto end = text.find('\n');
        check(end != std::string_view::npos);
        auto line = text.substr(0, end + 1);
        text.remove_prefix(end + 1);
        if (line == ".\r\n" || line == ".\n") break;
        if (line.front() == '.') line.remove_prefix(1);
        message += line;
    }
    check(text.empty());
    return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::size_t piece = data[0] % 16U + 1;
    const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto whole = stuffed("", message, 32 * 1024);
    const auto body_at = mail::HeaderScanner(message).body_offset();
    check(stuffed(message.substr(0, body_at), message.substr(body_at), piece) == whole);
    check(whole == ".\r\n" || whole.ends_with("\r\n.\r\n"));
    auto expected = std::string(message);
    if (!expected.empty() && !expected.ends_with("\r\n")) expected += "\r\n";
    check(read_back(whole) == expected);
    std::size_t before = body_at;
    for (std::uint64_t lines = 0; lines < 8; ++lines) {
        const auto top = top_size(message, body_at, lines);
        check(top >= before && top <= message.size());
        before = top;
    }
    check(top_size(message, body_at, UINT64_MAX) == message.size());
    const auto made = surrogate_header(message.substr(0, body_at));
    if (made) check(std::ranges::none_of(*made, ascii::is_eight_bit));
    return 0;
}
