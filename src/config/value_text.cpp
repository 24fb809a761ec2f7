// The other direction of value.hpp: settings as text.
#include <algorithm>
#include <array>

#include "base/codec.hpp"
#include "config/units.hpp"
#include "config/value.hpp"

namespace mbx::config {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "notice", "warning", "error"};

std::string join(const std::vector<std::string>& parts, std::string_view open, std::string_view close)
{
    std::string out(open);
    for (std::size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : ", ") + parts[i];
    out += close;
    return out;
}

bool is_bare_key(std::string_view key)
{
    constexpr std::string_view good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return !key.empty() && key.find_first_not_of(good) == std::string_view::npos;
}

std::string format_bound(Kind kind, std::uint64_t value)
{
    if (kind == Kind::size) return format_size(value);
    if (kind == Kind::duration) return format_duration(Duration(static_cast<Duration::rep>(value)));
    return std::to_string(value);
}

std::string describe_choices(const std::vector<std::string_view>& choices)
{
    std::string out;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i != 0) out += i + 1 == choices.size() ? " or " : ", ";
        out += quote(choices[i]);
    }
    return out;
}

struct Formatter {
    const Declaration& declaration;

    std::string operator()(const std::uint64_t* value) const
    {
        return declaration.kind == Kind::size ? quote(format_size(*value)) : std::to_string(*value);
    }
    std::string operator()(const Duration* value) const { return quote(format_duration(*value)); }
    std::string operator()(const std::string* value) const { return quote(*value); }
    std::string operator()(ChoiceSlot slot) const { return quote(declaration.choices.at(*slot.value)); }
    std::string operator()(const std::vector<std::string>* value) const
    {
        std::vector<std::string> parts;
        for (const std::string& item : *value) parts.push_back(quote(item));
        return join(parts, "[", "]");
    }
    std::string operator()(const ComponentLevels* value) const
    {
        std::vector<std::string> parts;
        for (const auto& [name, level] : *value)
            parts.push_back((is_bare_key(name) ? name : quote(name)) + " = " +
                            quote(kLevelNames.at(static_cast<std::size_t>(level))));
        return parts.empty() ? "{}" : join(parts, "{ ", " }");
    }
    std::string operator()(const std::vector<RouteSetting>* value) const
    {
        std::vector<std::string> parts;
        for (const RouteSetting& route : *value) parts.push_back(format_route(route));
        return join(parts, "[", "]");
    }
    std::string operator()(const std::vector<CertificatePair>* value) const
    {
        std::vector<std::string> parts;
        for (const CertificatePair& pair : *value)
            parts.push_back("{ certificate = " + quote(pair.certificate) + ", key = " + quote(pair.key) + " }");
        return join(parts, "[", "]");
    }
};

}  // namespace

std::string quote(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out += {'\\', c};
        else if (byte < 0x20 || byte == 0x7f) out += "\\u00" + encode_hex(std::string_view(&c, 1));
        else out += c;
    }
    return out + "\"";
}

std::string format_value(const Declaration& declaration, const Settings& settings)
{
    // Slots are pointers into a Settings that may be written; here it is only read.
    auto copy = settings;
    return std::visit(Formatter{declaration}, declaration.slot(copy));
}

std::string describe_bounds(const Declaration& declaration)
{
    switch (declaration.kind) {
    case Kind::integer:
    case Kind::size:
    case Kind::duration:
        return format_bound(declaration.kind, declaration.bounds.least) + " to " +
               format_bound(declaration.kind, declaration.bounds.most);
    case Kind::choice: return describe_choices(declaration.choices);
    case Kind::text: return "at most " + std::to_string(declaration.bounds.most) + " bytes";
    case Kind::directory:
    case Kind::file:
    case Kind::host_name:
    case Kind::endpoint_list:
    case Kind::network_list:
    case Kind::level_table:
    case Kind::certificate_list:
    case Kind::route_list: return {};
    }
    return {};
}

std::string_view describe_kind(Kind kind)
{
    switch (kind) {
    case Kind::integer: return "a whole number";
    case Kind::size: return "a size";
    case Kind::duration: return "a duration";
    case Kind::text: return "a text";
    case Kind::choice: return "a choice";
    case Kind::directory: return "an absolute path";
    case Kind::file: return "a path";
    case Kind::host_name: return "a host name";
    case Kind::endpoint_list: return "a list of addresses with ports";
    case Kind::network_list: return "a list of networks";
    case Kind::level_table: return "a table of levels";
    case Kind::certificate_list: return "a list of pairs";
    case Kind::route_list: return "a list of routes";
    }
    return {};
}

}  // namespace mbx::config
