// Dates of messages (RFC 5322 section 3.3, 4.3) and of IMAP (RFC 9051: date-time, date). The process's locale and time
// zone play no part. Total: out of range is none, never an overflow (HOSTILE row D10). Pure. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::mail {

// A moment, and the offset from UTC at which somebody's clock showed it.
struct DateTime {
    std::int64_t unix_seconds = 0;
    int zone_minutes = 0;  // east of UTC; -99:59 … +99:59
    bool operator==(const DateTime&) const = default;
};

// A day of the proleptic Gregorian calendar; month and day from 1.
struct CivilDate {
    int year = 1970;
    int month = 1;
    int day = 1;
    auto operator<=>(const CivilDate&) const = default;
};

// Days since 1970-01-01, for any year of four digits.
std::int64_t days_since_epoch(CivilDate date);
CivilDate civil_date(std::int64_t days_since_epoch);

// The day that the clock of the date's own zone showed: SENTON, SENTBEFORE, SENTSINCE disregard time and zone (RFC 9051
// section 6.4.4); use it for INTERNALDATE with ON, BEFORE, SINCE alike.
CivilDate local_date(DateTime moment);

// A Date: value, lenient: day name wrong or missing, comments, two- and three-digit years (RFC 5322 section 4.3), named,
// military or missing zones (UTC), a missing time (midnight), "12:00" without seconds, asctime's order. None for what is
// no date: Feb 31, year 0, more than four digits, hour 24. A leap second counts as the second behind.
std::optional<DateTime> parse_date(std::string_view value);
// "Fri, 21 Nov 1997 09:55:06 -0600"; moments outside the years 1 … 9999 are cut to their ends.
std::string format_date(DateTime moment);

// APPEND's and INTERNALDATE's date-time without its quotes: "17-Jul-1996 02:44:25 -0700", a day below 10 as " 7" or
// "07". Strict.
std::optional<DateTime> parse_internal_date(std::string_view text);
std::string format_internal_date(DateTime moment);

// SEARCH's date without quotes: "1-Feb-1994", "01-Feb-1994". Strict.
std::optional<CivilDate> parse_search_date(std::string_view text);
std::string format_search_date(CivilDate date);

}  // namespace mbx::mail
