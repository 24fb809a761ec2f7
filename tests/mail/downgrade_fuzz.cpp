// A7: whatever comes, the result has nothing that the target does not take, is the same for any split, needs nothing more,
// and its size was foreseen. Long lines stay in what is signed (RFC 1847 section 2.1).
#include <cstdint>
#include <cstdlib>

#include "base/ascii.hpp"
#include "mail/downgrade.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

using namespace mbx::mail;

ContentFacts facts_by(std::string_view input, std::size_t piece)
{
    ContentScan scan;
    for (std::size_t at = 0; at < input.size(); at += piece) scan.feed(input.substr(at, piece));
    return scan.facts();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const auto target = (data[0] & 1U) != 0 ? ContentTarget::seven_bit : ContentTarget::eight_bit;
    const std::size_t piece = 1 + data[0] / 2U;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    require(facts_by(input, piece) == facts_by(input, SIZE_MAX / 2));

    DowngradeSurvey survey(target);
    for (std::size_t at = 0; at < input.size(); at += piece) survey.feed(input.substr(at, piece));
    DowngradePlan plan = survey.finish();
    const auto whole = downgrade(input, target);
    require(plan.is_possible == (whole != nullptr));
    if (!whole) return 0;
    require(whole->size() <= plan.size);
    Downgrader writer(target, plan);
    std::string result;
    for (std::size_t at = 0; at < input.size(); at += piece) writer.feed(input.substr(at, piece), result);
    writer.finish(result);
    require(result == *whole);
    const ContentFacts facts = facts_by(result, result.size() + 1);
    const bool may_be_signed = mbx::ascii::to_lower(input).find("signed") != std::string::npos;
    require(!facts.nul && !facts.stray && (may_be_signed || facts.longest_line <= kMaxTextLine));
    require(target == ContentTarget::eight_bit || !facts.eight_bit);
    const auto again = downgrade(result, target);
    require(again && *again == result);
    return 0;
}
