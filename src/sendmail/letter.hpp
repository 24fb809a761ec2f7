// An envelope on its way from a program of this machine to the daemon. Addresses may be bare names ("root"), which get the
// daemon's host name when they are handed to it. Pure. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address.hpp"

namespace mbx::sendmail {

inline constexpr std::size_t kMostRecipients = 10'000;

struct Address {
    std::string local;
    std::string domain;  // empty: a name of this machine
    bool is_guessed = false;  // `local` is words that are no address as they stand: nobody gets mail by that
    bool operator==(const Address&) const = default;
};

struct Letter {
    std::optional<Address> sender;     // none: the null reverse-path
    std::vector<Address> recipients;
    std::string notify;                // "NEVER", or of SUCCESS, FAILURE, DELAY with commas between; empty: not given
    std::string ret;                   // "FULL", "HDRS" or empty
    std::string envelope_id;           // ENVID without its xtext
    bool operator==(const Letter&) const = default;
};

// "local@domain", or the bare name, for people.
std::string shown(const Address& address);
// With `host` where there is no domain; none: RFC 5321 knows no such mailbox.
std::optional<mail::Mailbox> qualified(const Address& address, std::string_view host);

// What a header field or an argument names: the mailboxes of an address list, those of groups too. Of an element that is no
// address as it stands, its text as a guessed one.
std::vector<Address> addresses_in(std::string_view list);

// RFC 3461 section 4.1, as -N of sendmail takes it, in any case: "never", "failure,delay". None: it is no such list.
std::optional<std::string> parse_notify(std::string_view text);
// "full" or "hdrs" in any case, in upper case; none for others.
std::optional<std::string> parse_ret(std::string_view text);
bool is_envelope_id(std::string_view text);

// MAIL and RCPT with their line ends. None: the sender is no mailbox (of mail_command), or the recipient.
std::optional<std::string> mail_command(const Letter& letter, std::string_view host, std::uint64_t size);
std::optional<std::string> rcpt_command(const Letter& letter, const Address& recipient, std::string_view host);

}  // namespace mbx::sendmail
