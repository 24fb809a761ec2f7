// Texts made from the table of declarations: the example file, the manual page, the reference in docs/. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mbx::config {

// conf/mailboxd.toml: every key with its help, bounds and default, commented out; those in `values` (key to TOML text)
// set. The one writer of configuration files: `mailboxctl setup` gives its answers here.
std::string configuration_file(const std::map<std::string, std::string, std::less<>>& values);
inline std::string example_file() { return configuration_file({}); }

// A text as a TOML string, for the values above.
std::string toml_text(std::string_view text);

struct PageStamp {
    std::string version;  // "0.1.0"
    std::string date;     // "2026-01-31"
};
// mailboxd.toml.5 in the man(7) language.
std::string manual_page(const PageStamp& stamp);

// The tables of docs/configuration.md, in Markdown.
std::string markdown_reference();

}  // namespace mbx::config
