// Mail on its way to other servers, for people to read. Pure; a document of another version is a json::exception.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "ctl/table.hpp"

namespace mbx::ctl {

std::string queue_text(const nlohmann::json& page, Style style);
std::string queued_text(const nlohmann::json& message, Style style);
std::string queue_act_text(const nlohmann::json& acted);
std::string holds_text(const nlohmann::json& document, Style style);

// "3 messages", "1 message".
std::string counted(std::int64_t count, const char* one, const char* many);
// "35 s", "12 min", "3 h 5 min", "2 d 4 h"
std::string span_text(std::int64_t seconds);
// "1.2 KiB"
std::string size_text(std::uint64_t bytes);

}  // namespace mbx::ctl
