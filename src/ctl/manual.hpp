// Manual pages in the man(7) language from a tree of commands. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ctl/command_node.hpp"

namespace mbx::ctl {

// What the tree cannot say. Sections are (title, text): a paragraph for each line, "*name*" at the start of a line
// begins an entry of a list whose explanation follows on the same line.
struct ManualText {
    std::string section = "8";   // of the manual
    std::string version;
    std::string summary;         // behind the dash of NAME
    std::string description;
    std::vector<std::pair<std::string, std::string>> sections;
    std::vector<std::string> see_also;  // "mailboxd(8)"
};

std::string manual_page(const CommandNode& root, const ManualText& text);

// mailboxctl(1).
std::string mailboxctl_manual();

}  // namespace mbx::ctl
