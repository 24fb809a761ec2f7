// Address lists of header fields (RFC 5322 section 3.4 with all of its obsolete forms) as ENVELOPE shows them. Takes
// anything: what is broken is read as people expect, and never an address is shown that replying would not use
// (HOSTILE row D12). Pure, one pass, comments counted instead of recursed into. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

// One entry. Groups are flat: a start with the group's name, its mailboxes, an end (RFC 9051 section 7.5.2).
struct HeaderAddress {
    enum class Kind : std::uint8_t { mailbox, group_start, group_end };

    Kind kind = Kind::mailbox;
    std::string name;    // display name without quoting, encoded words still encoded; for want of one the comment behind
                         // the address ("a@b (Ann)"); empty: none
    std::string route;   // obsolete route without its colon, "@a,@b"; empty: none
    std::string local;   // without quoting; of a group_start the group's name
    std::string domain;  // as written without white space and comments; empty: the address had none

    bool operator==(const HeaderAddress&) const = default;
};

inline constexpr std::size_t kMaxAddresses = 10'000;  // entries of one list; what follows is left out

// Reads a raw or unfolded value. Every group_start has its group_end. Rules for what is broken:
//   empty entries are left out; ";" outside a group separates like ","; a missing ">" ends at "," or at the end;
//   words before a bare address ("Ann a@b") are its name; "a@b <c@d>" is c@d with the name "a@b";
//   "a@b@c" is local part a@b at c; a lone word is a local part without a domain.
std::vector<HeaderAddress> parse_address_list(std::string_view value, std::size_t most = kMaxAddresses);

// One line that parse_address_list() reads back to the same entries.
std::string format_address_list(const std::vector<HeaderAddress>& addresses);

}  // namespace mbx::mail
