// The collation i;unicode-casemap (RFC 5051): what SORT and THREAD compare texts by (RFC 5256 section 7, RFC 5255 section
// 4.2). Pure, linear. Any thread.
//
// It orders, and decides which subjects are one; what SEARCH finds is another matter (case_fold.hpp, which tells "e" from
// "é" and "е" from "ё").
#pragma once

#include <string>
#include <string_view>

namespace mbx::mail {

// Each character as its title-case form, that decomposed as far as it goes; texts compare by the bytes of this (RFC 5051
// section 2). Bytes that are no UTF-8 stay as they are. At most kMaxCollationGrowth times as long.
std::string collation_key(std::string_view utf8);
inline constexpr std::size_t kMaxCollationGrowth = 12;

}  // namespace mbx::mail
