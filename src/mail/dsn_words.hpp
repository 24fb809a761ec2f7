// What a delivery status notification says to people. Pure.
#pragma once

#include <string>

#include "mail/dsn.hpp"

namespace mbx::mail {

// The subject in the language of the request; English where both are wanted.
std::string dsn_subject(const DsnRequest& request);
// The human part: UTF-8, lines of at most 76 characters where words allow it, each ended by CRLF.
std::string dsn_text(const DsnRequest& request);

// What others wrote, on one line: well-formed UTF-8, control bytes as spaces, runs of spaces as one, at most `most` bytes
// with "…" where it was cut.
std::string tame_text(std::string_view text, std::size_t most);

}  // namespace mbx::mail
