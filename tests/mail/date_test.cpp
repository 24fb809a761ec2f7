#include "mail/date.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

using namespace mbx::mail;

TEST_CASE("dates of RFC 5322, obsolete and careless ones are read", "[mail][date]")
{
    struct Row {
        std::string_view text;
        std::int64_t seconds;
        int zone;
    };
    const auto row = GENERATE(
        Row{"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360}, Row{"21 Nov 1997 09:55:06 -0600", 880127706, -360},
        Row{" Fri , 21 \r\n Nov(month) 1997 09:55:06(x(y)) -0600 (CST)", 880127706, -360},
        Row{"Fri, 21 Nov 97 09:55:06 CST", 880127706, -360}, Row{"21 Nov 97 15:55:06 GMT", 880127706, 0},
        Row{"21 Nov 97 15:55:06 UT", 880127706, 0}, Row{"21 Nov 97 15:55:06 Z", 880127706, 0},
        Row{"21 Nov 97 15:55:06 A", 880127706, 0}, Row{"21 Nov 97 15:55:06", 880127706, 0},
        Row{"21-Nov-97 15:55:06 GMT", 880127706, 0}, Row{"Fri Nov 21 15:55:06 1997", 880127706, 0},
        Row{"Fri Nov 21 09:55:06 CST 1997", 880127706, -360}, Row{"Friday, 21 November 1997 15:55:06", 880127706, 0},
        Row{"Fri, 21 Nov 1997 09:55:06-0600", 880127706, -360}, Row{"Fri, 21 Nov 1997 09:55:06 -06:00", 880127706, -360},
        Row{"Fri, 21 Nov 1997 09:55:06.123 -0600", 880127706, -360}, Row{"Fri, 21 Nov 1997 09.55.06 -0600", 880127706, -360},
        Row{"Fri, 21 Nov 1997 09:55 -0600", 880127700, -360}, Row{"21 Nov 1997", 880070400, 0},
        Row{"21 Nov 1997 -0600", 880092000, -360}, Row{"1 Jan 1970 00:00:00 +0000", 0, 0},
        Row{"1 Jan 1970 00:00:00 +0200", -7200, 120}, Row{"31 Dec 49 23:59:60 +0000", 2524608000, 0},
        Row{"1 Jan 50 00:00:00 +0000", -631152000, 0}, Row{"1 Jan 103 00:00:00 +0000", 1041379200, 0},
        Row{"29 Feb 2000 00:00:00 +0000", 951782400, 0}, Row{"1 Jan 0001 00:00:00 +0000", -62135596800, 0},
        Row{"31 Dec 9999 23:59:59 +0000", 253402300799, 0}, Row{"1 Jan 1970 00:00:00 -2200", 79200, -1320},
        Row{"1 Jan 1970 00:00:00 +9999", 0, 0}, Row{"1 Jan 1970 00:00:00 GMT+0200", -7200, 120},
        Row{"1 Jan 1970 00:00:00 +000000000000000000001", 0, 0});
    CAPTURE(row.text);
    const auto parsed = parse_date(row.text);
    REQUIRE(parsed);
    CHECK(parsed->unix_seconds == row.seconds);
    CHECK(parsed->zone_minutes == row.zone);
}

TEST_CASE("D10: impossible dates are no dates", "[mail][D10]")
{
    const auto text = GENERATE("", " ", "nonsense", "Feb 31", "31 Feb 2020 00:00:00 +0000", "30 Feb 2020", "29 Feb 1900",
                               "0 Jan 2020", "32 Jan 2020", "1 Jan 0000", "1 Jan 10000", "1 Jan -2200",
                               "1 Jan 1000000000000000000", "1000000000000000000", "1 Foo 2020", "1 Jan 2020 24:00:00",
                               "1 Jan 2020 00:60:00", "1 Jan 2020 00:00:61", "1 Jan 2020 999:00", "Mon, , :: +",
                               "1 Jan", "2020 Jan", "((((", "1 Jan 99999999999999999999999 00:00");
    CAPTURE(text);
    CHECK_FALSE(parse_date(text));
}

TEST_CASE("D10: INTERNALDATE and search dates are read strictly", "[mail][D10]")
{
    const auto date = parse_internal_date("17-Jul-1996 02:44:25 -0700");
    REQUIRE(date);
    CHECK(date->unix_seconds == 837596665);
    CHECK(date->zone_minutes == -420);
    CHECK(format_internal_date(*date) == "17-Jul-1996 02:44:25 -0700");
    CHECK(format_internal_date(*parse_internal_date("07-jul-1996 02:44:25 +0000")) == " 7-Jul-1996 02:44:25 +0000");
    CHECK(parse_internal_date(" 7-Jul-1996 02:44:25 +0000") == parse_internal_date("07-Jul-1996 02:44:25 +0000"));
    const auto bad = GENERATE("", "7-Jul-1996 02:44:25 +0000", "  -Jul-1996 02:44:25 +0000", "31-Feb-1996 02:44:25 +0000",
                              "17-Jul-0000 02:44:25 +0000", "17-Jul-1996 25:44:25 +0000", "17-Jul-1996 02:44:25 0000+",
                              "17-Jul-1996 02:44:25 +00:0", "17-Jul-1996T02:44:25 +0000", "17-Jul-1996 02:44:25 +0060",
                              "17-Jul-1996 -1:44:25 +0000", "\"7-Jul-1996 02:44:25 +0000");
    CAPTURE(bad);
    CHECK_FALSE(parse_internal_date(bad));
}

TEST_CASE("search dates take one or two digits of a day", "[mail][date]")
{
    CHECK(parse_search_date("1-Feb-1994") == CivilDate{1994, 2, 1});
    CHECK(parse_search_date("01-FEB-1994") == CivilDate{1994, 2, 1});
    CHECK(format_search_date({1994, 2, 1}) == "1-Feb-1994");
    const auto bad = GENERATE("", "-Feb-1994", "001-Feb-1994", "1-Feb-94", "1-Feb-19940", "31-Feb-1994", "1 Feb 1994",
                              " 1-Feb-1994", "1-Fe-1994", "1-Feb-0000", "0-Feb-1994", "+1-Feb-1994");
    CAPTURE(bad);
    CHECK_FALSE(parse_search_date(bad));
}

TEST_CASE("days and civil dates are each other's inverse over all four-digit years", "[mail][date]")
{
    CHECK(days_since_epoch({1970, 1, 1}) == 0);
    CHECK(days_since_epoch({2000, 3, 1}) == 11017);
    CHECK(days_since_epoch({1, 1, 1}) == -719162);
    std::int64_t wrong = 0;
    for (std::int64_t day = -719'162; day <= 2'932'896; ++day)
        if (days_since_epoch(civil_date(day)) != day) ++wrong;
    CHECK(wrong == 0);
    CHECK(civil_date(2'932'896) == CivilDate{9999, 12, 31});
}

TEST_CASE("what is formatted is read back, and moments without a four-digit year are cut", "[mail][date]")
{
    CHECK(format_date({880127706, -360}) == "Fri, 21 Nov 1997 09:55:06 -0600");
    CHECK(format_date({0, 0}) == "Thu, 1 Jan 1970 00:00:00 +0000");
    CHECK(format_date({INT64_MAX, 0}) == "Fri, 31 Dec 9999 23:59:59 +0000");
    CHECK(format_date({INT64_MIN, INT32_MIN}).starts_with("Mon, 1 Jan 0001 00:00:00 -9959"));
    std::mt19937_64 random(3);
    for (int round = 0; round < 20'000; ++round) {
        const DateTime moment{static_cast<std::int64_t>(random() % 253'000'000'000) - 1'000'000,
                              static_cast<int>(random() % 2880) - 1440};
        CAPTURE(moment.unix_seconds, moment.zone_minutes);
        REQUIRE(parse_date(format_date(moment)) == moment);
        REQUIRE(parse_internal_date(format_internal_date(moment)) == moment);
        const CivilDate day = local_date(moment);
        REQUIRE(parse_search_date(format_search_date(day)) == day);
    }
}

TEST_CASE("the day of a date is that of its own zone", "[mail][date]")
{
    CHECK(local_date(*parse_date("1 Jan 2020 23:30:00 -0500")) == CivilDate{2020, 1, 1});
    CHECK(local_date(*parse_date("1 Jan 2020 00:30:00 +0500")) == CivilDate{2020, 1, 1});
}
