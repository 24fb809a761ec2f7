#include "config/since.hpp"

#include <algorithm>
#include <chrono>

#include "base/ascii.hpp"
#include "config/units.hpp"

namespace mbx::config {
namespace {

// "10:00:00Z": seconds of the day.
std::optional<std::int64_t> parse_time_of_day(std::string_view text)
{
    if (text.size() != 9 || text[2] != ':' || text[5] != ':' || text[8] != 'Z') return std::nullopt;
    const auto hours = ascii::parse_number(text.substr(0, 2));
    const auto minutes = ascii::parse_number(text.substr(3, 2));
    const auto seconds = ascii::parse_number(text.substr(6, 2));
    if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
    return static_cast<std::int64_t>(*hours * 3600 + *minutes * 60 + *seconds);
}

}  // namespace

std::optional<std::int64_t> parse_since(std::string_view text, WallTime now)
{
    if (const auto span = parse_duration(text)) {
        // In seconds: nanoseconds do not hold the longest span.
        const auto moment = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
        return std::max<std::int64_t>(0, (moment - std::chrono::duration_cast<std::chrono::seconds>(*span)).count());
    }
    if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = ascii::parse_number(text.substr(0, 4));
    const auto month = ascii::parse_number(text.substr(5, 2));
    const auto day = ascii::parse_number(text.substr(8, 2));
    if (!year || !month || !day || *year < 1970 || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t midnight = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400};
    if (text.size() == 10) return midnight;
    const auto time = text[10] == 'T' ? parse_time_of_day(text.substr(11)) : std::nullopt;
    return time ? std::optional(midnight + *time) : std::nullopt;
}

}  // namespace mbx::config
