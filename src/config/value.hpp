// One setting's value: from its node in the file into the Settings, and back to TOML. Private to config/. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/declaration.hpp"
#include "config/document.hpp"

namespace mbx::config {

struct Complaint {
    Position position;
    std::string message;  // goes on after "smtp.max_recipients "
    std::string hint;
};

// Stores the value of `node`, or says everything that is wrong with it (then the setting may be half stored).
std::vector<Complaint> assign(const Declaration& declaration, const Node& node, Settings& settings);

// Of a list of routes; its own file, as it has a grammar of its own.
std::vector<Complaint> assign_routes(const Declaration& declaration, const Node& node, std::vector<RouteSetting>& into);
std::string format_route(const RouteSetting& route);

std::string format_value(const Declaration& declaration, const Settings& settings);
// "10 to 1000", "64KiB to 2GiB", "\"refuse\" or \"repair\"", …: what is allowed; empty where the type says it all.
std::string describe_bounds(const Declaration& declaration);
// "a size", "a list of addresses with ports", …
std::string_view describe_kind(Kind kind);
std::string quote(std::string_view text);

}  // namespace mbx::config
