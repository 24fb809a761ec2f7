// Reads IMAP's parenthesised values back, so that tests can say "this is well-formed" and look inside.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail::test {

// One token: "(", ")", a string with its text, NIL or a number.
struct ImapToken {
    enum class Kind { open, close, string, nil, number };
    Kind kind;
    std::string text;
};

inline bool read_literal(std::string_view& rest, std::vector<ImapToken>& tokens)
{
    const std::size_t brace = rest.find("}\r\n");
    if (brace == std::string_view::npos || brace < 2) return false;
    std::size_t size = 0;
    for (const char c : rest.substr(1, brace - 1)) {
        if (c < '0' || c > '9') return false;
        size = size * 10 + static_cast<std::size_t>(c - '0');
    }
    rest.remove_prefix(brace + 3);
    if (size > rest.size() || rest.substr(0, size).find('\0') != std::string_view::npos) return false;
    tokens.push_back({ImapToken::Kind::string, std::string(rest.substr(0, size))});
    rest.remove_prefix(size);
    return true;
}

inline bool read_quoted(std::string_view& rest, std::vector<ImapToken>& tokens)
{
    std::string text;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && (++i == rest.size() || (rest[i] != '"' && rest[i] != '\\'))) return false;
        const auto byte = static_cast<unsigned char>(rest[i]);
        if (byte == 0 || byte == '\r' || byte == '\n' || byte >= 0x80) return false;
        text += rest[i];
    }
    if (i == rest.size()) return false;
    rest.remove_prefix(i + 1);
    tokens.push_back({ImapToken::Kind::string, text});
    return true;
}

inline bool read_token(std::string_view& rest, std::vector<ImapToken>& tokens)
{
    const char c = rest.front();
    if (c == '{') return read_literal(rest, tokens);
    if (c == '"') return read_quoted(rest, tokens);
    if (c == '(' || c == ')') {
        tokens.push_back({c == '(' ? ImapToken::Kind::open : ImapToken::Kind::close, {}});
        rest.remove_prefix(1);
        return true;
    }
    if (rest.starts_with("NIL")) {
        tokens.push_back({ImapToken::Kind::nil, {}});
        rest.remove_prefix(3);
        return true;
    }
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    tokens.push_back({ImapToken::Kind::number, std::string(rest.substr(0, digits))});
    rest.remove_prefix(digits);
    return digits != 0;
}

// The tokens of exactly one balanced value with single spaces between its members (none between parenthesised
// neighbours, as in addresses and bodies); none when it is malformed.
inline std::optional<std::vector<ImapToken>> read_imap_value(std::string_view text)
{
    std::vector<ImapToken> tokens;
    std::size_t depth = 0;
    bool may_space = false;
    bool needs_space = false;
    while (!text.empty()) {
        if (text.front() == ' ') {
            if (!may_space) return std::nullopt;
            text.remove_prefix(1);
            if (text.empty() || text.front() == ' ' || text.front() == ')') return std::nullopt;
            may_space = needs_space = false;
            continue;
        }
        const bool is_open = text.front() == '(';
        const bool is_close = text.front() == ')';
        const bool follows_close = !tokens.empty() && tokens.back().kind == ImapToken::Kind::close;
        if (needs_space && !is_close && !(is_open && follows_close)) return std::nullopt;
        if (!read_token(text, tokens)) return std::nullopt;
        if (is_open) ++depth;
        if (is_close && depth-- == 0) return std::nullopt;
        if (depth == 0 && !text.empty()) return std::nullopt;
        may_space = needs_space = !is_open;
    }
    if (depth != 0 || tokens.empty()) return std::nullopt;
    return tokens;
}

}  // namespace mbx::mail::test
