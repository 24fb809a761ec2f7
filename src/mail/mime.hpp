// The structure of a message (RFC 2045, 2046) as a flat tree of byte ranges over it. One pass, no recursion, linear time
// and bounded memory for any input; nothing is decoded or unpacked. Works on CRLF and on bare LF alike; offsets and sizes
// are those of the bytes given, so callers that serve CRLF give canonical bytes (line_ending.hpp). Pure. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/envelope.hpp"
#include "mail/parameters.hpp"
#include "mail/transfer_encoding.hpp"

namespace mbx::mail {

struct MimeLimits {
    std::uint32_t depth = 100;     // of nested multiparts and messages; deeper is one opaque part (HOSTILE row D2)
    std::uint32_t parts = 10'000;  // the last one is opaque and holds the rest of its multipart (row D3)
    HeaderLimits header{};         // of each part
    // So that small bytes cannot become large memory: of all parts together. Parts behind keep their first eight
    // parameters of a field and no addresses.
    std::size_t parameters = 50'000;
    std::size_t addresses = 50'000;
};

inline constexpr std::uint32_t kNoPart = UINT32_MAX;
inline constexpr std::uint32_t kNoEnvelope = UINT32_MAX;

struct Part {
    // The tree: parts stand in the order of their offsets, a parent before its children.
    std::uint32_t parent = kNoPart;
    std::uint32_t first_child = kNoPart;  // of a multipart its parts; of message/rfc822 the one embedded message
    std::uint32_t next_sibling = kNoPart;
    std::uint32_t depth = 0;  // of the root 0

    // Header [header_offset, body_offset) with its separating line, body [body_offset, body_end): without the line end
    // before a delimiter, which belongs to that (RFC 2046 section 5.1.1) unless it ended the header.
    std::size_t header_offset = 0;
    std::size_t body_offset = 0;
    std::size_t body_end = 0;
    std::uint64_t body_lines = 0;    // line ends in the body
    std::uint64_t header_lines = 0;  // line ends in the header

    std::string type;         // lower case; "text" and "plain" where missing or malformed (RFC 2045 section 5.2),
    std::string subtype;      // "message" and "rfc822" inside multipart/digest (RFC 2046 section 5.1.5)
    ParameterizedValue content_type;                // parameters; charset=us-ascii where the field is missing
    std::optional<ParameterizedValue> disposition;  // Content-Disposition
    std::string encoding_name = "7bit";             // Content-Transfer-Encoding, lower case, as told
    TransferEncoding encoding = TransferEncoding::seven_bit;
    std::optional<std::string> id;           // Content-ID; this and the following unfolded, not decoded
    std::optional<std::string> description;  // Content-Description
    std::optional<std::string> md5;          // Content-MD5
    std::optional<std::string> location;     // Content-Location
    std::vector<std::string> languages;      // Content-Language

    // A multipart or message that is not looked into: too deep, too many, or a message in base64 or quoted-printable.
    bool is_opaque = false;
    // Of message/rfc822 and message/global with a child: the embedded message's, in Structure::envelopes.
    std::uint32_t envelope = kNoEnvelope;

    std::size_t body_size() const { return body_end - body_offset; }
    bool is_multipart() const { return !is_opaque && type == "multipart"; }  // has at least one child
    bool is_message() const { return !is_opaque && first_child != kNoPart && type == "message"; }  // has one child
    std::string charset() const;    // lower case; "us-ascii" for text without one, empty for other types
    std::string file_name() const;  // attachment_name() of this part
};

struct Structure {
    std::vector<Part> parts;          // never empty; parts[0] is the message itself
    std::vector<Envelope> envelopes;  // [0] is the message's own
    std::size_t size = 0;             // of the bytes parsed
    bool over_limits = false;         // something is opaque because of MimeLimits

    const Part& root() const { return parts.front(); }
    const Envelope& envelope() const { return envelopes.front(); }
    // The n-th child of a part, n from 1; kNoPart: there is none.
    std::uint32_t child(std::uint32_t part, std::uint32_t number) const;
};

// A line is a delimiter when it is "--", the boundary of an open multipart, perhaps "--", and white space only; with
// several that fit, the innermost counts. A boundary that is missing or empty, or that never comes, leaves its multipart
// with one text/plain part that is its whole body, so that every multipart has a part 1. A multipart that is never
// closed ends with what encloses it.
Structure parse_structure(std::string_view message, MimeLimits limits = {});

}  // namespace mbx::mail
