// Text of others on its way into the trace, and case for searching it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mbx::trace {

// One line of well-formed UTF-8 of at most `most` bytes: control bytes become spaces, what is no UTF-8 "?".
std::string clean_text(std::string_view text, std::size_t most);

// Lower case of ASCII, Latin-1, Greek and Cyrillic letters; the rest as it is. For comparing, not for showing.
std::string fold_case(std::string_view utf8);

}  // namespace mbx::trace
