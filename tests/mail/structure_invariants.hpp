// What must hold of every structure of every message; used by tests and by the fuzzer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "imap_syntax.hpp"
#include "mail/imap_structure.hpp"
#include "mail/mime.hpp"

namespace mbx::mail::test {

inline bool has_good_ranges(std::string_view message, const Structure& structure, std::uint32_t index)
{
    const Part& part = structure.parts[index];
    if (part.header_offset > part.body_offset || part.body_offset > part.body_end || part.body_end > message.size())
        return false;
    const std::string_view body = message.substr(part.body_offset, part.body_size());
    if (static_cast<std::uint64_t>(std::ranges::count(body, '\n')) != part.body_lines) return false;
    const std::string_view header =
        message.substr(part.header_offset, part.body_offset - part.header_offset);
    if (static_cast<std::uint64_t>(std::ranges::count(header, '\n')) != part.header_lines) return false;
    if (part.parent == kNoPart) return index == 0 && part.header_offset == 0 && part.body_end == message.size();
    const Part& parent = structure.parts[part.parent];
    if (part.parent >= index || part.depth != parent.depth + 1) return false;
    return part.header_offset >= parent.body_offset && part.body_end <= parent.body_end;
}

inline bool has_good_links(const Structure& structure, std::uint32_t index)
{
    const Part& part = structure.parts[index];
    if (part.is_multipart() && part.first_child == kNoPart) return false;
    if (part.is_opaque && part.first_child != kNoPart) return false;
    if (part.is_message() != (part.envelope != kNoEnvelope)) return false;
    if (part.first_child != kNoPart &&
        (part.first_child <= index || structure.parts[part.first_child].parent != index))
        return false;
    if (part.next_sibling == kNoPart) return true;
    const Part& next = structure.parts[part.next_sibling];
    // Offsets grow strictly: the tree cannot be a cycle.
    return part.next_sibling > index && next.parent == part.parent && next.header_offset > part.header_offset &&
           next.header_offset >= part.body_end;
}

// An empty text when all is well, else what is not.
inline std::string first_flaw(std::string_view message, const Structure& structure, MimeLimits limits = {})
{
    if (structure.parts.empty() || structure.parts.size() > std::max(limits.parts, 1U)) return "number of parts";
    if (structure.envelopes.empty() || structure.size != message.size()) return "size or envelopes";
    for (std::uint32_t i = 0; i < structure.parts.size(); ++i) {
        if (structure.parts[i].depth > limits.depth) return "depth";
        if (!has_good_ranges(message, structure, i)) return "ranges of part " + std::to_string(i);
        if (!has_good_links(structure, i)) return "links of part " + std::to_string(i);
        if (i > 0 && structure.parts[i].header_offset < structure.parts[i - 1].header_offset) return "order";
    }
    if (!read_imap_value(imap_envelope(structure.envelope()))) return "ENVELOPE";
    if (!read_imap_value(imap_body(structure))) return "BODY";
    if (!read_imap_value(imap_bodystructure(structure))) return "BODYSTRUCTURE";
    return {};
}

}  // namespace mbx::mail::test
