// Prints the structure of the message in a file, its line ends made CRLF, one part a line: depth, type, body's hash.
// structure_differential.py compares it with what Python's email package reads.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "mail/line_ending.hpp"
#include "mail/mime.hpp"

namespace {

// FNV-1a, so that both sides need no library for it.
std::uint64_t hash(std::string_view bytes)
{
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char c : bytes) {
        value ^= static_cast<unsigned char>(c);
        value *= 0x100000001b3U;
    }
    return value;
}

}  // namespace

int main(int count, char** arguments)
{
    for (int i = 1; i < count; ++i) {
        std::ifstream file(arguments[i], std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        const std::string message = mbx::mail::canonical_crlf(bytes);
        const auto structure = mbx::mail::parse_structure(message);
        std::printf("%s\n", arguments[i]);
        for (const auto& part : structure.parts) {
            const bool is_other_message =
                part.type == "message" && part.subtype != "rfc822" && part.subtype != "global";
            const bool is_leaf = part.first_child == mbx::mail::kNoPart && !is_other_message;
            auto body = std::string_view(message).substr(part.body_offset, part.body_size());
            if (&part == &structure.parts.back() && body.ends_with("\r\n")) body.remove_suffix(2);
            std::printf(" %u %s/%s", part.depth, part.type.c_str(), part.subtype.c_str());
            if (is_leaf) std::printf(" %zu %016llx", body.size(), static_cast<unsigned long long>(hash(body)));
            std::printf("\n");
        }
    }
    return 0;
}
