// What RFC 5321 sections 4.1.1.4 and 4.5.2 say about DATA, written down the slow and obvious way: the other opinion
// that the incremental decoder is compared with.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::test {

struct NaiveData {
    std::string message;
    std::size_t used = 0; // bytes up to and with the end
    bool bare_newline = false;
    bool nul = false;
};

inline std::string replace_bare(const std::string& text, bool repair, bool& found)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "\r\n") == 0) {
            out += "\r\n";
            ++i;
        } else if (text[i] == '\r' || text[i] == '\n') {
            found = true;
            if (repair) {
                out += "\r\n";
            } else {
                out += text[i];
            }
        } else {
            out += text[i];
        }
    }
    return out;
}

// None: the end has not come.
inline std::optional<NaiveData> decode_naively(std::string_view input, bool repair)
{
    const std::string all = "\r\n" + std::string(input); // DATA's own CRLF ends the line before the first
    const std::size_t end = all.find("\r\n.\r\n");
    if (end == std::string::npos) return std::nullopt;
    NaiveData result;
    result.used = end + 5 - 2;
    const std::string body = all.substr(2, end); // up to and with the last line's CRLF, or empty
    for (std::size_t start = 0; start < body.size();) {
        const std::size_t stop = body.find("\r\n", start);
        std::string line = body.substr(start, stop - start);
        if (!line.empty() && line.front() == '.') line.erase(0, 1);
        result.message += replace_bare(line, repair, result.bare_newline) + "\r\n";
        start = stop + 2;
    }
    result.nul = result.message.find('\0') != std::string::npos;
    return result;
}

} // namespace mbx::test
