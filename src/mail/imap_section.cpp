// Sections: which bytes BODY[…] names (RFC 9051 section 6.4.5).
#include <algorithm>
#include <unordered_set>

#include "base/ascii.hpp"
#include "mail/header.hpp"
#include "mail/imap_structure.hpp"

namespace mbx::mail {
namespace {

// What a path has led to. Part 1 of a message that is no multipart is the message's own body, and so the same Part as the
// message; only the path tells which of the two is meant.
struct Place {
    std::uint32_t part = 0;
    bool is_message = true;  // a message as a whole: the root, or one embedded in message/rfc822
};

Place step(const Structure& structure, Place from, std::uint32_t number)
{
    // Numbers below a message/rfc822 part count the parts of the message inside it.
    if (!from.is_message && structure.parts[from.part].is_message())
        from = {structure.parts[from.part].first_child, true};
    if (structure.parts[from.part].is_multipart()) return {structure.child(from.part, number), false};
    return {from.is_message && number == 1 ? from.part : kNoPart, false};
}

Place walk(const Structure& structure, const std::vector<std::uint32_t>& path)
{
    Place place;
    for (const std::uint32_t number : path) {
        place = step(structure, place, number);
        if (place.part == kNoPart) return place;
    }
    return place;
}

std::string_view header_of(std::string_view message, const Part& part)
{
    return message.substr(part.header_offset, part.body_offset - part.header_offset);
}

std::string_view body_of(std::string_view message, const Part& part)
{
    return message.substr(part.body_offset, part.body_size());
}

// The fields that are, or are not, named; then an empty line. With ten thousand names still one look-up per field.
SectionBytes choose_fields(std::string_view header, const std::vector<std::string>& names, bool wanted)
{
    std::unordered_set<std::string> lower;
    for (const auto& name : names) lower.insert(ascii::to_lower(name));
    SectionBytes bytes;
    HeaderScanner scanner(header);
    std::size_t chosen_end = std::string_view::npos;
    while (const auto field = scanner.next()) {
        if (lower.contains(ascii::to_lower(field->name)) != wanted) continue;
        // Neighbours become one piece.
        if (chosen_end == field->offset)
            bytes.pieces.back() = header.substr(chosen_end - bytes.pieces.back().size(),
                                                bytes.pieces.back().size() + field->whole.size());
        else bytes.pieces.push_back(field->whole);
        chosen_end = field->offset + field->whole.size();
    }
    if (!bytes.pieces.empty() && !bytes.pieces.back().ends_with('\n')) bytes.pieces.emplace_back("\r\n");
    bytes.pieces.emplace_back("\r\n");
    return bytes;
}

}  // namespace

std::size_t SectionBytes::size() const
{
    std::size_t total = 0;
    for (const auto piece : pieces) total += piece.size();
    return total;
}

void SectionBytes::append(std::string& out, std::size_t offset, std::size_t count) const
{
    for (const auto piece : pieces) {
        const std::size_t skipped = std::min(offset, piece.size());
        const std::string_view part = piece.substr(skipped, count);
        out += part;
        offset -= skipped;
        count -= part.size();
    }
}

std::optional<SectionBytes> resolve_section(std::string_view message, const Structure& structure,
                                            const Section& section)
{
    const Place place = walk(structure, section.path);
    if (place.part == kNoPart || structure.size != message.size()) return std::nullopt;
    const Part& part = structure.parts[place.part];
    if (section.text == SectionText::whole)
        return SectionBytes{{section.path.empty() ? message : body_of(message, part)}};
    if (section.text == SectionText::mime) {
        if (section.path.empty()) return std::nullopt;
        return SectionBytes{{header_of(message, part)}};
    }
    // The rest asks about a message: the root, or the one inside message/rfc822.
    if (!place.is_message && !part.is_message()) return std::nullopt;
    const Part& inner = place.is_message ? part : structure.parts[part.first_child];
    switch (section.text) {
    case SectionText::header: return SectionBytes{{header_of(message, inner)}};
    case SectionText::header_fields: return choose_fields(header_of(message, inner), section.fields, true);
    case SectionText::header_fields_not: return choose_fields(header_of(message, inner), section.fields, false);
    case SectionText::text: return SectionBytes{{body_of(message, inner)}};
    case SectionText::whole:
    case SectionText::mime: break;
    }
    return std::nullopt;
}

std::uint32_t find_part(const Structure& structure, const std::vector<std::uint32_t>& path)
{
    return walk(structure, path).part;
}

}  // namespace mbx::mail
