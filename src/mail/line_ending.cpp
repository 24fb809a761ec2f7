#include "mail/line_ending.hpp"

namespace mbx::mail {

bool is_canonical_crlf(std::string_view bytes)
{
    for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1))
        if (at == 0 || bytes[at - 1] != '\r') return false;
    return true;
}

std::string canonical_crlf(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 32);
    std::size_t from = 0;
    for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
        if (at != 0 && bytes[at - 1] == '\r') continue;
        out += bytes.substr(from, at - from);
        out += "\r\n";
        from = at + 1;
    }
    out += bytes.substr(from);
    return out;
}

}  // namespace mbx::mail
