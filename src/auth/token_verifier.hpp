// Where the tokens of OAUTHBEARER and XOAUTH2 are checked: a seam. mailboxd has no verifier of its own, so neither
// mechanism is offered until one is given to the Authenticator. Loop thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "co/task.hpp"
#include "net/address.hpp"

namespace mbx::auth {

enum class TokenRefusal : std::uint8_t { invalid, unavailable };

class TokenVerifier {
public:
    virtual ~TokenVerifier() = default;

    // The log-in name (an address) that the token stands for. It may take its time, but not for ever: a bound is its own
    // business.
    virtual co::Task<Result<std::string, TokenRefusal>> verify(std::string token, net::PeerInfo peer) = 0;
    // What a refused client is told (RFC 7628 section 3.2.2): the scope that it should ask for, and the URL of the
    // provider's configuration; printable ASCII; empty: left out.
    virtual std::string scope() const { return {}; }
    virtual std::string configuration_url() const { return {}; }
};

}  // namespace mbx::auth
