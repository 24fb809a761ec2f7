#include "auth/new_password.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "auth/password.hpp"
#include "base/ascii.hpp"

namespace mbx::auth {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";  // 32 of them: no l, o, 0, 1
static_assert(kAlphabet.size() == 32);

std::size_t characters(std::string_view utf8)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::optional<std::string> password_complaint(std::string_view password, std::string_view address)
{
    if (password.size() > kMaxPassword) return fmt::format("it is longer than {} bytes", kMaxPassword);
    if (!ascii::is_utf8(password)) return "it is not UTF-8";
    // RFC 8265 section 4.2: OpaqueString has no control characters.
    if (std::ranges::any_of(password, ascii::is_control)) return "it has control characters";
    if (characters(password) < kLeastPasswordCharacters) {
        return fmt::format("it is shorter than {} characters", kLeastPasswordCharacters);
    }
    if (ascii::same(password, address)) return "it is the address itself";
    const bool is_one_character = password.find_first_not_of(password.front()) == std::string_view::npos;
    if (is_one_character) return "it is one character, repeated";
    return std::nullopt;
}

std::string generate_password(Random& random) { return random_letters(random, 20, 5); }

std::string random_letters(Random& random, std::size_t count, std::size_t group)
{
    std::vector<unsigned char> bytes(count);
    random.fill(bytes);
    std::string password;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (at != 0 && at % group == 0) password += '-';
        password += kAlphabet[bytes[at] % kAlphabet.size()];
    }
    return password;
}

bool is_password_letter(char c) { return kAlphabet.find(c) != std::string_view::npos; }

}  // namespace mbx::auth
