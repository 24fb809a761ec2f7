#include "imap/metadata.hpp"

#include <algorithm>
#include <set>

#include "base/ascii.hpp"
#include "imap/cursor.hpp"
#include "store/annotation.hpp"

namespace mbx::imap {

namespace {

bool is_entry_char(char c)
{
    // Section 3.2 forbids 0x00 to 0x19; other control characters would do no good in an answer either.
    return !ascii::is_eight_bit(c) && !ascii::is_control(c) && c != '*' && c != '%';
}

// In lower case; none for what is below neither scope, or has characters or empty components that section 3.2 forbids.
std::optional<std::string> judge_path(std::string_view name)
{
    if (name.size() > store::kMostAnnotationName || !std::ranges::all_of(name, is_entry_char)) return std::nullopt;
    std::string path = ascii::to_lower(name);
    if (path.ends_with('/') || path.find("//") != std::string::npos) return std::nullopt;
    const auto scope = std::string_view(path).substr(0, path.find('/', 1));
    if (scope != "/private" && scope != "/shared") return std::nullopt;
    return path;
}

std::string quoted_text(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

// RFC 5464 section 5: nstring or literal8.
std::string value_text(std::string_view value)
{
    constexpr std::size_t kMostQuoted = 200;
    const bool is_simple = value.size() <= kMostQuoted && std::ranges::none_of(value, [](char c) {
        return ascii::is_control(c) || ascii::is_eight_bit(c);
    });
    if (is_simple) return quoted_text(value);
    const bool has_nul = value.find('\0') != std::string_view::npos;
    std::string out = has_nul ? "~{" : "{";
    out += std::to_string(value.size());
    out += "}\r\n";
    return out.append(value);
}

}  // namespace

std::optional<std::string> judge_entry(std::string_view name)
{
    auto entry = judge_path(name);
    if (!entry) return std::nullopt;
    // Two components at least, below /vendor four.
    const auto components = std::ranges::count(*entry, '/');
    const auto second = entry->find('/', 1) + 1;
    const bool is_vendor = entry->substr(second) == "vendor" || entry->substr(second).starts_with("vendor/");
    if (components < 2 || (is_vendor && components < 4)) return std::nullopt;
    return entry;
}

std::optional<std::string> judge_asked_entry(std::string_view name, EntryDepth depth)
{
    return depth == EntryDepth::zero ? judge_entry(name) : judge_path(name);
}

bool is_within(std::string_view entry, std::string_view asked, EntryDepth depth)
{
    if (entry == asked) return true;
    if (depth == EntryDepth::zero || !entry.starts_with(asked) || entry[asked.size()] != '/') return false;
    return depth == EntryDepth::infinity || entry.find('/', asked.size() + 1) == std::string_view::npos;
}

std::string entry_text(std::string_view entry)
{
    return std::ranges::all_of(entry, is_atom_char) ? std::string(entry) : quoted_text(entry);
}

MetadataAnswer metadata_answer(std::string_view mailbox, const std::map<std::string, std::string>& values,
                               const std::vector<std::string>& asked, EntryDepth depth,
                               std::optional<std::uint64_t> max_size)
{
    MetadataAnswer answer;
    std::string pairs;
    std::set<std::string_view> told;
    const auto add = [&pairs](std::string_view entry, std::string_view value) {
        if (!pairs.empty()) pairs += ' ';
        pairs += entry_text(entry);
        pairs += ' ';
        pairs += value;
    };
    for (const auto& wanted : asked) {
        for (const auto& [entry, value] : values) {
            if (!is_within(entry, wanted, depth) || !told.insert(entry).second) continue;
            if (max_size && value.size() > *max_size) {
                answer.left_out = std::max<std::uint64_t>(answer.left_out, value.size());
                continue;
            }
            add(entry, value_text(value));
        }
        if (depth == EntryDepth::zero && !values.contains(wanted) && told.insert(wanted).second) add(wanted, "NIL");
    }
    // Section 5: a list of at least one pair.
    if (pairs.empty() && answer.left_out == 0 && !asked.empty()) add(asked.front(), "NIL");
    if (!pairs.empty()) answer.line = "* METADATA " + std::string(mailbox) + " (" + pairs + ")\r\n";
    return answer;
}

}  // namespace mbx::imap
