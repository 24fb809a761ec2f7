// Dates of any kind: none, or one that is written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mail/date.hpp"

using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_moment(DateTime moment)
{
    const CivilDate day = local_date(moment);
    require(day.year >= 1 && day.year <= 9999 && day.month >= 1 && day.month <= 12 && day.day >= 1 && day.day <= 31);
    require(civil_date(days_since_epoch(day)) == day);
    require(parse_search_date(format_search_date(day)) == day);
    require(format_internal_date(moment).size() == 26);
    // Within a day of the calendar's ends a zone may lead out of it.
    const bool is_inner = day > CivilDate{1, 1, 9} && day < CivilDate{9999, 12, 20};
    if (!is_inner) return;
    require(parse_date(format_date(moment)) == moment);
    require(parse_internal_date(format_internal_date(moment)) == moment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto moment = parse_date(text)) check_moment(*moment);
    if (const auto moment = parse_internal_date(text)) check_moment(*moment);
    if (const auto date = parse_search_date(text)) require(parse_search_date(format_search_date(*date)) == date);
    return 0;
}
