// What SORT, THREAD and most of SEARCH ask of a message, in one short run of bytes beside its wide row: read without the
// rest, compared without the file (RFC 5256, RFC 5957). Pure. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "mail/envelope.hpp"
#include "mail/header.hpp"
#include "mail/mime.hpp"

namespace mbx::store {

inline constexpr std::size_t kMaxBriefName = 200;        // bytes of a mailbox or a name that is sorted by
inline constexpr std::size_t kMaxBriefReferences = 100;  // the first one and the last of them
inline constexpr std::size_t kMaxBriefFields = 4096;     // of all fields' texts; with more the file is asked

// The fields whose texts a brief has, in their order there.
inline constexpr std::array<std::string_view, 6> kBriefFields{"from", "to", "cc", "bcc", "subject", "message-id"};

// Views point into the encoded bytes.
struct Brief {
    std::optional<std::int64_t> sent;  // seconds since 1970
    int sent_zone = 0;                 // minutes east of UTC
    bool is_reply = false;             // mail::BaseSubject's
    std::string_view base_subject;
    std::string_view from, to, cc;     // addr-mailbox of the first address (RFC 5256 section 3)
    std::string_view display_from, display_to;  // RFC 5957 section 3
    std::uint64_t message_id = 0;      // mail::message_id_hash; 0: none
    std::string_view references;       // 8 bytes each, the lowest first (RFC 5256 section 3: References or In-Reply-To)
    std::optional<std::string_view> fields;  // for brief_field_contains; none: too long to be kept
};

// What a brief takes from the parsed message besides its envelope.
struct BriefSource {
    const mail::Header& header;
    const mail::Envelope& envelope;
    std::string_view subject;  // ParsedColumns'
    std::optional<std::int64_t> sent;
    int sent_zone = 0;
};
std::string encode_brief(const BriefSource& source);
// None of bytes that encode_brief() did not make, or that end early; what is inside `fields` is not looked at.
std::optional<Brief> decode_brief(std::string_view bytes);

// Whether one of the message's fields of that name holds `needle`, as SearchText::header_contains says of the file: both
// folded (mail/case_fold.hpp), an empty needle asks whether there is such a field. None: the brief does not know.
std::optional<bool> brief_field_contains(const Brief& brief, std::string_view field, std::string_view needle);
// Gives `take` the text of each field of that name, until it answers false. False: the brief does not know them.
bool visit_brief_field(const Brief& brief, std::string_view field, const std::function<bool(std::string_view text)>& take);

std::uint64_t brief_reference(const Brief& brief, std::size_t index);
inline std::size_t brief_reference_count(const Brief& brief) { return brief.references.size() / 8; }

}  // namespace mbx::store
