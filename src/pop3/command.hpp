// POP3's command lines (RFC 1939, 2449, 2595, 5034, 6856). Pure: no I/O, no session state; total for any bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mbx::pop3 {

enum class Verb : std::uint8_t {
    auth, capa, dele, lang, list, noop, pass, quit, retr, rset, stat, stls, top, uidl, user, utf8
};

struct Command {
    Verb verb = Verb::noop;
    // DELE, LIST, RETR, TOP, UIDL; LIST and UIDL may have none. Numbers are read whatever their size: what passes 64 bits
    // is the greatest number, which no message has (HOSTILE rows E20, J10).
    std::optional<std::uint64_t> message;
    std::uint64_t lines = 0;             // TOP
    std::string text;                    // USER: the name, PASS: the password, LANG: the range, AUTH: the mechanism in capitals
    std::optional<std::string> initial;  // AUTH: the response that came with it
};

enum class SyntaxError : std::uint8_t {
    unknown_command,
    bad_argument,     // missing, not a number, or not wanted
    bad_bytes,        // control bytes, or 8-bit ones that are not UTF-8
};

// One line without its CRLF. Commands match in any case; one space or more stand before an argument. A password is all
// that follows the first space: RFC 1939 section 7 lets it hold spaces.
Result<Command, SyntaxError> parse_command(std::string_view line);

}  // namespace mbx::pop3
