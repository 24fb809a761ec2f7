// mailboxctl. Blocking; exit codes in exit_code.hpp and mailboxctl(1).
#pragma once

#include <string>
#include <vector>

#include "ctl/terminal.hpp"

namespace mbx::ctl {

// The program: ignores SIGPIPE, reads and writes descriptors 0, 1 and 2.
int run(int argc, char** argv);

// The same with a terminal of the caller's; `arguments` without the program's name.
int run(const std::vector<std::string>& arguments, Terminal& terminal);

}  // namespace mbx::ctl
