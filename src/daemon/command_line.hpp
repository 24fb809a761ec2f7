// mailboxd's own command line: --config, --check-config, --version.
#pragma once

namespace mbx::daemon {

// Serves until told to stop. Exit codes: 0 stopped as asked, or the check passed; 1 failed; 2 wrong usage or a wrong
// configuration.
int run(int argc, char** argv);

}  // namespace mbx::daemon
