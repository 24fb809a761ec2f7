// IMAP command parser (RFC 9051 section 9, RFC 3501, and the extensions that docs/imap.md lists): one whole command in,
// one value out. Pure, linear, bounded: search programs nest at most kMaxSearchDepth deep (HOSTILE row E3).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "imap/command.hpp"

namespace mbx::imap {

constexpr unsigned kMaxSearchDepth = 100;
constexpr std::size_t kMaxKeyword = 100;      // bytes of one keyword (HOSTILE row E15)
constexpr std::size_t kMaxIdFields = 30;      // RFC 2971 section 3.3, as are the next two
constexpr std::size_t kMaxIdName = 30;
constexpr std::size_t kMaxIdValue = 1024;
constexpr std::size_t kMaxListPatterns = 100;
constexpr std::size_t kMaxFetchItems = 1000;
constexpr std::size_t kMaxSearchKeys = 5000;
constexpr std::size_t kMaxUrlsAtOnce = 100;   // of GENURLAUTH and URLFETCH
constexpr std::size_t kMaxComparators = 100;
constexpr std::size_t kMaxCatenatedUrls = 1000;  // between two texts

struct ParseFailure {
    std::string tag;     // "*" where none could be read
    std::string reason;  // for the BAD answer
};

// `text`: the command's line without its last CRLF; each literal stands behind its "{n}" CRLF. The message of APPEND is
// the exception: the text ends with its announcement. `utf8`: IMAP4rev2 is enabled.
Result<Command, ParseFailure> parse_command(std::string_view text, bool utf8);

// What stands behind a message of APPEND when another one follows (RFC 3502 section 6.3.11): " (\Seen) {310}".
Result<AppendedMessage, std::string> parse_next_message(std::string_view line, bool utf8);
// What stands behind a text of CATENATE (RFC 4469): " URL "/a;UID=1" TEXT {42}" or ")" and the rest.
Result<AppendedMessage, std::string> parse_next_parts(std::string_view line, bool utf8);

}  // namespace mbx::imap
