// A header for clients that have not asked for UTF-8 (RFC 6856 section 2.1: UTF-8 must not be sent to them as it is). Pure,
// linear, total for any bytes. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::pop3 {

// The header (with the empty line behind it) in ASCII: text and names as encoded words, addresses beyond ASCII replaced by
// one under .invalid with the address as its name, in other structured fields '_' for what is not ASCII. None where the
// header may be sent as it is: it is ASCII, or its bytes are not UTF-8 at all but some old charset without a name, which
// every POP3 server passes on and every client guesses.
std::optional<std::string> surrogate_header(std::string_view header);

}  // namespace mbx::pop3
