// Normalization form KC of Unicode 3.2 (UAX #15), which stringprep wants (RFC 3454 section 4). Pure; the time grows with the
// length, but for the sorting of long rows of marks. What Unicode 3.2 does not know stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace mbx::auth {

std::u32string nfkc(std::u32string_view text);

}  // namespace mbx::auth
