// A message as IMAP tells it: ENVELOPE, BODY, BODYSTRUCTURE (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2) and sections
// (RFC 9051 section 6.4.5). Pure, without recursion. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime.hpp"

namespace mbx::mail {

// A string as IMAP writes it: quoted when it is 7-bit, short, and without CR, LF and NUL; else a literal. A NUL, which
// no IMAP string may hold, becomes a space.
void append_imap_string(std::string& out, std::string_view text);

// "(" date subject from … message-id ")"
std::string imap_envelope(const Envelope& envelope);
// The value of BODY (without extension data) or BODYSTRUCTURE (with it).
std::string imap_body(const Structure& structure);
std::string imap_bodystructure(const Structure& structure);

// What of a part a section names: nothing, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME.
enum class SectionText : std::uint8_t { whole, header, header_fields, header_fields_not, text, mime };

struct Section {
    std::vector<std::uint32_t> path;  // part numbers from 1; empty: the message itself
    SectionText text = SectionText::whole;
    std::vector<std::string> fields;  // of the two HEADER.FIELDS forms, in any case
};

// A section's bytes in order, as views into the message or of static storage: no copy is made.
struct SectionBytes {
    std::vector<std::string_view> pieces;

    std::size_t size() const;
    // The bytes [offset, offset + count) as far as there are any: BODY[…]<offset.count>, HOSTILE row E6.
    void append(std::string& out, std::size_t offset = 0, std::size_t count = SIZE_MAX) const;
};

// `structure` must be parse_structure(message). None: there is no such section, which FETCH answers with NIL. The two
// HEADER.FIELDS forms end with an empty line, always; they look at no more fields than HeaderLimits allows.
std::optional<SectionBytes> resolve_section(std::string_view message, const Structure& structure,
                                            const Section& section);

// The part that a path names, for BINARY and BINARY.SIZE (RFC 9051 section 6.4.5); kNoPart: there is none. An empty path
// is the root.
std::uint32_t find_part(const Structure& structure, const std::vector<std::uint32_t>& path);

}  // namespace mbx::mail
