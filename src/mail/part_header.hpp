// What a part's header says about the part (RFC 2045 sections 5 to 8, RFC 2183, RFC 3282, RFC 2557). Used by the structure
// parser alone.
#pragma once

#include "mail/header.hpp"
#include "mail/mime.hpp"

namespace mbx::mail {

// Fills everything of `part` that comes from its Content-* fields; `in_digest`: the part stands in multipart/digest.
void describe_part(const Header& header, bool in_digest, Part& part);

}  // namespace mbx::mail
