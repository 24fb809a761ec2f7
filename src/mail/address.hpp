// Mail addresses of the envelope (RFC 5321 section 4.1.2 with RFC 6531's UTF-8). Strict: what is not in the grammar is
// an error. Header fields have another grammar and another reader: address_list.hpp. Pure. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mbx::mail {

// RFC 5321 section 4.5.3.1, in octets.
inline constexpr std::size_t kMaxLocalPart = 64;  // without the quoting
inline constexpr std::size_t kMaxDomain = 255;
inline constexpr std::size_t kMaxPath = 256;  // as written, with its < >, a source route and quoting

struct Mailbox {
    std::string local_part;   // what it means: without quotes and backslashes; case kept (section 2.4)
    std::string domain;       // ASCII in lower case; a literal as "[192.0.2.1]" or "[IPv6:2001:db8::1]" in its one short
                              // form; empty only for <postmaster>
    bool needs_utf8 = false;  // a byte above 127 in either: only with SMTPUTF8 (else 553 5.6.7)

    bool is_bare_postmaster() const { return domain.empty(); }
    bool operator==(const Mailbox&) const = default;
};

enum class PathError : std::uint8_t {
    syntax,               // 501 5.1.3 (recipient) or 5.1.7 (sender)
    local_part_too_long,  // 501, HOSTILE row C1
    domain_too_long,
    path_too_long,
    bad_utf8,  // bytes that are not UTF-8 (RFC 3629)
};

// none: the null reverse path <> (section 4.5.5).
using ReversePath = std::optional<Mailbox>;

// How many bytes at the front of MAIL FROM:'s or RCPT TO:'s argument are its path, from "<" to the ">" that ends it
// (one inside quotes does not); 0 when the text does not begin with a path. Parameters follow behind a space.
std::size_t measure_path(std::string_view text);

// Exactly one path with its < >. A source route is checked and dropped (appendix C, section 4.1.1.3).
Result<ReversePath, PathError> parse_reverse_path(std::string_view text);
// <postmaster> in any case, without a domain, is a Mailbox with an empty domain; <> is a syntax error.
Result<Mailbox, PathError> parse_forward_path(std::string_view text);
// The same without < >: "user@example.org" as administrators, aliases and AUTH names write it. Domain needed.
Result<Mailbox, PathError> parse_mailbox(std::string_view text);

// local@domain, the local part quoted when it is no dot-string: parse_mailbox() of it gives the same Mailbox.
std::string format_mailbox(const Mailbox& mailbox);
// <local@domain>; <> for none.
std::string format_path(const ReversePath& path);

// Letters, digits and inner hyphens in labels of 1 to 63 octets, dots between, none at the end, at most 255 in all.
// U-labels: any UTF-8 is taken for a letter, and 63 is the limit of their A-labels (which of them IDNA allows is asked
// where names are resolved).
bool is_domain(std::string_view text);
// [192.0.2.1] or [IPv6:…]. General-address-literals are no such: nobody registered one.
bool is_address_literal(std::string_view text);
// In the form that Mailbox holds; none when it is neither a domain nor a literal.
std::optional<std::string> normalise_domain(std::string_view text);

// One clause for people ("its local part is longer than 64 bytes").
std::string_view describe(PathError error);

}  // namespace mbx::mail
