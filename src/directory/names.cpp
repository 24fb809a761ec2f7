#include "directory/names.hpp"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/ascii.hpp"

namespace mbx::directory {
namespace {

constexpr std::size_t kMostDomain = 253;
constexpr std::size_t kMostLabel = 63;
constexpr std::size_t kMostLocalPart = 64;
constexpr std::string_view kSafe = "._-'=~";
// RFC 5322 section 3.2.3 atext, with the dot of dot-atom.
constexpr std::string_view kAtomText = "!#$%&'*+-/=?^_`{|}~.";

bool has_eight_bit(std::string_view text) { return std::ranges::any_of(text, ascii::is_eight_bit); }

struct FreeIdn {
    void operator()(char* text) const { idn2_free(text); }
};

Result<std::string, BadName> to_a_labels(std::string_view text)
{
    // UTS 46 may shrink a name, so that more than 253 bytes come out as fewer; four times is more than any can need.
    if (text.size() > 4 * kMostDomain || !ascii::is_utf8(text) || text.find('\0') != std::string_view::npos)
        return BadName{"is too long or not UTF-8"};
    const std::string terminated(text);
    char* raw = nullptr;
    const int code = idn2_to_ascii_8z(terminated.c_str(), &raw, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    const std::unique_ptr<char, FreeIdn> result(raw);
    if (code != IDN2_OK) return BadName{"has no A-label: " + std::string(idn2_strerror(code))};
    return std::string(result.get());
}

std::string_view label_complaint(std::string_view label)
{
    if (label.empty()) return "has an empty label (two dots, or one in front or behind)";
    if (label.size() > kMostLabel) return "has a label of more than 63 bytes";
    if (label.front() == '-' || label.back() == '-') return "has a hyphen at the end of a label";
    const auto good = [](char c) { return ascii::is_alnum(c) || c == '-'; };
    if (!std::ranges::all_of(label, good)) return "may hold letters, digits, hyphens and dots only";
    return {};
}

std::string_view domain_complaint(std::string_view text)
{
    if (text.empty()) return "is empty";
    if (text.size() > kMostDomain) return "is longer than 253 bytes";
    std::string_view last;
    std::size_t labels = 0;
    for (std::string_view rest = text;;) {
        const auto dot = rest.find('.');
        last = rest.substr(0, dot);
        ++labels;
        const auto complaint = label_complaint(last);
        if (!complaint.empty()) return complaint;
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    if (labels < 2) return "needs a dot: write it in full, such as example.org";
    if (std::ranges::all_of(last, ascii::is_digit)) return "looks like an IP address";
    return {};
}

// C1 controls, line separators, bidirectional overrides, the byte order mark: nothing that a person could type or see.
bool has_invisible(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto at = [&](std::size_t n) { return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0U; };
        if (at(0) == 0xc2 && at(1) <= 0xa0) return true;                                    // U+0080 to U+00A0
        if (at(0) == 0xe2 && at(1) == 0x80 && (at(2) <= 0x8f || (at(2) >= 0xa8 && at(2) <= 0xaf))) return true;
        if (at(0) == 0xe2 && at(1) == 0x81 && at(2) >= 0x9f && at(2) <= 0xaf) return true;  // U+205F to U+206F
        if (at(0) == 0xef && at(1) == 0xbb && at(2) == 0xbf) return true;                   // U+FEFF
        if (at(0) == 0xe3 && at(1) == 0x80 && at(2) == 0x80) return true;                   // U+3000
    }
    return false;
}

std::string local_part_complaint(std::string_view text, std::string_view allowed)
{
    if (text.empty()) return "has nothing in front of the @";
    if (text.size() > kMostLocalPart) return "has more than 64 bytes in front of the @";
    if (!ascii::is_utf8(text) || has_invisible(text)) return "is not readable UTF-8";
    const auto good = [&](char c) {
        return ascii::is_alnum(c) || ascii::is_eight_bit(c) || allowed.find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(text, good))
        return "may hold letters, digits and " + std::string(allowed) + " only in front of the @";
    if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
        return "has a dot at an end or two in a row";
    return {};
}

Result<AddressParts, BadName> parse_address(std::string_view text, std::string_view allowed)
{
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return BadName{"needs an @: write it in full, such as ann@example.org"};
    auto domain = normalize_domain(text.substr(at + 1));
    if (!domain) return BadName{"is at a domain that " + domain.error().why};
    std::string local_part = ascii::to_lower(text.substr(0, at));
    std::string complaint = local_part_complaint(local_part, allowed);
    if (!complaint.empty()) return BadName{std::move(complaint)};
    return AddressParts{std::move(local_part), std::move(*domain)};
}

}  // namespace

Result<std::string, BadName> normalize_domain(std::string_view text)
{
    std::string name(text);
    if (has_eight_bit(text)) {
        auto converted = to_a_labels(text);
        if (!converted) return converted;
        name = std::move(*converted);
    }
    name = ascii::to_lower(name);
    const auto complaint = domain_complaint(name);
    if (!complaint.empty()) return BadName{std::string(complaint)};
    return name;
}

std::optional<std::string> fold_domain(std::string_view text)
{
    if (!has_eight_bit(text)) {
        if (text.size() > kMostDomain) return std::nullopt;
        return ascii::to_lower(text);
    }
    auto name = normalize_domain(text);
    if (!name) return std::nullopt;
    return std::move(*name);
}

Result<AddressParts, BadName> parse_account_address(std::string_view text)
{
    auto parts = parse_address(text, kSafe);
    if (parts && parts->local_part.front() == '-') return BadName{"begins with a hyphen"};
    return parts;
}

Result<AddressParts, BadName> parse_alias_address(std::string_view text) { return parse_address(text, kAtomText); }

}  // namespace mbx::directory
