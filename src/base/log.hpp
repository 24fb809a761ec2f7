// The structured log: one event, one line, as key=value or JSON. Writing an event never blocks: a thread of its own
// takes the lines from a bounded queue; what does not fit is counted and told in one line later (HOSTILE row G14).
// Never a secret or a message body in an event; text from outside is made printable by the writer (row A10). Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mbx {

enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };  // journald priorities 7, 6, 5, 4, 3
enum class LogFormat : std::uint8_t { key_value, json, journald };           // journald: key_value behind "<6>"

// "debug" … "error", any case.
bool parse_log_level(std::string_view text, LogLevel& into);

// One pair of an event. Numbers and text only.
class LogField {
public:
    LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
    LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
    LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
    LogField(std::string_view field_name, bool yes) : name(field_name), value(yes ? "yes" : "no") {}
    template <typename Number>
        requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
    LogField(std::string_view field_name, Number number)
        : name(field_name), value(std::to_string(number)), is_number(true)
    {
    }
    std::string name;
    std::string value;
    bool is_number = false;  // JSON writes it without quotes
};

class LogWriter;

// A component's door to the log ("smtp", "imap", …), cheap to copy. A default-made Log writes nowhere: for tests.
class Log {
public:
    Log() = default;
    Log(std::shared_ptr<LogWriter> writer, std::string component);

    // log.info("message accepted", {{"trace", id}, {"size", 4711}});
    void debug(std::string_view event, std::initializer_list<LogField> fields = {}) const;
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) const;
    void notice(std::string_view event, std::initializer_list<LogField> fields = {}) const;
    void warning(std::string_view event, std::initializer_list<LogField> fields = {}) const;
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) const;
    Log for_component(std::string component) const;

private:
    void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;
    std::shared_ptr<LogWriter> writer_;
    std::string component_;
};

// The line of one event without its end. Pure; the tests' entry.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view component,
                            std::string_view event, const std::vector<LogField>& fields);

using ComponentLevels = std::map<std::string, LogLevel, std::less<>>;

// Owns the queue and the thread that writes to `descriptor` (not closed). Destroying it writes out what is queued.
class LogWriter {
public:
    LogWriter(int descriptor, LogFormat format, LogLevel level);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void set_level(LogLevel level);  // of components without one of their own
    // In the place of all that were set before: a component that is not among them has the common level again.
    void set_component_levels(ComponentLevels levels);
    bool wants(std::string_view component, LogLevel level) const;
    void submit(LogLevel level, std::string_view component, std::string_view event, std::vector<LogField> fields);
    std::uint64_t dropped() const;

private:
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

}  // namespace mbx
