// A program's manual page straight from its CLI11 declarations. Includes CLI11.
#pragma once

#include <string>
#include <string_view>

#include "ctl/cli_description.hpp"
#include "ctl/manual.hpp"

namespace mbx::ctl {

// `app`'s description becomes the page's.
inline std::string man_page(const CLI::App& app, int section, std::string_view version)
{
    ManualText text;
    text.section = std::to_string(section);
    text.version = version;
    text.description = app.get_description();
    text.summary = "mail appliance: SMTP, submission, IMAP and administration in one daemon";
    text.see_also = {"mailboxctl(1)", "mailboxd.toml(5)"};
    return manual_page(describe(app), text);
}

}  // namespace mbx::ctl
