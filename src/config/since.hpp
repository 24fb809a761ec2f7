// Moments of the past as a person writes them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace mbx::config {

// "2h" (before now), "2026-11-20" or "2026-11-20T10:00:00Z" as seconds since 1970, UTC; none for anything else.
std::optional<std::int64_t> parse_since(std::string_view text, WallTime now);

}  // namespace mbx::config
