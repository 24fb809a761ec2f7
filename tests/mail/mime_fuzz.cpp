// Structure, ENVELOPE, BODY, BODYSTRUCTURE and sections of any bytes: sound, balanced, inside the message.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "mail/line_ending.hpp"
#include "structure_invariants.hpp"

using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

// What a section gives lies in the message (or is the empty line we add), and its parts in any cut are its whole.
void check_section(std::string_view message, const Structure& structure, const Section& section)
{
    const auto bytes = resolve_section(message, structure, section);
    if (!bytes) return;
    for (const auto piece : bytes->pieces) {
        const bool is_inside = piece.data() >= message.data() && piece.data() + piece.size() <= message.data() + message.size();
        require(is_inside || piece == "\r\n" || piece.empty());
    }
    std::string all;
    bytes->append(all);
    require(all.size() == bytes->size());
    std::string in_two;
    bytes->append(in_two, 0, all.size() / 3);
    bytes->append(in_two, all.size() / 3);
    require(in_two == all);
    const bool has_fields = section.text == SectionText::header_fields || section.text == SectionText::header_fields_not;
    require(!has_fields || all.ends_with("\r\n"));
}

void check_sections(std::string_view message, const Structure& structure, const std::vector<std::uint32_t>& path)
{
    using enum SectionText;
    for (const auto text : {whole, header, header_fields, header_fields_not, SectionText::text, mime})
        check_section(message, structure, {path, text, {"Subject", "to"}});
}

void check_message(std::string_view message, MimeLimits limits)
{
    const Structure structure = parse_structure(message, limits);
    require(test::first_flaw(message, structure, limits).empty());
    check_sections(message, structure, {});
    for (std::uint32_t a = 1; a <= 3; ++a) {
        check_sections(message, structure, {a});
        for (std::uint32_t b = 1; b <= 3; ++b) check_sections(message, structure, {a, b, 1});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view message(reinterpret_cast<const char*>(data), size);
    check_message(message, {});
    MimeLimits small;
    small.depth = 3;
    small.parts = 6;
    small.parameters = 4;
    small.addresses = 4;
    check_message(message, small);
    const std::string canonical = canonical_crlf(message);
    require(is_canonical_crlf(canonical));
    require(canonical_crlf(canonical) == canonical);
    check_message(canonical, {});
    // Foreign line ends change no tree.
    require(parse_structure(canonical).parts.size() == parse_structure(message).parts.size());
    return 0;
}
