#include "pop3/stuffed_message.hpp"

#include <algorithm>
#include <utility>

namespace mbx::pop3 {

bool StuffedMessage::write(std::string& out, std::size_t most)
{
    while (out.size() < most) {
        if (rest_.empty()) rest_ = std::exchange(next_, {});
        if (rest_.empty()) {
            // A client waits for CRLF, dot, CRLF.
            out += behind_crlf_ ? ".\r\n" : "\r\n.\r\n";
            return false;
        }
        // A dot behind a bare LF is stuffed as well: most clients take that for the end of a line, and would take what
        // the message says next for our answers.
        if (at_line_start_ && rest_.front() == '.') out += '.';
        const auto window = rest_.substr(0, std::max<std::size_t>(most - std::min(most, out.size()), 1));
        const auto run = window.substr(0, std::min(window.find("\n."), window.size() - 1) + 1);
        out += run;
        rest_.remove_prefix(run.size());
        const bool has_cr = run.size() > 1 ? run[run.size() - 2] == '\r' : behind_cr_;
        at_line_start_ = run.back() == '\n';
        behind_crlf_ = at_line_start_ && has_cr;
        behind_cr_ = run.back() == '\r';
    }
    return true;
}

std::size_t top_size(std::string_view message, std::size_t body_offset, std::uint64_t lines)
{
    auto at = std::min(body_offset, message.size());
    for (; lines != 0 && at < message.size(); --lines) {
        const auto end = message.find('\n', at);
        if (end == std::string_view::npos) return message.size();
        at = end + 1;
    }
    return at;
}

}  // namespace mbx::pop3
