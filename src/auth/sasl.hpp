// SASL messages, pure: PLAIN (RFC 4616) and LOGIN. Bytes in, credentials or a refusal out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mbx::auth {

struct PlainCredentials {
    std::string authorization_id;  // empty, or equal to the authentication id after case folding: nothing else is granted
    std::string login;
    std::string password;
};

enum class SaslError : std::uint8_t {
    malformed,      // 501 / BAD: not base64, not the mechanism's grammar, over its bounds (HOSTILE row C10)
    not_authorized  // an authorization id of somebody else
};

constexpr std::size_t kMaxSaslResponse = 12'288;  // RFC 4954 section 4

// `response` is what the client sent in base64 ("=" stands for an empty one, RFC 4954 section 4).
Result<PlainCredentials, SaslError> parse_plain(std::string_view response);
// One step of LOGIN: the user name or the password, base64.
Result<std::string, SaslError> parse_login_step(std::string_view response);

}  // namespace mbx::auth
