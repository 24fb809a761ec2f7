#include "base/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mbx {

std::uint64_t Random::number()
{
    std::uint64_t value = 0;
    std::array<unsigned char, sizeof value> bytes{};
    fill(bytes);
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
}

std::string Random::hex(std::size_t bytes)
{
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string raw(bytes, '\0');
    fill({reinterpret_cast<unsigned char*>(raw.data()), raw.size()});
    std::string text;
    text.reserve(bytes * 2);
    for (const char c : raw) {
        const auto value = static_cast<unsigned char>(c);
        text += kDigits[value >> 4U];
        text += kDigits[value & 15U];
    }
    return text;
}

void SystemRandom::fill(std::span<unsigned char> into)
{
    while (!into.empty()) {
        const ssize_t got = ::getrandom(into.data(), into.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            std::fputs("mailboxd: the kernel gives no random bytes; refusing to go on with guessable ones\n", stderr);
            std::abort();
        }
        into = into.subspan(static_cast<std::size_t>(got));
    }
}

void SeededRandom::fill(std::span<unsigned char> into)
{
    for (auto& byte : into) byte = static_cast<unsigned char>(engine_());
}

}  // namespace mbx
