// SASL mechanisms by name, and the messages of PLAIN (RFC 4616) and LOGIN. Pure: bytes in, credentials or a refusal out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mbx::auth {

enum class SaslMechanism : std::uint8_t { scram_sha_256_plus, scram_sha_256, plain, login, oauthbearer, xoauth2 };

std::string_view name_of(SaslMechanism mechanism);
// In any case; none for what we do not know.
std::optional<SaslMechanism> find_mechanism(std::string_view name);

struct PlainCredentials {
    std::string authorization_id;  // empty, or equal to the authentication id after case folding: nothing else is granted
    std::string login;
    std::string password;
};

enum class SaslError : std::uint8_t {
    malformed,        // 501 / BAD: not base64, not the mechanism's grammar, over its bounds (HOSTILE row C10)
    not_authorized,   // an authorization id of somebody else
    cancelled,        // the client said "*"
    channel_binding,  // SCRAM: the client's view of the channel is not ours, somebody may be in between
    not_offered,      // no such mechanism here and now
};

constexpr std::size_t kMaxSaslResponse = 12'288;  // RFC 4954 section 4

// The bytes of a response in base64 ("=" stands for an empty one, RFC 4954 section 4); none when it is not, or too long.
std::optional<std::string> decode_sasl_response(std::string_view response);

// `response` is what the client sent in base64 ("=" stands for an empty one, RFC 4954 section 4).
Result<PlainCredentials, SaslError> parse_plain(std::string_view response);
// One step of LOGIN: the user name or the password, base64.
Result<std::string, SaslError> parse_login_step(std::string_view response);

}  // namespace mbx::auth
