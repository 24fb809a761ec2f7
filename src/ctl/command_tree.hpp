// mailboxctl's commands: the one place where they and their options are declared.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "ctl/arguments.hpp"
#include "ctl/command_node.hpp"

namespace mbx::ctl {

// Nothing to run: a text to show and how to end. Help and version are kDone on standard output, errors kUsage on
// standard error.
struct ParseEnd {
    int exit_code = 0;
    std::string text;
};

// `arguments` without the program's name.
Result<Arguments, ParseEnd> parse_command_line(const std::vector<std::string>& arguments);

CommandNode command_tree();

}  // namespace mbx::ctl
