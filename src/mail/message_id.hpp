// Message identifiers as threading compares them (RFC 5256 section 3, THREAD; RFC 5322 section 3.6.4). Pure, linear. Any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mbx::mail {

// Gives `take` each valid msg-id of a field (folded or not) without brackets, comments, white space, and with the quotes
// gone that say nothing: <"01KF8JCEOCBS0045PS"@xxx.yyy.com> is 01KF8JCEOCBS0045PS@xxx.yyy.com. Valid is what has something
// on both sides of an "@". Ends when `take` answers false.
void visit_message_ids(std::string_view value, const std::function<bool(std::string&&)>& take);

// 64 bits that stand for an identifier; never 0.
std::uint64_t message_id_hash(std::string_view id);

}  // namespace mbx::mail
