#include "mail/date.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr int kMaxZone = 99 * 60 + 59;

// From 1; 0: no month.
int month_of(std::string_view name)
{
    const auto found = std::ranges::find_if(kMonths, [&](std::string_view month) { return ascii::same(name, month); });
    return found == kMonths.end() ? 0 : static_cast<int>(found - kMonths.begin()) + 1;
}

bool is_weekday(std::string_view word)
{
    return word.size() >= 3 &&
           std::ranges::any_of(kWeekdays, [&](std::string_view day) { return ascii::starts_with(word, day); });
}

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in_month(int year, int month)
{
    constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

bool is_valid(CivilDate date)
{
    return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 && date.day >= 1 &&
           date.day <= days_in_month(date.year, date.month);
}

struct ClockTime {
    int hour = 0;
    int minute = 0;
    int second = 0;
    bool is_valid() const { return hour < 24 && minute < 60 && second <= 60; }
    std::int64_t seconds() const { return std::int64_t{hour} * 3600 + minute * 60 + second; }
};

// Digits only, few enough for an int; -1 otherwise.
int small_number(std::string_view digits)
{
    const auto number = ascii::parse_number(digits);
    return number && *number <= 1'000'000 ? static_cast<int>(*number) : -1;
}

DateTime moment_of(CivilDate date, ClockTime time, int zone_minutes)
{
    return {days_since_epoch(date) * kSecondsPerDay + time.seconds() - std::int64_t{zone_minutes} * 60, zone_minutes};
}

// RFC 5322 section 4.3: named zones of North America; the military ones were specified the wrong way round, so they and
// all that is unknown count as -0000.
int named_zone(std::string_view name)
{
    struct Zone {
        std::string_view name;
        int hours;
    };
    constexpr std::array<Zone, 8> kZones{
        {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6}, {"MDT", -6}, {"MST", -7}, {"PDT", -7}, {"PST", -8}}};
    const auto found = std::ranges::find_if(kZones, [&](const Zone& zone) { return ascii::same(zone.name, name); });
    return found == kZones.end() ? 0 : found->hours * 60;
}

// "+hhmm", "+hh:mm", "+hh"; none when it is no offset.
std::optional<int> numeric_zone(std::string_view text)
{
    if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    std::string digits(text.substr(1));
    if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
    if (digits.size() == 2) digits += "00";
    const int number = digits.size() == 4 ? small_number(digits) : -1;
    if (number < 0 || number % 100 > 59) return std::nullopt;
    const int minutes = number / 100 * 60 + number % 100;
    return text[0] == '-' ? -minutes : minutes;
}

// Collects what a Date: value tells, token by token, in whatever order.
class DateReader {
public:
    explicit DateReader(std::string_view text) : text_(text) {}

    std::optional<DateTime> read()
    {
        while (at_ < text_.size() && !is_bad_) read_token();
        if (is_bad_ || !is_valid(date_) || !time_.is_valid()) return std::nullopt;
        return moment_of(date_, time_, zone_);
    }

private:
    static bool is_token(char c) { return ascii::is_alnum(c) || c == ':' || c == '.' || ascii::is_eight_bit(c); }

    void read_token()
    {
        const char c = text_[at_];
        if (c == '(') {
            skip_comment();
        } else if (c == '+' || c == '-') {
            // "21-Nov-97" has its hyphens before the time and glued to the word before them.
            const bool is_hyphen = !has_time_ && at_ > 0 && ascii::is_alnum(text_[at_ - 1]);
            const std::size_t begin = at_++;
            if (is_hyphen) return;
            skip_token();
            if (const auto zone = numeric_zone(text_.substr(begin, at_ - begin))) zone_ = *zone;
        } else if (is_token(c)) {
            const std::size_t begin = at_;
            skip_token();
            take(text_.substr(begin, at_ - begin));
        } else {
            ++at_;
        }
    }

