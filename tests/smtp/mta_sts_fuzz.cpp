// An MTA-STS policy as any web server may send it, and our own file of one after damage: readers are total, what they give
// keeps its bounds, and what was read from the disk is written the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "smtp/mta_sts.hpp"

namespace {

void check(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::smtp;
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto policy = parse_sts_policy(text)) {
        check(policy->max_age.count() >= 0 && policy->max_age.count() <= 31'557'600);
        check(policy->mode == StsMode::none || !policy->mx.empty());
        for (const auto& mx : policy->mx) check(mx.size() <= 255);
        (void)sts_allows(*policy, text);
    }
    if (const auto id = parse_sts_record({text})) check(!id->empty() && id->size() <= 32);
    if (const auto stored = read_stored_policy(text)) {
        const auto again = read_stored_policy(write_stored_policy(*stored));
        check(again && again->policy == stored->policy && again->id == stored->id && again->fetched == stored->fetched);
    }
    return 0;
}
