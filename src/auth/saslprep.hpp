// How names and passwords are prepared before SCRAM hashes them (RFC 4013, a profile of stringprep, RFC 3454): client and
// server must come to the same bytes. Pure, linear.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mbx::auth {

// Its mapping (section 2.1: spaces of every kind become U+0020, what is invisible goes), normalization form KC (2.2) and
// prohibitions (2.3). None for text that is prohibited, empty behind the mapping, or no UTF-8.
//
// Not applied: the bidirectional rule (2.4), which is about display and would only lock people out; what Unicode 3.2 does not
// know is taken as it is, as section 2.5 has it of queries.
std::optional<std::string> saslprep(std::string_view text);

// What is hashed of a password: prepared, or where that is not to be had the bytes themselves, with which PLAIN alone logs in.
std::string prepared_password(std::string_view password);

}  // namespace mbx::auth
