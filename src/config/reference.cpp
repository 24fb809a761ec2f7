#include "config/reference.hpp"

#include "config/declaration.hpp"
#include "config/value.hpp"

namespace mbx::config {
namespace {

constexpr std::size_t kWidth = 96;

// Words of `text` in lines of at most kWidth columns, each behind `prefix`.
std::string wrap(std::string_view text, std::string_view prefix)
{
    std::string out;
    std::size_t column = 0;
    while (!text.empty()) {
        const auto end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        if (column != 0 && column + 1 + word.size() > kWidth) {
            out += '\n';
            column = 0;
        }
        out += column == 0 ? prefix : " ";
        out += word;
        column += (column == 0 ? prefix.size() : 1) + word.size();
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out + "\n";
}

std::string_view describe_effect(const Declaration& row)
{
    return row.effect == Effect::live ? "a reload is enough" : "needs a restart";
}

// "A size, 64KiB to 2GiB; a reload is enough."
std::string describe_rules(const Declaration& row)
{
    std::string out(describe_kind(row.kind));
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
    const std::string bounds = describe_bounds(row);
    if (!bounds.empty()) out += (row.kind == Kind::choice ? ": " : ", ") + bounds;
    return out + "; " + std::string(describe_effect(row)) + ".";
}

// roff: a line that begins with a dot or a quote is a request, a backslash an escape, a hyphen a typographic one.
std::string roff(std::string_view text)
{
    std::string out;
    bool at_start = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (at_start && (c == '.' || c == '\'')) out += "\\&";
        at_start = c == '\n';
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else if (text.substr(i).starts_with("…")) {
            out += "...";
            i += std::string_view("…").size() - 1;
        } else out += c;
    }
    return out;
}

constexpr std::string_view kHead =
    ".SH NAME\n"
    "mailboxd.toml \\- configuration of the mail appliance mailboxd\n"
    ".SH SYNOPSIS\n"
    "/etc/mailboxd/mailboxd.toml\n"
    ".SH DESCRIPTION\n"
    "The file is written in TOML and has a table for each part of the server. A key that is not in the file has its\n"
    "default. Unknown keys, wrong types, values out of their bounds and settings that contradict each other are errors:\n"
    "each is told with its line, and the server does not start. A server that runs goes on with what it has.\n"
    ".PP\n"
    "Sizes are a whole number with a unit (B, KiB, MiB, GiB, TiB; kB, MB, GB, TB for powers of 1000), durations one with\n"
    "ms, s, m, h, d or w. Addresses with ports are written \"192.0.2.1:25\" or \"[2001:db8::1]:25\", networks\n"
    "\"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.7\".\n"
    ".PP\n"
    ".B mailboxd \\-\\-check\\-config\n"
    "reads the file and tells what is wrong.\n"
    ".B mailboxctl config show\n"
    "prints every value in effect and where it comes from.\n"
    ".B mailboxctl reload\n"
    "or SIGHUP takes over what can change live and tells what needs a restart.\n";

constexpr std::string_view kTail =
    ".SH FILES\n"
    ".TP\n"
    "/etc/mailboxd/mailboxd.toml\n"
    "The configuration.\n"
    ".TP\n"
    "/var/lib/mailboxd\n"
    "The data directory.\n"
    ".SH SEE ALSO\n"
    ".BR mailboxd (8),\n"
    ".BR mailboxctl (1)\n";

constexpr std::string_view kHeadComment =
    "# Configuration of mailboxd: man mailboxd.toml says the same.\n"
    "#\n"
    "# A key that is not set has the default that stands behind its #. Remove the # to set it.\n"
    "# mailboxd --check-config tells every error with its line; mailboxctl reload takes over what can\n"
    "# change while the server runs.\n";

std::string markdown_cell(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

std::string toml_text(std::string_view text) { return quote(text); }

std::string configuration_file(const std::map<std::string, std::string, std::less<>>& values)
{
    std::string out(kHeadComment);
    for (const Table& table : tables()) {
        out += "\n" + wrap(table.help, "# ") + "[" + std::string(table.name) + "]\n";
        for (const Declaration& row : declarations()) {
            if (row.table() != table.name) continue;
            out += "\n" + wrap(row.help, "# ") + wrap(describe_rules(row), "# ");
            const auto set = values.find(row.key);
            const bool is_set = set != values.end();
            out += (is_set ? "" : "#") + std::string(row.name()) + " = ";
            out += is_set ? set->second : std::string(row.default_toml);
            out += "\n";
        }
    }
    return out;
}

std::string manual_page(const PageStamp& stamp)
{
    std::string out = ".TH MAILBOXD.TOML 5 \"" + roff(stamp.date) + "\" \"mailboxd " + roff(stamp.version) +
                      "\" \"File formats\"\n";
    out += kHead;
    for (const Table& table : tables()) {
        std::string title = "[" + std::string(table.name) + "]";
        out += ".SH " + title + "\n" + roff(table.help) + "\n";
        for (const Declaration& row : declarations()) {
            if (row.table() != table.name) continue;
            // No .B here: a request would take the quotes of the value for its own.
            out += ".TP\n\\fB" + roff(row.name()) + " = " + roff(row.default_toml) + "\\fR\n";
            out += roff(row.help) + "\n.br\n" + roff(describe_rules(row)) + "\n";
        }
    }
    out += kTail;
    return out;
}

std::string markdown_reference()
{
    std::string out;
    for (const Table& table : tables()) {
        out += "\n### [" + std::string(table.name) + "]\n\n" + std::string(table.help) + "\n\n";
        out += "| Key | Default | Rules | What it does |\n|---|---|---|---|\n";
        for (const Declaration& row : declarations()) {
            if (row.table() != table.name) continue;
            out += "| `" + std::string(row.name()) + "` | `" + markdown_cell(row.default_toml) + "` | " +
                   markdown_cell(describe_rules(row)) + " | " + markdown_cell(row.help) + " |\n";
        }
    }
    return out;
}

}  // namespace mbx::config
