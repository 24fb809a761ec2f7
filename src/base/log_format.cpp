// The texts of the log: one event, one line. Pure.
#include <algorithm>

#include "base/ascii.hpp"
#include "base/log.hpp"

namespace mbx {
namespace {

constexpr std::size_t kMostOfValue = 1000;
// What stands without quotes beside letters and digits.
constexpr std::string_view kPlain = "._:/@+-,<>[]()%~*!&;#$|^{}?";

constexpr std::string_view name_of(LogLevel level)
{
    switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::notice: return "notice";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    }
    return "error";
}

// Journald's priorities (sd-daemon(3)).
constexpr std::string_view priority_of(LogLevel level)
{
    switch (level) {
    case LogLevel::debug: return "<7>";
    case LogLevel::info: return "<6>";
    case LogLevel::notice: return "<5>";
    case LogLevel::warning: return "<4>";
    case LogLevel::error: return "<3>";
    }
    return "<3>";
}

bool needs_no_quotes(std::string_view value)
{
    const auto plain = [](char c) {
        return ascii::is_alnum(c) || ascii::is_eight_bit(c) || kPlain.find(c) != std::string_view::npos;
    };
    return !value.empty() && std::ranges::all_of(value, plain);
}

void append_pair(std::string& line, std::string_view name, std::string_view value)
{
    if (!line.empty()) line += ' ';
    line += name;
    line += '=';
    const std::string shown = ascii::printable(value, kMostOfValue);
    if (needs_no_quotes(shown)) {
        line += shown;
        return;
    }
    line += '"';
    for (const char c : shown) {
        if (c == '"') line += '\\';
        line += c;
    }
    line += '"';
}

void append_json_text(std::string& line, std::string_view value)
{
    line += '"';
    for (const char c : ascii::printable(value, kMostOfValue)) {
        if (c == '"' || c == '\\') line += '\\';
        line += c;
    }
    line += '"';
}

void append_json_pair(std::string& line, std::string_view name, std::string_view value, bool is_number)
{
    if (line.size() > 1) line += ',';
    append_json_text(line, name);
    line += ':';
    if (is_number) {
        line += value;
    } else {
        append_json_text(line, value);
    }
}

std::string json_line(std::string_view time, LogLevel level, std::string_view component, std::string_view event,
                      const std::vector<LogField>& fields)
{
    std::string line = "{";
    append_json_pair(line, "time", time, false);
    append_json_pair(line, "level", name_of(level), false);
    append_json_pair(line, "component", component, false);
    append_json_pair(line, "event", event, false);
    for (const LogField& field : fields) append_json_pair(line, field.name, field.value, field.is_number);
    return line + "}";
}

}  // namespace

bool parse_log_level(std::string_view text, LogLevel& into)
{
    for (const auto level :
         {LogLevel::debug, LogLevel::info, LogLevel::notice, LogLevel::warning, LogLevel::error}) {
        if (!ascii::same(text, name_of(level))) continue;
        into = level;
        return true;
    }
    return false;
}

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view component,
                            std::string_view event, const std::vector<LogField>& fields)
{
    if (format == LogFormat::json) return json_line(time, level, component, event, fields);
    std::string line;
    if (format == LogFormat::key_value) append_pair(line, "time", time);
    if (format == LogFormat::key_value) append_pair(line, "level", name_of(level));
    append_pair(line, "component", component);
    append_pair(line, "event", event);
    for (const LogField& field : fields) append_pair(line, field.name, field.value);
    if (format == LogFormat::journald) line.insert(0, priority_of(level));
    return line;
}

}  // namespace mbx
