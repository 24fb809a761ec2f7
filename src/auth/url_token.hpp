// Tokens of URLs that carry an authorization with them, mechanism INTERNAL (RFC 4467 sections 2.4.1 and 2.5). Pure.
#pragma once

#include <string>
#include <string_view>

namespace mbx::auth {

// "01" (which names the way it is made) and HMAC-SHA-256 of the URL without its token, in lower-case hexadecimal.
std::string url_token(std::string_view key, std::string_view rump);
// In any case the same work, whether the key is there (not empty) or not.
bool is_url_token(std::string_view key, std::string_view rump, std::string_view token);

}  // namespace mbx::auth
