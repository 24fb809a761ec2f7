// How names and passwords are prepared before SCRAM hashes them (RFC 4013, a profile of stringprep, RFC 3454): client and
// server must come to the same bytes. Pure, linear.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::auth {

// The mapping of RFC 4013 section 2.1 (spaces of every kind become U+0020, what is invisible goes) and the prohibitions of
// its section 2.3; ASCII without control characters stays as it is. None for text that is prohibited, empty behind the
// mapping, or no UTF-8.
//
// Not applied: normalisation form KC (section 2.2), which needs Unicode's decomposition tables, and the bidirectional rule
// (section 2.4), which is about display. Text as keyboards make it (composed letters) is in form KC already, so
// clients that normalise and clients that do not come to the same bytes; a password with full-width or decomposed
// characters logs in by SCRAM only from clients that send it as it was set (docs/directory.md).
std::optional<std::string> saslprep(std::string_view text);

}  // namespace mbx::auth
