#include "store/annotation.hpp"

#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "store/state_record.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kAnnotationHead = "mailboxd-annotations 1";

// "3 base64(entry) base64(value)", where 3 is the owner.
std::optional<Annotation> annotation_of(std::string_view line)
{
    const auto first = line.find(' ');
    const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto owner = ascii::parse_number(line.substr(0, first));
    auto entry = decode_base64(line.substr(first + 1, second - first - 1));
    auto value = decode_base64(line.substr(second + 1));
    if (!owner || !std::in_range<std::int64_t>(*owner) || !entry || !value) return std::nullopt;
    if (entry->empty() || entry->size() > kMostAnnotationName) return std::nullopt;
    Annotation made{std::move(*entry), std::move(*value), static_cast<std::int64_t>(*owner)};
    if (is_private_entry(made.entry) != (made.owner != 0)) return std::nullopt;
    return made;
}

}  // namespace

bool is_private_entry(std::string_view entry) { return entry.starts_with("/private/"); }

std::string format_annotations(const std::vector<Annotation>& annotations)
{
    std::vector<std::string> values;
    for (const auto& each : annotations) {
        values.push_back(std::to_string(each.owner) + " " + encode_base64(each.entry) + " " + encode_base64(each.value));
    }
    RecordLines lines;
    for (const auto& value : values) lines.emplace_back("entry", value);
    return format_lines(kAnnotationHead, lines);
}

std::optional<std::vector<Annotation>> parse_annotations(std::string_view text)
{
    const auto lines = parse_lines(text, kAnnotationHead);
    if (!lines) return std::nullopt;
    std::vector<Annotation> all;
    for (const auto& [key, value] : *lines) {
        if (key != "entry") return std::nullopt;
        auto made = annotation_of(value);
        if (!made) return std::nullopt;
        all.push_back(std::move(*made));
    }
    return all;
}

}  // namespace mbx::store
