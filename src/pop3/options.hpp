// What an administrator may set about the POP3 service, with the defaults and the bounds of every input.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "net/address.hpp"

namespace mbx::pop3 {

struct Options {
    std::string hostname = "localhost";
    // Where USER and AUTH are allowed without TLS (HOSTILE row B3).
    std::vector<net::IpNetwork> plaintext_login_networks;
    bool marks_seen = true;  // a message that was retrieved whole gets \Seen, when the session ends

    std::chrono::milliseconds handshake_timeout{30'000};
    std::chrono::milliseconds login_timeout{60'000};               // absolute, from the greeting to the log-in
    std::chrono::milliseconds inactivity_timeout{10 * 60 * 1000};  // RFC 1939 section 3: at least 10 minutes
    std::chrono::milliseconds write_timeout{5 * 60 * 1000};        // a client that does not read (HOSTILE row E5)

    // RFC 2449 section 4: a command has at most 255 octets with its CRLF. A client that does not count the CRLF is
    // served too.
    std::size_t max_line = 255;
    unsigned max_bad_before_login = 10;
    unsigned max_bad = 50;  // in a row
};

}  // namespace mbx::pop3
