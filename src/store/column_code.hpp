// The compact form in which index.db keeps structures, so that sections are found without parsing the file. Pure.
//
// encode then decode gives a value of which mail::imap_body, imap_bodystructure, resolve_section, charset()
// and file_name() say the same. Decoders are total: of foreign bytes they give none or a sound value (ranges inside the
// message, links inside the tree) in time and memory linear in their size. Numbers are LEB128, texts a length and bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "mail/envelope.hpp"
#include "mail/mime.hpp"

namespace mbx::store {

// What is longer is not kept but parsed anew each time: a message of ten thousand parts is rare and its own fault.
inline constexpr std::size_t kMaxEncoded = 64 * 1024;

// Without the message's own envelope, whose text has a column of its own: a decoded structure's envelope() is empty.
std::string encode_structure(const mail::Structure& structure);
std::optional<mail::Structure> decode_structure(std::string_view bytes);

}  // namespace mbx::store
