// UTF-8, character by character (RFC 3629). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mbx::mail {

struct Utf8Character {
    std::uint32_t code = 0xfffd;  // U+FFFD when the bytes are no character
    std::size_t size = 1;         // bytes taken: of a bad sequence its longest part that could have begun a character
    bool is_good = false;
};

// The character at the front of a text that is not empty.
Utf8Character first_character(std::string_view text);
// A surrogate or a code above U+10FFFF becomes U+FFFD.
void append_character(std::string& out, std::uint32_t code);
// The longest size of at most `most` that does not cut a character of well-formed UTF-8.
std::size_t whole_characters(std::string_view utf8, std::size_t most);

}  // namespace mbx::mail
