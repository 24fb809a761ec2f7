// What a part's header says about the part (RFC 2045 sections 5 to 8, RFC 2183; the rest as RFC 9051 section 7.5.2 wants it). Used by the structure
// parser alone.
#pragma once

#include "mail/header.hpp"
#include "mail/mime.hpp"

namespace mbx::mail {

// Fills everything of `part` that comes from its Content-* fields; `in_digest`: the part stands in multipart/digest.
void describe_part(const Header& header, bool in_digest, Part& part);

}  // namespace mbx::mail
