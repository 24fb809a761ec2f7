#include "store/expunged_name.hpp"

#include <array>
#include <charconv>

#include "base/ascii.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kRemovedMailbox = "mailbox";

std::string_view take_part(std::string_view& text)
{
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return part;
}

template <typename Number>
bool take_decimal(std::string_view part, Number& into)
{
    const auto number = ascii::parse_number(part);
    if (!number || !std::in_range<Number>(*number)) return false;
    into = static_cast<Number>(*number);
    return true;
}

}  // namespace

std::string format_expunged_name(const ExpungedName& name)
{
    std::array<char, 24> digits{};
    const auto* end = std::to_chars(digits.begin(), digits.end(), name.lsn, 16).ptr;
    std::string text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    text += "," + std::to_string(name.expunged_at) + "," + std::to_string(name.mailbox.value) + ",";
    if (name.uid == 0) return text.append(kRemovedMailbox);
    return text + std::to_string(name.uid) + "," + name.name;
}

std::optional<ExpungedName> parse_expunged_name(std::string_view text)
{
    ExpungedName name;
    const auto lsn = take_part(text);
    const auto [end, error] = std::from_chars(lsn.data(), lsn.data() + lsn.size(), name.lsn, 16);
    if (error != std::errc() || end != lsn.data() + lsn.size() || lsn.size() > 16) return std::nullopt;
    if (!take_decimal(take_part(text), name.expunged_at)) return std::nullopt;
    if (!take_decimal(take_part(text), name.mailbox.value)) return std::nullopt;
    const auto uid = take_part(text);
    if (uid == kRemovedMailbox && text.empty()) return name;
    if (!take_decimal(uid, name.uid) || name.uid == 0 || text.empty()) return std::nullopt;
    name.name = text;
    return name;
}

}  // namespace mbx::store
