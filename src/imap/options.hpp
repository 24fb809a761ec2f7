// What an administrator may set about the IMAP service, with the defaults and the bounds of every input.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "net/address.hpp"
#include "store/annotation.hpp"

namespace mbx::imap {

// RFC 7888: LITERAL+ takes non-synchronizing literals of any allowed size, LITERAL- only up to 4,096 bytes.
enum class LiteralMode : std::uint8_t { plus, minus };

enum class Compression : std::uint8_t { deflate, off };  // RFC 4978

struct Options {
    std::string hostname = "localhost";
    LiteralMode literal_mode = LiteralMode::plus;
    store::AnnotationLimits annotations;           // RFC 5464
    Compression compression = Compression::deflate;
    std::uint64_t max_append = 64U * 1024 * 1024;  // bytes of one message (RFC 7889)
    // Where LOGIN and AUTHENTICATE are allowed without TLS; everywhere else LOGINDISABLED stands (HOSTILE row B3).
    std::vector<net::IpNetwork> plaintext_login_networks;
    // Addresses of accounts that may redeem URLs for submission (RFC 4467 section 3, "submit+").
    std::vector<std::string> submit_users;
    std::size_t max_sessions_per_account = 100;
    std::size_t max_watched_mailboxes = 2000;      // by NOTIFY, of one session (RFC 5465 section 5.8)
    std::size_t kept_keys_bytes = 64U << 20U;      // what SORT and THREAD compare, kept between commands, of all mailboxes
    std::uint64_t warn_percent = 90;  // of the quota, from when on SELECT says that the mailbox is nearly full; 0: never

    std::chrono::milliseconds handshake_timeout{30'000};
    std::chrono::milliseconds login_timeout{60'000};                // absolute, from the greeting to the log-in (row E16)
    std::chrono::milliseconds inactivity_timeout{31 * 60 * 1000};   // RFC 9051 section 5.4: at least 30 minutes
    std::chrono::milliseconds literal_timeout{5 * 60 * 1000};       // silence inside a literal
    std::chrono::milliseconds write_timeout{5 * 60 * 1000};         // a client that does not read (row E5)
    std::chrono::milliseconds idle_keepalive{4 * 60 * 1000};        // "* OK" during IDLE, for address translators

    std::size_t max_line_before_login = 8 * 1024;       // of a command without its literals
    std::size_t max_line = 64 * 1024;
    std::size_t max_literal_before_login = 4096;        // of one literal (row E1)
    std::size_t max_literals_before_login = 64 * 1024;  // of all literals of one command
    std::size_t max_literals = 1024 * 1024;             // the same after log-in, APPEND's message apart
    std::size_t max_literal_count = 1000;               // literals of one command
    unsigned max_bad_before_login = 10;
    unsigned max_bad = 50;
};

}  // namespace mbx::imap