    void skip_token()
    {
        while (at_ < text_.size() && is_token(text_[at_])) ++at_;
    }

    void skip_comment()
    {
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '\\' && at_ < text_.size()) ++at_;
            else if (c == '(') ++depth;
            else if (c == ')' && --depth == 0) return;
        }
    }

    void take(std::string_view token)
    {
        if (!ascii::is_digit(token.front())) take_word(token);
        else if (token.find_first_of(":.") != std::string_view::npos && !has_time_) take_time(token);
        else take_number(token);
    }

    void take_word(std::string_view word)
    {
        const int month = date_.month == 0 && word.size() >= 3 ? month_of(word.substr(0, 3)) : 0;
        if (month != 0) date_.month = month;
        else if (has_time_ && !is_weekday(word)) zone_ = named_zone(word);
    }

    void take_time(std::string_view token)
    {
        const char separator = token.find(':') == std::string_view::npos ? '.' : ':';
        std::array<int, 3> parts{0, 0, 0};
        for (std::size_t i = 0; i < parts.size() && !token.empty(); ++i) {
            const std::size_t end = std::min(token.find(separator), token.size());
            std::string_view digits = token.substr(0, end);
            if (i == 2) digits = digits.substr(0, digits.find('.'));
            parts[i] = digits.size() > 2 ? -1 : small_number(digits);
            if (parts[i] < 0) is_bad_ = true;
            token.remove_prefix(std::min(end + 1, token.size()));
        }
        time_ = {parts[0], parts[1], parts[2]};
        has_time_ = true;
    }

    void take_number(std::string_view digits)
    {
        if (date_.day == 0 && digits.size() <= 2) {
            date_.day = small_number(digits);
        } else if (!has_year_) {
            date_.year = digits.size() <= 4 ? small_number(digits) : -1;
            // RFC 5322 section 4.3: two digits are 2000-2049 or 1950-1999, three are added to 1900.
            if (digits.size() <= 2) date_.year += date_.year < 50 ? 2000 : 1900;
            if (digits.size() == 3) date_.year += 1900;
            has_year_ = true;
            if (small_number(digits) < 0 || digits.size() > 4) is_bad_ = true;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    CivilDate date_{0, 0, 0};
    ClockTime time_;
    int zone_ = 0;
    bool has_time_ = false;
    bool has_year_ = false;
    bool is_bad_ = false;
};

// A moment as the clock of its zone shows it, cut to what four digits of a year can say.
struct Shown {
    CivilDate date;
    ClockTime time;
    int weekday;
    int zone;
};

Shown show(DateTime moment)
{
    const std::int64_t first = days_since_epoch({1, 1, 1}) * kSecondsPerDay;
    const std::int64_t last = days_since_epoch({9999, 12, 31}) * kSecondsPerDay + kSecondsPerDay - 1;
    const int zone = std::clamp(moment.zone_minutes, -kMaxZone, kMaxZone);
    const std::int64_t utc = std::clamp(moment.unix_seconds, first, last);
    const std::int64_t local = std::clamp(utc + std::int64_t{zone} * 60, first, last);
    std::int64_t days = local / kSecondsPerDay;
    std::int64_t seconds = local % kSecondsPerDay;
    if (seconds < 0) {
        seconds += kSecondsPerDay;
        --days;
    }
    const int in_day = static_cast<int>(seconds);
    const int weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
    return {civil_date(days), {in_day / 3600, in_day / 60 % 60, in_day % 60}, weekday, zone};
}

std::string two_digits(int number)
{
    return {static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
}

std::string four_digits(int number) { return two_digits(number / 100) + two_digits(number); }

std::string clock_and_zone(const Shown& shown)
{
    const int zone = std::abs(shown.zone);
    return two_digits(shown.time.hour) + ':' + two_digits(shown.time.minute) + ':' + two_digits(shown.time.second) +
           (shown.zone < 0 ? " -" : " +") + two_digits(zone / 60) + two_digits(zone % 60);
}

std::string month_name(int month) { return std::string(kMonths[static_cast<std::size_t>(month - 1)]); }

// "dd-Mon-yyyy" with a day of one or two digits.
std::optional<CivilDate> parse_dashed(std::string_view text)
{
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos || dash > 2 || text.size() != dash + 9 || text[dash + 4] != '-')
        return std::nullopt;
    const CivilDate date{small_number(text.substr(dash + 5)), month_of(text.substr(dash + 1, 3)),
                         small_number(text.substr(0, dash))};
    if (!is_valid(date)) return std::nullopt;
    return date;
}

}  // namespace

