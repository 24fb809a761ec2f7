// The request target (RFC 9112 section 3.2) taken apart and judged. Pure.
//
// Strict on purpose (HOSTILE row K3): a path is parted at its slashes, then each segment is decoded once, and whatever
// could mean two things to two readers is refused instead of normalised: "." and ".." segments in any spelling, empty
// segments, backslashes as they are, control bytes, NUL, bytes that are not UTF-8, broken percent signs. An encoded slash
// or backslash is a byte of its segment, as addresses have them: it parts nothing, and who takes a parameter of a route
// makes no path of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace mbx::http {

enum class TargetError : std::uint8_t {
    malformed,    // not a target, or broken percent-encoding
    unsafe_path,  // a path that tries to mean more than it says
};

struct Target {
    std::vector<std::string> segments;  // decoded; "/" has none
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::string authority;  // of an absolute-form target, else empty

    // The first value of that name, or null.
    const std::string* query_value(std::string_view name) const;
    // "/a/b", each segment as encode_segment() writes it: for logs.
    std::string path() const;
};

// Origin-form ("/path?query") and absolute-form ("http://host/path"), nothing else.
Result<Target, TargetError> parse_target(std::string_view text);

// %XX only as two hexadecimal digits; none for anything else.
std::optional<std::string> decode_percent(std::string_view text);
// What a client writes for one path segment: all but RFC 3986's unreserved characters, "@" and ":" is escaped.
std::string encode_segment(std::string_view text);

// A Host field or authority: its host part in lower case without the port; none where it is no host (RFC 9110
// section 7.2). IPv6 literals keep their brackets.
std::optional<std::string> parse_host(std::string_view text);

}  // namespace mbx::http
