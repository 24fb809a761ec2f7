#include "imap/list_pattern.hpp"

#include "base/ascii.hpp"

namespace mbx::imap {

ListPattern::ListPattern(std::string_view pattern)
{
    // Neighbouring wildcards are one: `*` if any of them is.
    for (const char c : pattern) {
        const bool wild = c == '*' || c == '%';
        if (wild && !pattern_.empty() && (pattern_.back() == '*' || pattern_.back() == '%')) {
            if (c == '*') pattern_.back() = '*';
        } else {
            pattern_ += c;
        }
    }
    too_long_ = pattern_.size() > kMaxPattern;
}

bool ListPattern::matches(std::string_view name) const
{
    if (too_long_) return false;
    const bool inbox = ascii::starts_with(name, "INBOX") && (name.size() == 5 || name[5] == kSeparator);
    const auto size = pattern_.size();
    // states[i]: the first i pattern characters can match what was read of the name.
    std::vector<char> states(size + 1, 0);
    const auto skip_wildcards = [&] {
        for (std::size_t i = 0; i < size; ++i) {
            if (states[i] != 0 && (pattern_[i] == '*' || pattern_[i] == '%')) states[i + 1] = 1;
        }
    };
    states[0] = 1;
    skip_wildcards();
    for (std::size_t at = 0; at < name.size(); ++at) {
        bool alive = false;
        for (std::size_t i = size + 1; i-- > 0;) {
            const bool stays = states[i] != 0 && i < size &&
                               (pattern_[i] == '*' || (pattern_[i] == '%' && name[at] != kSeparator));
            bool steps = false;
            if (i > 0 && states[i - 1] != 0 && pattern_[i - 1] != '*' && pattern_[i - 1] != '%') {
                const char wanted = pattern_[i - 1];
                steps = inbox && at < 5 ? ascii::lower(wanted) == ascii::lower(name[at]) : wanted == name[at];
            }
            states[i] = stays || steps ? 1 : 0;
            alive = alive || states[i] != 0;
        }
        if (!alive) return false;
        skip_wildcards();
    }
    return states[size] != 0;
}

}  // namespace mbx::imap
