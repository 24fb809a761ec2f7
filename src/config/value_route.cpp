// [[outbound.route]]: tables with a grammar of their own.
#include <algorithm>

#include "base/ascii.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"
#include "config/value.hpp"

namespace mbx::config {
namespace {

using RouteComplaints = std::vector<Complaint>;

constexpr std::string_view kExample = R"(write [[outbound.route]] with domain = "example.org" and host = "mail.example.net:25")";
constexpr std::size_t kMostText = 4000;
constexpr std::uint16_t kImplicitPort = 465;
const std::vector<std::string_view> kKeys{"domain", "sender_domain", "host", "tls", "protocol", "user", "password_file"};
const std::vector<std::string_view> kTlsWords{"opportunistic", "required", "verified", "implicit", "none"};
const std::vector<std::string_view> kProtocolWords{"smtp", "lmtp"};

bool is_domain_pattern(std::string_view text)
{
    if (text == "*") return true;
    if (text.starts_with('.')) text.remove_prefix(1);
    return !text.empty() && is_host_name(text);
}

// "name", "name:25", "192.0.2.1:25", "[2001:db8::1]:25". `has_port` says which.
bool read_host(std::string_view text, RouteSetting& route, bool& has_port)
{
    const bool is_bracketed = text.starts_with('[');
    const auto close = is_bracketed ? text.find(']') : std::string_view::npos;
    if (is_bracketed && close == std::string_view::npos) return false;
    std::string_view name = is_bracketed ? text.substr(1, close - 1) : text.substr(0, text.find(':'));
    std::string_view rest = is_bracketed ? text.substr(close + 1) : text.substr(name.size());
    has_port = !rest.empty();
    if (has_port) {
        const auto port = rest.starts_with(':') ? ascii::parse_number(rest.substr(1)) : std::nullopt;
        if (!port || *port == 0 || *port > 65'535) return false;
        route.port = static_cast<std::uint16_t>(*port);
    }
    const bool is_v6 = is_endpoint("[" + std::string(name) + "]:0");
    const bool is_v4 = is_endpoint(std::string(name) + ":0");
    if (is_bracketed != is_v6 || (!is_v6 && !is_v4 && !is_host_name(name))) return false;
    route.host = ascii::to_lower(name);
    return !name.empty();
}

template <typename Choice>
bool read_choice(std::string_view text, const std::vector<std::string_view>& words, Choice& into)
{
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) return false;
    into = static_cast<Choice>(found - words.begin());
    return true;
}

// What is wrong with one entry, or nothing.
std::string read_entry(const std::string& key, const std::string& text, RouteSetting& route, bool& has_port)
{
    const std::string shown = ascii::printable(text, 60);
    if (key == "domain") {
        if (!is_domain_pattern(text)) return "has a domain that is none: " + shown;
        route.domain = ascii::to_lower(text);
    } else if (key == "sender_domain") {
        if (text.empty() || !is_host_name(text)) return "has a sender_domain that is none: " + shown;
        route.sender_domain = ascii::to_lower(text);
    } else if (key == "host") {
        if (!read_host(text, route, has_port)) return "has a host that is no name or address with a port: " + shown;
    } else if (key == "tls") {
        if (!read_choice(text, kTlsWords, route.tls)) return "does not know the tls " + shown;
    } else if (key == "protocol") {
        if (!read_choice(text, kProtocolWords, route.protocol)) return "does not know the protocol " + shown;
    } else {
        (key == "user" ? route.user : route.password_file) = text;
    }
    return {};
}

RouteComplaints assign_route(const Node& node, std::vector<RouteSetting>& into)
{
    const auto* table = std::get_if<EntryList>(&node.value);
    if (!table) return {{node.position, "must hold tables", std::string(kExample)}};
    RouteComplaints all;
    RouteSetting route;
    bool has_port = false;
    for (const Entry& entry : *table) {
        const auto* text = std::get_if<std::string>(&entry.node.value);
        if (std::ranges::find(kKeys, entry.key) == kKeys.end()) {
            const auto near = find_nearest(entry.key, kKeys);
            all.push_back({entry.position, "knows no " + ascii::printable(entry.key, 40),
                           near.empty() ? std::string(kExample) : "did you mean " + std::string(near) + "?"});
            continue;
        }
        const bool is_text = text && text->size() <= kMostText && std::ranges::none_of(*text, ascii::is_control);
        std::string complaint = is_text ? read_entry(entry.key, *text, route, has_port) : "needs a text as " + entry.key;
        if (!complaint.empty()) all.push_back({entry.node.position, std::move(complaint), std::string(kExample)});
    }
    if (all.empty() && (route.domain.empty() || route.host.empty())) {
        all.push_back({node.position, "lacks a domain or a host in one of its tables", std::string(kExample)});
    }
    if (all.empty() && route.user.empty() != route.password_file.empty()) {
        all.push_back({node.position, "needs user and password_file together", "set both, or neither"});
    }
    if (all.empty() && !route.user.empty() && route.tls == RouteTls::none) {
        all.push_back({node.position, "would send a password in clear", R"(set tls = "verified", or leave the log-in out)"});
    }
    if (!has_port && route.tls == RouteTls::implicit) route.port = kImplicitPort;
    if (all.empty()) into.push_back(std::move(route));
    return all;
}

}  // namespace

std::vector<Complaint> assign_routes(const Declaration& declaration, const Node& node, std::vector<RouteSetting>& into)
{
    const auto* list = std::get_if<NodeList>(&node.value);
    if (!list) return {{node.position, "must be a list of routes, but is " + std::string(type_name(node)), std::string(kExample)}};
    if (list->size() > declaration.bounds.most) return {{node.position, "has too many routes", {}}};
    RouteComplaints all;
    into.clear();
    for (const Node& item : *list) {
        for (Complaint& complaint : assign_route(item, into)) all.push_back(std::move(complaint));
    }
    return all;
}

std::string format_route(const RouteSetting& route)
{
    const bool is_v6 = route.host.find(':') != std::string::npos;
    const std::string host = (is_v6 ? "[" + route.host + "]" : route.host) + ":" + std::to_string(route.port);
    std::string out = "{ domain = " + quote(route.domain) + ", host = " + quote(host);
    if (!route.sender_domain.empty()) out += ", sender_domain = " + quote(route.sender_domain);
    if (route.tls != RouteTls::opportunistic) out += ", tls = " + quote(kTlsWords.at(static_cast<std::size_t>(route.tls)));
    if (route.protocol == RouteProtocol::lmtp) out += ", protocol = \"lmtp\"";
    if (!route.user.empty()) out += ", user = " + quote(route.user) + ", password_file = " + quote(route.password_file);
    return out + " }";
}

}  // namespace mbx::config
