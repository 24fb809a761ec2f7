// RFC 5322 section 3.2.3: the characters of an atom; RFC 6531 section 3.3 adds UTF-8. Pure.
#pragma once

#include <string_view>

#include "base/ascii.hpp"

namespace mbx::mail {

constexpr bool is_atext(char c)
{
    return ascii::is_alnum(c) || ascii::is_eight_bit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

}  // namespace mbx::mail
