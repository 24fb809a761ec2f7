#include "queue/hold_rules.hpp"

#include <utility>

#include "base/crc32c.hpp"
#include "base/record_bytes.hpp"

namespace mbx::queue {
namespace {

constexpr std::string_view kHoldsTitle = "mailboxd queue holds 2\n";
constexpr std::string_view kFirstTitle = "mailboxd queue holds 1\n";  // of the same length
constexpr std::size_t kMostRuleText = 1'024;
constexpr std::uint64_t kIsAll = 1;
constexpr std::uint64_t kIsEnding = 2;
constexpr std::uint64_t kIsBeginning = 4;
constexpr std::uint64_t kIsToldBefore = 8;

HoldRule read_rule(RecordReader& in, bool is_of_first_version)
{
    HoldRule rule;
    auto flags = in.number();
    if (flags > (is_of_first_version ? kIsAll | kIsEnding : kIsAll | kIsEnding | kIsBeginning | kIsToldBefore)) in.refuse();
    if (is_of_first_version) flags |= kIsBeginning | kIsToldBefore;
    rule.is_beginning = (flags & kIsBeginning) != 0;
    rule.is_told_before = (flags & kIsToldBefore) != 0;
    rule.which.is_all = (flags & kIsAll) != 0;
    rule.is_ending = (flags & kIsEnding) != 0;
    rule.which.destination = in.text(kMostRuleText);
    rule.which.sender = in.text(kMostRuleText);
    rule.which.recipient = in.text(kMostRuleText);
    rule.since = in.signed_number();
    rule.by = in.text(kMostRuleText);
    if (rule.which.is_blank() != rule.which.is_all) in.refuse();
    return rule;
}

}  // namespace

std::string format_hold_rules(const std::vector<HoldRule>& rules)
{
    RecordWriter out;
    out.number(rules.size());
    for (const HoldRule& rule : rules) {
        out.number((rule.which.is_all ? kIsAll : 0) | (rule.is_ending ? kIsEnding : 0) | (rule.is_beginning ? kIsBeginning : 0) |
                   (rule.is_told_before ? kIsToldBefore : 0));
        out.text(rule.which.destination);
        out.text(rule.which.sender);
        out.text(rule.which.recipient);
        out.signed_number(rule.since);
        out.text(rule.by);
    }
    RecordWriter sum;
    sum.number(crc32c(out.bytes()));
    sum.text(out.bytes());
    return std::string(kHoldsTitle) + sum.bytes();
}

std::optional<std::vector<HoldRule>> parse_hold_rules(std::string_view bytes)
{
    const bool is_of_first_version = bytes.starts_with(kFirstTitle);
    if (!is_of_first_version && !bytes.starts_with(kHoldsTitle)) return std::nullopt;
    RecordReader framed(bytes.substr(kHoldsTitle.size()));
    const auto sum = framed.number();
    const auto content = framed.text(bytes.size());
    if (!framed.is_good() || !framed.is_at_end() || crc32c(content) != sum) return std::nullopt;
    constexpr std::size_t kSmallestRule = 6;
    RecordReader in(content);
    std::vector<HoldRule> rules;
    const auto count = in.count(kSmallestRule);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) rules.push_back(read_rule(in, is_of_first_version));
    if (!in.is_good() || !in.is_at_end() || rules.size() > kMostHoldRules) return std::nullopt;
    return rules;
}

}  // namespace mbx::queue
