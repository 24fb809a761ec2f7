// Text from outside for a person's eyes: what is shown is what can be copied back, and nothing in it moves a terminal.
#pragma once

#include <string>
#include <string_view>

namespace mbx::ascii {

// As printable(), but for the backslash, which stays as it is: an address may have one ("a\"b"@example.org), and who copies
// it must get that address. So escapes are not told from text that looks like one: for logs printable() is right.
// Cut at `most` bytes.
std::string legible(std::string_view text, std::size_t most = 200);

}  // namespace mbx::ascii
