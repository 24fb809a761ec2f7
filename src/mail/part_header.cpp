#include "mail/part_header.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxLanguages = 20;

bool is_token(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < 127 && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
    });
}

void set_type(Part& part, std::string_view type, std::string_view subtype)
{
    part.type = type;
    part.subtype = subtype;
}

void take_content_type(Part& part, std::string_view raw_value)
{
    part.content_type = parse_parameterized(raw_value);
    const std::string_view value = part.content_type.value;
    const std::size_t slash = value.find('/');
    // RFC 2045 section 5.2: what is not type/subtype is read as plain text.
    set_type(part, "text", "plain");
    if (slash == std::string_view::npos) return;
    const std::string_view type = ascii::trim(value.substr(0, slash));
    std::string_view subtype = ascii::trim(value.substr(slash + 1));
    subtype = subtype.substr(0, subtype.find_first_of(" \t("));
    if (is_token(type) && is_token(subtype)) set_type(part, type, subtype);
}

void set_default_type(Part& part, bool in_digest)
{
    if (in_digest) {
        set_type(part, "message", "rfc822");
        return;
    }
    set_type(part, "text", "plain");
    part.content_type.value = "text/plain";
    part.content_type.parameters = {{"charset", "us-ascii", "us-ascii"}};
    part.content_type.wire = {{"charset", "us-ascii"}};
}

// Language tags, comma between.
std::vector<std::string> read_languages(std::string_view raw_value)
{
    std::vector<std::string> languages;
    const std::string line = unfold(raw_value);
    std::string_view rest = line;
    while (!rest.empty() && languages.size() < kMaxLanguages) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string_view tag = ascii::trim(rest.substr(0, comma));
        tag = ascii::trim(tag.substr(0, tag.find('(')));
        if (!tag.empty()) languages.emplace_back(tag);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return languages;
}

void take_text(std::optional<std::string>& into, std::string_view raw_value)
{
    if (!into) into = unfold(raw_value);
}

// A URI that was folded has white space that is none of its own.
std::string read_location(std::string_view raw_value)
{
    std::string location = unfold(raw_value);
    std::erase_if(location, ascii::is_space);
    return location;
}

void take_field(Part& part, const HeaderField& field)
{
    const auto is = [&](std::string_view name) { return ascii::same(field.name, name); };
    if (is("Content-ID")) take_text(part.id, field.value);
    else if (is("Content-Description")) take_text(part.description, field.value);
    else if (is("Content-MD5")) take_text(part.md5, field.value);
    else if (is("Content-Location") && !part.location) part.location = read_location(field.value);
    else if (is("Content-Language") && part.languages.empty()) part.languages = read_languages(field.value);
    else if (is("Content-Disposition") && !part.disposition) part.disposition = parse_parameterized(field.value);
}

}  // namespace

void describe_part(const Header& header, bool in_digest, Part& part)
{
    const HeaderField* type = nullptr;
    const HeaderField* encoding = nullptr;
    for (const auto& field : header.fields) {
        if (!ascii::starts_with(field.name, "Content-")) continue;
        if (type == nullptr && ascii::same(field.name, "Content-Type")) type = &field;
        if (encoding == nullptr && ascii::same(field.name, "Content-Transfer-Encoding")) encoding = &field;
        take_field(part, field);
    }
    if (type != nullptr) take_content_type(part, type->value);
    else set_default_type(part, in_digest);
    if (encoding == nullptr) return;
    part.encoding = parse_transfer_encoding(encoding->value);
    part.encoding_name = parse_parameterized(encoding->value).value;
    if (part.encoding_name.empty()) part.encoding_name = "7bit";
}

}  // namespace mbx::mail
