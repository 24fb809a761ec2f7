// The client's message of OAUTHBEARER (RFC 7628 section 3.1) and of XOAUTH2, its forerunner. Pure, linear.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::auth {

struct BearerMessage {
    std::string login;  // whom the client wants to be; OAUTHBEARER may leave it to the token: empty
    std::string token;  // without the scheme "Bearer"
};

// n,a=user@example.com,^Ahost=…^Aport=…^Aauth=Bearer …^A^A
std::optional<BearerMessage> parse_oauthbearer(std::string_view message);
// user=user@example.com^Aauth=Bearer …^A^A
std::optional<BearerMessage> parse_xoauth2(std::string_view message);

// RFC 5801 section 4: "=2C" is a comma, "=3D" an equals sign; none when another "=" or a comma stands in it.
std::optional<std::string> decode_saslname(std::string_view text);
std::string encode_saslname(std::string_view text);

}  // namespace mbx::auth
