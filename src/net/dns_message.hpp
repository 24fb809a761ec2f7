// What of a whole DNS answer is asked beside its records (RFC 1035 section 4.1). Pure, total for any bytes (HOSTILE row H4).
#pragma once

#include <string_view>

namespace mbx::net {

// RFC 2308 section 2.2: an answer without records that names other servers, and shows no SOA, refers to them. It does not say
// that there is nothing. Of one that was validated only the proof is left that those servers' zone is not signed (NSEC, NSEC3).
bool is_referral(std::string_view message);

}  // namespace mbx::net
