// A program's manual page straight from its CLI11 declarations. Includes CLI11.
#pragma once

#include <utility>

#include "ctl/cli_description.hpp"
#include "ctl/manual.hpp"

namespace mbx::ctl {

// `app`'s description becomes the page's; `text` says the rest.
inline std::string man_page(const CLI::App& app, ManualText text)
{
    text.description = app.get_description();
    return manual_page(describe(app), text);
}

}  // namespace mbx::ctl
