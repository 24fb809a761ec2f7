#include "ctl/manual.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "ctl/command_tree.hpp"

namespace mbx::ctl {
namespace {

// Text that groff takes as it is (man(7), groff_char(7)).
std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else out += c;
    }
    if (!out.empty() && (out.front() == '.' || out.front() == '\'')) out = "\\&" + out;
    return out;
}

std::string option_entry(const OptionNode& option)
{
    std::string names;
    for (const std::string& name : option.names) {
        names += (names.empty() ? "" : ", ") + std::string(option.is_positional ? "\\fI" : "\\fB") + escaped(name) + "\\fR";
    }
    if (!option.is_positional && !option.value.empty()) names += " \\fI" + escaped(option.value) + "\\fR";
    std::string help = escaped(option.help);
    if (option.is_required && option.is_positional) help += ".";
    else help += option.is_required ? ". Required." : ".";
    return ".TP\n" + names + "\n" + help + "\n";
}

std::string synopsis(const CommandNode& node, const std::string& path)
{
    std::string line = "\\fB" + escaped(path) + "\\fR";
    const bool has_options = std::ranges::any_of(node.options, [](const auto& option) { return !option.is_positional; });
    if (!node.commands.empty()) line += " \\fIcommand\\fR";
    if (has_options) line += " [\\fIoptions\\fR]";
    for (const OptionNode& option : node.options) {
        if (option.is_positional) line += " \\fI" + escaped(option.names.front()) + "\\fR" + (option.is_repeatable ? " ..." : "");
    }
    return line;
}

bool is_in(const OptionNode& option, const CommandNode& root)
{
    return std::ranges::any_of(root.options, [&](const OptionNode& common) { return common.names == option.names; });
}

void add_commands(const CommandNode& node, const std::string& path, const CommandNode& root, std::string& page)
{
    for (const CommandNode& command : node.commands) {
        const std::string here = path + " " + command.name;
        if (!command.commands.empty()) {
            add_commands(command, here, root, page);
            continue;
        }
        page += ".SS " + synopsis(command, here) + "\n" + escaped(command.help) + ".\n";
        for (const OptionNode& option : command.options) {
            if (!is_in(option, root)) page += option_entry(option);
        }
    }
}

std::string paragraphs(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t star = line.starts_with('*') ? line.find('*', 1) : std::string_view::npos;
        if (star != std::string_view::npos) {
            out += ".TP\n\\fB" + escaped(line.substr(1, star - 1)) + "\\fR\n" +
                   escaped(ascii::trim(line.substr(star + 1))) + "\n";
        } else {
            out += ".PP\n" + escaped(line) + "\n";
        }
    }
    return out;
}

}  // namespace

std::string manual_page(const CommandNode& root, const ManualText& text)
{
    std::string page = fmt::format(".TH {} {} \"\" \"{} {}\"\n", ascii::to_upper(root.name), text.section, "mailboxd", text.version);
    page += ".SH NAME\n" + escaped(root.name) + " \\- " + escaped(text.summary) + "\n";
    page += ".SH SYNOPSIS\n" + synopsis(root, root.name) + "\n";
    page += ".SH DESCRIPTION\n" + paragraphs(text.description);
    if (!root.commands.empty()) {
        page += ".SH COMMANDS\n";
        add_commands(root, root.name, root, page);
    }
    page += ".SH OPTIONS\n";
    for (const OptionNode& option : root.options) page += option_entry(option);
    for (const auto& [title, body] : text.sections) page += ".SH " + title + "\n" + paragraphs(body);
    if (text.see_also.empty()) return page;
    page += ".SH SEE ALSO\n";
    for (std::size_t at = 0; at < text.see_also.size(); ++at) {
        page += (at == 0 ? "" : ",\n") + std::string("\\fB") + escaped(text.see_also[at]) + "\\fR";
    }
    return page + "\n";
}

std::string mailboxctl_manual()
{
    ManualText text;
    text.section = "1";
    text.version = MAILBOXD_VERSION;
    text.summary = "administer mailboxd";
    text.description =
        "Administers the mailboxd on this machine. All commands but setup, config check, completion and man talk to the "
        "daemon over its control socket; the kernel tells the daemon who asks, and root and the daemon's own user may.\n"
        "A password is asked for on the terminal without echo, read with --password-stdin or --password-file, or made by "
        "the server with --generate-password. No option takes one, because every user can read command lines.\n"
        "With --json a command prints the API's document as one line on standard output, and errors as a problem document "
        "(RFC 9457) on standard error; docs/openapi.json describes both. Members are added to it, not taken away.";
    text.sections = {
        {"EXIT STATUS", "*0* It was done.\n*1* It was tried, and refused or failed; standard error says why.\n"
                        "*2* The command line is wrong; nothing was tried.\n*3* The daemon does not answer on its socket."},
        {"ENVIRONMENT", "*NO_COLOR* When set, output is never coloured.\n"
                        "*MAILBOXD_SOCKET* The control socket, where --socket is not given.\n"
                        "*MAILBOXD_CONFIG* The configuration file, where --config is not given."},
        {"FILES", "*/etc/mailboxd/mailboxd.toml* The configuration.\n"
                  "*/run/mailboxd/control.sock* The control socket, unless server.runtime_directory says another place."}};
    text.see_also = {"mailboxd(8)", "mailboxd.toml(5)"};
    return manual_page(command_tree(), text);
}

}  // namespace mbx::ctl
