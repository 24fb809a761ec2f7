// The sender rewriting scheme: what is forwarded to another server must not claim to come from its first sender, whom that
// server would check by SPF; so its reverse-path becomes an address of ours that says where bounces really go, signed, for
// some weeks (SRS0, and SRS1 for a sender that is one already, as other forwarders write and read them). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "mail/address.hpp"

namespace mbx::policy {

class Srs {
public:
    // `secret`: 32 random bytes that live as long as the server.
    explicit Srs(std::string secret) : secret_(std::move(secret)) {}

    // The reverse-path under which mail from `sender` is forwarded by `domain`, one of ours.
    mail::Mailbox forward(const mail::Mailbox& sender, std::string_view domain, WallTime now) const;
    // Where mail to such an address of ours goes; none when it is no such address, is not signed by us, or is too old.
    std::optional<mail::Mailbox> reverse(const mail::Mailbox& address, WallTime now) const;
    static bool looks_like(std::string_view local_part);  // SRS0= or SRS1=, in any case
    // The reverse-path under which an account of ours sends mail on: bounces to it are for that account, and the sender, who
    // does not know where it forwards, hears of nothing (RFC 3461 section 5.2.7.4). 0: for the administrators.
    mail::Mailbox forwarder(std::int64_t account, std::string_view domain, WallTime now) const;
    // Whose such an address is; none as with reverse().
    std::optional<std::int64_t> forwarder_of(const mail::Mailbox& address, WallTime now) const;
    static bool is_forwarder(std::string_view local_part);  // FWD0=, in any case
    // By which mail that the account forwarded is known again, should it come back: 16 letters that nobody else can make,
    // and that say nothing about whose they are.
    std::string forward_mark(std::int64_t account) const;

private:
    static constexpr std::size_t kHashLetters = 8;  // 40 bits: guessed once in 10^12
    std::string sign(std::string_view text, std::size_t letters_wanted = kHashLetters) const;
    bool is_signed(std::string_view hash, std::string_view text) const;
    std::string secret_;
};

}  // namespace mbx::policy
