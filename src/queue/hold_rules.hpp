// Standing holds: what an administrator wants held whatever comes, until it is released. They stand in queue/holds, replaced as
// a whole. Pure; reading is total for any bytes and linear.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/selection.hpp"

namespace mbx::queue {

inline constexpr std::size_t kMostHoldRules = 1'000;

struct HoldRule {
    Selection which;         // without ids
    std::int64_t since = 0;  // milliseconds since 1970; of no other rule, so that entries name it by this (Told::rules)
    std::string by;
    // Released: it holds nothing any more, and stays until what it held has its turn again.
    bool is_ending = false;
    // The trace may not have been told yet of all that it holds.
    bool is_beginning = false;
    // It was, by a version whose entries do not say so: that is noted in them while it begins, and nothing is told.
    bool is_told_before = false;

    bool holds(std::string_view reverse_path, std::string_view recipient) const
    {
        return !is_ending && which.means_sender(reverse_path) && which.means_recipient(recipient);
    }
};

std::string format_hold_rules(const std::vector<HoldRule>& rules);
// None: it is damaged, or of a newer version.
std::optional<std::vector<HoldRule>> parse_hold_rules(std::string_view bytes);

}  // namespace mbx::queue
