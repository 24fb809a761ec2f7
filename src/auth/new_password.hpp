// The rule for passwords that are set here, and passwords made by the machine. Pure but for the randomness handed in.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"

namespace mbx::auth {

// Length is what makes a password hard to guess; composition rules make people write it down (NIST SP 800-63B
// section 3.1.1.2). Counted in characters, not bytes.
constexpr std::size_t kLeastPasswordCharacters = 12;

// What is wrong with a new password for `address`, in words for its owner; none when it is good.
std::optional<std::string> password_complaint(std::string_view password, std::string_view address);

// Four groups of five letters and digits that are not mistaken for each other: 100 bits.
std::string generate_password(Random& random);
// `count` such letters, a dash between each `group` of them: five bits a letter.
std::string random_letters(Random& random, std::size_t count, std::size_t group);
bool is_password_letter(char c);

}  // namespace mbx::auth