// Counts in eras of 400 years that begin in March, so that a leap day is a year's last.
std::int64_t days_since_epoch(CivilDate date)
{
    const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t month = (date.month + 9) % 12;
    const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

CivilDate civil_date(std::int64_t days_since_epoch)
{
    const std::int64_t days = days_since_epoch + 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const std::int64_t day_of_era = days - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;
    const int civil_month = static_cast<int>(month < 10 ? month + 3 : month - 9);
    const int year = static_cast<int>(year_of_era + era * 400) + (civil_month <= 2 ? 1 : 0);
    return {year, civil_month, static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1)};
}

CivilDate local_date(DateTime moment) { return show(moment).date; }

std::optional<DateTime> parse_date(std::string_view value) { return DateReader(value).read(); }

std::string format_date(DateTime moment)
{
    const Shown shown = show(moment);
    return std::string(kWeekdays[static_cast<std::size_t>(shown.weekday)]) + ", " + std::to_string(shown.date.day) +
           ' ' + month_name(shown.date.month) + ' ' + four_digits(shown.date.year) + ' ' + clock_and_zone(shown);
}

std::optional<DateTime> parse_internal_date(std::string_view text)
{
    // date-day-fixed "-" date-month "-" date-year SP time SP zone
    if (text.size() != 26 || text[11] != ' ' || text[14] != ':' || text[17] != ':' || text[20] != ' ')
        return std::nullopt;
    const auto date = parse_dashed(text.front() == ' ' ? text.substr(1, 10) : text.substr(0, 11));
    const auto zone = numeric_zone(text.substr(21));
    const ClockTime time{small_number(text.substr(12, 2)), small_number(text.substr(15, 2)),
                         small_number(text.substr(18, 2))};
    const bool has_time = time.hour >= 0 && time.minute >= 0 && time.second >= 0 && time.is_valid();
    if (!date || !zone || !has_time) return std::nullopt;
    return moment_of(*date, time, *zone);
}

std::string format_internal_date(DateTime moment)
{
    // Told of every message of a long list: written in place, not put together of small strings.
    const Shown shown = show(moment);
    const int zone = std::abs(shown.zone);
    std::string text = "dd-Mon-yyyy hh:mm:ss +hhmm";
    const auto digits = [&text](std::size_t at, int number) {
        text[at] = static_cast<char>('0' + number / 10 % 10);
        text[at + 1] = static_cast<char>('0' + number % 10);
    };
    digits(0, shown.date.day);
    if (shown.date.day < 10) text[0] = ' ';
    const std::string_view month = kMonths[static_cast<std::size_t>(shown.date.month - 1)];
    std::ranges::copy(month, text.begin() + 3);
    digits(7, shown.date.year / 100);
    digits(9, shown.date.year);
    digits(12, shown.time.hour);
    digits(15, shown.time.minute);
    digits(18, shown.time.second);
    if (shown.zone < 0) text[21] = '-';
    digits(22, zone / 60);
    digits(24, zone % 60);
    return text;
}

std::optional<CivilDate> parse_search_date(std::string_view text) { return parse_dashed(text); }

std::string format_search_date(CivilDate date)
{
    const int month = std::clamp(date.month, 1, 12);
    return std::to_string(date.day) + '-' + month_name(month) + '-' + four_digits(date.year);
}

}  // namespace mbx::mail
