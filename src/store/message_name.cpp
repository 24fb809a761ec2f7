#include "store/message_name.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::store {

namespace {

// In ASCII order, as Maildir wants them.
constexpr std::array<std::pair<char, std::uint8_t>, 6> kLetters{{
    {'D', kDraft}, {'F', kFlagged}, {'P', kForwarded}, {'R', kAnswered}, {'S', kSeen}, {'T', kDeleted}}};

// Room for ",S=<20 digits>,I=<10 digits>:2," and every letter there is behind it, and for what stands before it in the
// undelete directory.
constexpr std::size_t kMaxUnique = kMaxFileName - 80 - 64;

Flags parse_flags(std::string_view letters)
{
    Flags flags;
    for (const char c : letters) {
        for (const auto& [letter, bit] : kLetters) {
            if (c == letter) flags.system |= bit;
        }
        if (c >= 'a' && c <= 'z') flags.keywords |= 1U << static_cast<unsigned>(c - 'a');
    }
    return flags;
}

void take_field(std::string_view field, MessageName& into)
{
    if (field.size() < 3 || field[1] != '=') return;
    const auto number = ascii::parse_number(field.substr(2));
    if (!number) return;
    if (field[0] == 'S') into.size = number;
    if (field[0] == 'I' && *number > 0 && *number < UINT32_MAX) into.uid = static_cast<Uid>(*number);
}

}  // namespace

MessageName parse_message_name(std::string_view name)
{
    MessageName parsed;
    const auto colon = name.find(":2,");
    if (colon != std::string_view::npos) {
        parsed.has_info = true;
        parsed.flags = parse_flags(name.substr(colon + 3));
    }
    std::string_view base = name.substr(0, name.find(':'));
    const auto comma = base.find(',');
    parsed.unique = std::string(base.substr(0, comma));
    while (base.find(',') != std::string_view::npos) {
        base.remove_prefix(base.find(',') + 1);
        take_field(base.substr(0, base.find(',')), parsed);
    }
    return parsed;
}

void append_base_name(std::string& to, std::string_view unique, std::uint64_t size, Uid uid)
{
    std::array<char, 24> digits{};
    const auto number = [&digits](std::uint64_t value) {
        const auto* end = std::to_chars(digits.begin(), digits.end(), value).ptr;
        return std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
    };
    to.append(unique).append(",S=").append(number(size));
    to.append(",I=").append(number(uid));
}

void append_flag_suffix(std::string& to, const Flags& flags)
{
    to += ":2,";
    for (const auto& [letter, bit] : kLetters) {
        if ((flags.system & bit) != 0) to += letter;
    }
    for (unsigned n = 0; n < kMaxKeywords && (flags.keywords >> n) != 0; ++n) {
        if ((flags.keywords >> n & 1U) != 0) to += static_cast<char>('a' + n);
    }
}

std::string base_name(std::string_view unique, std::uint64_t size, Uid uid)
{
    std::string name;
    append_base_name(name, unique, size, uid);
    return name;
}

std::string flag_suffix(const Flags& flags)
{
    std::string suffix;
    append_flag_suffix(suffix, flags);
    return suffix;
}

std::optional<std::int64_t> save_date_of(std::string_view unique)
{
    const auto digits = unique.substr(0, unique.find('.'));
    constexpr std::size_t kDigitsOfYear5000 = 11;
    if (digits.size() > kDigitsOfYear5000) return std::nullopt;
    const auto seconds = ascii::parse_number(digits);
    if (!seconds) return std::nullopt;
    return static_cast<std::int64_t>(*seconds);
}

bool is_usable_unique(std::string_view unique)
{
    if (unique.empty() || unique.size() > kMaxUnique || unique.front() == '.') return false;
    return unique.find_first_of(":,/") == std::string_view::npos;
}

}  // namespace mbx::store
