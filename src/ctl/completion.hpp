// Completion scripts for shells, from the tree of commands. Pure.
#pragma once

#include <string>

#include "ctl/command_node.hpp"

namespace mbx::ctl {

// `shell` is "bash", "zsh" or "fish"; another gives an empty text.
std::string completion_script(const CommandNode& root, std::string_view shell);

}  // namespace mbx::ctl
