#include "pop3/command.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace mbx::pop3 {

namespace {

enum class Arguments : std::uint8_t { none, number, maybe_number, number_and_lines, text, maybe_text, mechanism };

struct Row {
    std::string_view name;
    Verb verb;
    Arguments arguments;
};

constexpr std::array<Row, 16> kCommands{{
    {"AUTH", Verb::auth, Arguments::mechanism},      // RFC 5034 section 4
    {"CAPA", Verb::capa, Arguments::none},           // RFC 2449 section 5
    {"DELE", Verb::dele, Arguments::number},         // RFC 1939 section 5
    {"LANG", Verb::lang, Arguments::maybe_text},     // RFC 6856 section 3
    {"LIST", Verb::list, Arguments::maybe_number},
    {"NOOP", Verb::noop, Arguments::none},
    {"PASS", Verb::pass, Arguments::text},           // RFC 1939 section 7
    {"QUIT", Verb::quit, Arguments::none},
    {"RETR", Verb::retr, Arguments::number},
    {"RSET", Verb::rset, Arguments::none},
    {"STAT", Verb::stat, Arguments::none},
    {"STLS", Verb::stls, Arguments::none},           // RFC 2595 section 4
    {"TOP", Verb::top, Arguments::number_and_lines}, // RFC 1939 section 7
    {"UIDL", Verb::uidl, Arguments::maybe_number},
    {"USER", Verb::user, Arguments::text},
    {"UTF8", Verb::utf8, Arguments::none},           // RFC 6856 section 2
}};

std::string_view without_spaces_in_front(std::string_view text)
{
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text;
}

std::string_view without_spaces_behind(std::string_view text)
{
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::optional<std::uint64_t> number(std::string_view digits)
{
    if (digits.empty() || !std::ranges::all_of(digits, ascii::is_digit)) return std::nullopt;
    return ascii::parse_number(digits).value_or(UINT64_MAX);
}

bool is_clean(std::string_view line)
{
    return std::ranges::none_of(line, ascii::is_control) && ascii::is_utf8(line);
}

// The text up to the next space; it and the spaces behind it leave `rest`.
std::string_view take_word(std::string_view& rest)
{
    const auto word = rest.substr(0, rest.find(' '));
    rest = without_spaces_in_front(rest.substr(word.size()));
    return word;
}

bool read_numbers(Command& command, Arguments wanted, std::string_view rest)
{
    if (rest.empty()) return wanted == Arguments::maybe_number;
    command.message = number(take_word(rest));
    if (!command.message) return false;
    if (wanted != Arguments::number_and_lines) return rest.empty();
    const auto lines = number(rest);
    command.lines = lines.value_or(0);
    return lines.has_value();
}

void read_mechanism(Command& command, std::string_view rest)
{
    command.text = ascii::to_upper(take_word(rest));
    if (!rest.empty()) command.initial = rest;
}

// `rest` is what follows the first space behind the command.
bool read_arguments(Command& command, Arguments wanted, std::string_view rest)
{
    if (command.verb == Verb::pass) {
        command.text = rest;
        return !rest.empty();
    }
    rest = without_spaces_behind(without_spaces_in_front(rest));
    switch (wanted) {
    case Arguments::none: return rest.empty();
    case Arguments::number:
    case Arguments::maybe_number:
    case Arguments::number_and_lines: return read_numbers(command, wanted, rest);
    case Arguments::text:
    case Arguments::maybe_text:
        command.text = rest;
        return wanted == Arguments::maybe_text || !rest.empty();
    case Arguments::mechanism: read_mechanism(command, rest); return true;
    }
    return false;
}

}  // namespace

Result<Command, SyntaxError> parse_command(std::string_view line)
{
    if (!is_clean(line)) return SyntaxError::bad_bytes;
    const auto name = line.substr(0, line.find(' '));
    const auto row = std::ranges::find_if(kCommands, [name](const Row& one) { return ascii::same(one.name, name); });
    if (row == kCommands.end()) return SyntaxError::unknown_command;
    Command command;
    command.verb = row->verb;
    const auto rest = line.substr(std::min(name.size() + 1, line.size()));
    if (!read_arguments(command, row->arguments, rest)) return SyntaxError::bad_argument;
    return command;
}

}  // namespace mbx::pop3
