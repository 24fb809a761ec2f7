// The trace's documents, written for people. Private to ctl/. Pure; a document of another form throws json::exception.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "ctl/table.hpp"

namespace mbx::ctl {

// The story where one message was found, else a table of those that were.
std::string trace_text(const nlohmann::json& document, Style style);
std::string slo_text(const nlohmann::json& document, Style style);

}  // namespace mbx::ctl
