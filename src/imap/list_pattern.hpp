// LIST's wildcards (RFC 9051 section 6.3.9.2): `*` anything, `%` anything but the separator. Pure. The time is bounded by
// pattern times name: states of all pattern positions walk over the name at once, nothing backtracks (HOSTILE row E14).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mbx::imap {

constexpr std::size_t kMaxPattern = 1024;  // bytes; a longer one matches nothing
constexpr char kSeparator = '/';

class ListPattern {
public:
    explicit ListPattern(std::string_view pattern);
    // INBOX, and the INBOX above another mailbox, match in any case.
    bool matches(std::string_view name) const;

private:
    std::string pattern_;
    bool too_long_ = false;
};

}  // namespace mbx::imap
