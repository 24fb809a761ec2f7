// What a list of messages shows beside sender and subject. Pure, bounded work whatever the message's size. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mail/mime.hpp"

namespace mbx::mail {

inline constexpr std::size_t kPreviewCharacters = 200;

// The beginning of the text that a person would read first, on one line of UTF-8 without control characters: of the
// first part of text/plain that is no attachment and not blank, for want of one of text/html. `structure` must be
// parse_structure(message).
std::string preview(std::string_view message, const Structure& structure,
                    std::size_t characters = kPreviewCharacters);

// Whether a person would say that something is attached: a part with Content-Disposition attachment or a file name, or
// of a type that is no text; but no signature, no report of a mail system, and no picture that belongs to the text
// (inside multipart/related with a Content-ID).
bool has_attachment(const Structure& structure);

}  // namespace mbx::mail
