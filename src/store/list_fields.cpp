#include "store/list_fields.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/header.hpp"
#include "store/record_bytes.hpp"

namespace mbx::store {

static_assert(kListFields.size() <= 64);

namespace {

std::size_t place_of(std::string_view name)
{
    const auto is_it = [name](std::string_view known) { return known.size() == name.size() && ascii::same(known, name); };
    return static_cast<std::size_t>(std::ranges::find_if(kListFields, is_it) - kListFields.begin());
}

}  // namespace

std::optional<std::uint64_t> list_field_set(const std::vector<std::string>& names)
{
    std::uint64_t set = 0;
    for (const auto& name : names) {
        const auto place = place_of(name);
        if (place == kListFields.size()) return std::nullopt;
        set |= std::uint64_t{1} << place;
    }
    return set;
}

std::optional<std::string> encode_list_fields(std::string_view header)
{
    RecordWriter out;
    mail::HeaderScanner scanner(header);
    while (const auto field = scanner.next()) {
        const auto place = place_of(field->name);
        if (place == kListFields.size()) continue;
        if (!field->whole.ends_with('\n') || out.bytes().size() + field->whole.size() > kMaxListFields) return std::nullopt;
        out.number(place);
        out.text(field->whole);
    }
    return std::move(out.bytes());
}

bool append_list_fields(std::string& out, std::string_view encoded, std::uint64_t set)
{
    RecordReader in(encoded);
    while (!in.is_at_end()) {
        const auto place = in.number();
        const auto text = in.text(kMaxListFields);
        if (!in.is_good() || place >= kListFields.size()) return false;
        if ((set >> place & 1U) != 0) out += text;
    }
    out += "\r\n";
    return in.is_good();
}

}  // namespace mbx::store
