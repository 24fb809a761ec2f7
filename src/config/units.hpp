// Sizes and durations as a person writes them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace mbx::config {

// "0B", "64MiB", "1500kB": a whole number and B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024).
// None for anything else and for what 64 bits do not hold (HOSTILE row J10).
std::optional<Bytes> parse_size(std::string_view text);
// In the largest unit of 1024 that divides it.
std::string format_size(Bytes size);

// "250ms", "30s", "5m", "24h", "30d", "2w". None for anything else and for more than about a million years.
std::optional<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);

// Whether `text` is "192.0.2.1:25" or "[2001:db8::1]:25" (port 0: the kernel chooses).
bool is_endpoint(std::string_view text);
// Whether `text` is "192.0.2.0/24", "2001:db8::/32" or a single address; a scope id is not allowed.
bool is_network(std::string_view text);
// The same, of this machine alone: 127.0.0.0/8 or ::1.
bool is_loopback_endpoint(std::string_view text);
bool is_loopback_network(std::string_view text);
// Letters, digits and hyphens in labels of at most 63, 253 in all; a single label too.
bool is_host_name(std::string_view text);

}  // namespace mbx::config
