// What tests of log-ins begin with: somebody who connects, and hashes that cost next to nothing.
#pragma once

#include <chrono>
#include <string_view>

#include "auth/authenticator.hpp"
#include "net/address.hpp"

namespace mbx::auth {

inline net::PeerInfo peer(std::string_view address = "192.0.2.1")
{
    net::PeerInfo info;
    info.remote.address = *net::IpAddress::parse(address);
    info.remote.port = 40'000;
    return info;
}

inline AuthenticatorOptions cheap()
{
    AuthenticatorOptions options;
    options.argon2_memory = 64UL * 1024;
    options.argon2_passes = 1;
    options.scram_iterations = kLeastScramIterations;
    options.max_delay = std::chrono::milliseconds(16);
    return options;
}

}  // namespace mbx::auth
