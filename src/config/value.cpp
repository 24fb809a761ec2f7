#include "config/value.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"

namespace mbx::config {
namespace {

using Complaints = std::vector<Complaint>;

Complaints complain(const Node& node, std::string message, std::string hint = {})
{
    return {{node.position, std::move(message), std::move(hint)}};
}

Complaints wrong_type(const Declaration& declaration, const Node& node, std::string hint = {})
{
    std::string message = "must be " + std::string(describe_kind(declaration.kind));
    message += ", but is ";
    message += type_name(node);
    if (hint.empty()) hint = "for example " + std::string(declaration.name()) + " = " + std::string(declaration.default_toml);
    return complain(node, std::move(message), std::move(hint));
}

bool within(const Bounds& bounds, std::uint64_t value) { return value >= bounds.least && value <= bounds.most; }

Complaints out_of_bounds(const Declaration& declaration, const Node& node, std::string_view value)
{
    return complain(node, "must be " + describe_bounds(declaration) + ", but is " + ascii::printable(value, 60));
}

Complaints assign_integer(const Declaration& declaration, const Node& node, std::uint64_t& into)
{
    const auto* number = std::get_if<std::int64_t>(&node.value);
    if (!number) return wrong_type(declaration, node);
    if (*number < 0 || !within(declaration.bounds, static_cast<std::uint64_t>(*number)))
        return out_of_bounds(declaration, node, std::to_string(*number));
    into = static_cast<std::uint64_t>(*number);
    return {};
}

std::string unit_hint(const Declaration& declaration)
{
    const bool is_size = declaration.kind == Kind::size;
    const std::string_view units = is_size ? "B, KiB, MiB, GiB, TiB, kB, MB, GB, TB" : "ms, s, m, h, d, w";
    return "write a whole number and its unit (" + std::string(units) + "), for example " +
           std::string(declaration.default_toml);
}

Complaints assign_size(const Declaration& declaration, const Node& node, Bytes& into)
{
    const auto* text = std::get_if<std::string>(&node.value);
    if (!text) return wrong_type(declaration, node, unit_hint(declaration));
    const auto size = parse_size(*text);
    if (!size) return complain(node, "is not a size: " + ascii::printable(*text, 60), unit_hint(declaration));
    if (!within(declaration.bounds, *size)) return out_of_bounds(declaration, node, *text);
    into = *size;
    return {};
}

Complaints assign_duration(const Declaration& declaration, const Node& node, Duration& into)
{
    const auto* text = std::get_if<std::string>(&node.value);
    if (!text) return wrong_type(declaration, node, unit_hint(declaration));
    const auto duration = parse_duration(*text);
    if (!duration) return complain(node, "is not a duration: " + ascii::printable(*text, 60), unit_hint(declaration));
    if (!within(declaration.bounds, static_cast<std::uint64_t>(duration->count())))
        return out_of_bounds(declaration, node, *text);
    into = *duration;
    return {};
}

// What is wrong with a text of this kind, or nothing.
std::string text_complaint(const Declaration& declaration, std::string_view text)
{
    if (std::ranges::any_of(text, ascii::is_control)) return "may not hold control characters";
    if (!within(declaration.bounds, text.size())) {
        if (text.empty()) return "may not be empty";
        return "may have " + std::to_string(declaration.bounds.most) + " bytes at most";
    }
    if (declaration.kind == Kind::directory && !text.starts_with('/')) return "must be an absolute path";
    if (declaration.kind == Kind::host_name && !text.empty() && !is_host_name(text))
        return "is not a host name (write other scripts as A-labels, xn--…)";
    if (declaration.complaint) return std::string(declaration.complaint(text));
    return {};
}

Complaints assign_text(const Declaration& declaration, const Node& node, std::string& into)
{
    const auto* text = std::get_if<std::string>(&node.value);
    if (!text) return wrong_type(declaration, node);
    std::string complaint = text_complaint(declaration, *text);
    if (!complaint.empty()) return complain(node, complaint + ": " + ascii::printable(*text, 60));
    into = declaration.kind == Kind::host_name ? ascii::to_lower(*text) : *text;
    return {};
}

std::string nearest_choice(std::string_view given, const std::vector<std::string_view>& choices)
{
    const auto near = find_nearest(given, choices);
    return near.empty() ? std::string() : "did you mean " + quote(near) + "?";
}

Complaints assign_choice(const Declaration& declaration, const Node& node, ChoiceSlot into)
{
    const auto* text = std::get_if<std::string>(&node.value);
    if (!text) return wrong_type(declaration, node);
    const auto found = std::ranges::find(declaration.choices, *text);
    if (found == declaration.choices.end())
        return complain(node, "must be " + describe_bounds(declaration) + ", but is " + ascii::printable(*text, 60),
                        nearest_choice(*text, declaration.choices));
    *into.value = static_cast<unsigned char>(found - declaration.choices.begin());
    return {};
}

Complaints assign_list(const Declaration& declaration, const Node& node, std::vector<std::string>& into)
{
    const auto* list = std::get_if<NodeList>(&node.value);
    if (!list) return wrong_type(declaration, node);
    if (!within(declaration.bounds, list->size()))
        return complain(node, "may have " + std::to_string(declaration.bounds.most) + " items at most");
    const bool of_endpoints = declaration.kind == Kind::endpoint_list;
    const std::string_view example = of_endpoints ? R"("192.0.2.1:25" or "[2001:db8::1]:25")"
                                                  : R"("192.0.2.0/24", "2001:db8::/32" or "192.0.2.7")";
    Complaints all;
    into.clear();
    for (const Node& item : *list) {
        const auto* text = std::get_if<std::string>(&item.value);
        const bool good = text && (of_endpoints ? is_endpoint(*text) : is_network(*text));
        if (good) {
            into.push_back(*text);
            continue;
        }
        const std::string shown = text ? ascii::printable(*text, 60) : std::string(type_name(item));
        all.push_back({item.position,
                       std::string(of_endpoints ? "holds what is no address with a port: " : "holds what is no network: ") + shown,
                       "write " + std::string(example)});
    }
    return all;
}

Complaints assign_levels(const Declaration& declaration, const Node& node, ComponentLevels& into)
{
    static const std::vector<std::string_view> kLevels{"debug", "info", "notice", "warning", "error"};
    const auto* table = std::get_if<EntryList>(&node.value);
    if (!table) return wrong_type(declaration, node, R"(for example components = { smtp = "debug" })");
    if (!within(declaration.bounds, table->size())) return complain(node, "has too many components");
    Complaints all;
    into.clear();
    for (const Entry& entry : *table) {
        const auto* text = std::get_if<std::string>(&entry.node.value);
        const auto found = text ? std::ranges::find(kLevels, *text) : kLevels.end();
        const std::string name = ascii::printable(entry.key, 40);
        if (found != kLevels.end()) into[entry.key] = static_cast<LogLevel>(found - kLevels.begin());
        else
            all.push_back({entry.node.position, "has no level for " + name, "write debug, info, notice, warning or error"});
    }
    return all;
}

Complaints assign_pair(const Declaration& declaration, const Node& node, std::vector<CertificatePair>& into)
{
    const auto* table = std::get_if<EntryList>(&node.value);
    if (!table) return complain(node, "must hold tables of certificate and key");
    Complaints all;
    CertificatePair pair;
    for (const Entry& entry : *table) {
        const auto* text = std::get_if<std::string>(&entry.node.value);
        const bool known = entry.key == "certificate" || entry.key == "key";
        if (!known) all.push_back({entry.position, "knows no " + ascii::printable(entry.key, 40), "write certificate and key"});
        else if (!text || text->empty() || text->size() > 4000 || std::ranges::any_of(*text, ascii::is_control))
            all.push_back({entry.node.position, "needs a path as " + entry.key, {}});
        else (entry.key == "key" ? pair.key : pair.certificate) = *text;
    }
    if (all.empty() && (pair.certificate.empty() || pair.key.empty())) {
        const std::string_view missing = pair.key.empty() ? "key" : "certificate";
        all = complain(node, "lacks " + std::string(missing) + " in one of its tables",
                       "write " + std::string(declaration.name()) + R"( = [{ certificate = "…", key = "…" }])");
    }
    if (all.empty()) into.push_back(std::move(pair));
    return all;
}

Complaints assign_pairs(const Declaration& declaration, const Node& node, std::vector<CertificatePair>& into)
{
    const auto* list = std::get_if<NodeList>(&node.value);
    if (!list) return wrong_type(declaration, node, R"(write additional = [{ certificate = "…", key = "…" }])");
    if (!within(declaration.bounds, list->size())) return complain(node, "has too many pairs");
    Complaints all;
    into.clear();
    for (const Node& item : *list) {
        auto more = assign_pair(declaration, item, into);
        all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    return all;
}

}  // namespace

Complaints assign(const Declaration& declaration, const Node& node, Settings& settings)
{
    struct Visitor {
        const Declaration& declaration;
        const Node& node;
        Complaints operator()(std::uint64_t* into) const
        {
            if (declaration.kind == Kind::size) return assign_size(declaration, node, *into);
            return assign_integer(declaration, node, *into);
        }
        Complaints operator()(Duration* into) const { return assign_duration(declaration, node, *into); }
        Complaints operator()(std::string* into) const { return assign_text(declaration, node, *into); }
        Complaints operator()(ChoiceSlot into) const { return assign_choice(declaration, node, into); }
        Complaints operator()(std::vector<std::string>* into) const { return assign_list(declaration, node, *into); }
        Complaints operator()(ComponentLevels* into) const
        {
            return assign_levels(declaration, node, *into);
        }
        Complaints operator()(std::vector<RouteSetting>* into) const { return assign_routes(declaration, node, *into); }
        Complaints operator()(std::vector<CertificatePair>* into) const
        {
            return assign_pairs(declaration, node, *into);
        }
    };
    return std::visit(Visitor{declaration, node}, declaration.slot(settings));
}

}  // namespace mbx::config
