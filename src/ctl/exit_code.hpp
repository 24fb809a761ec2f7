// How mailboxctl ends: part of its interface, in mailboxctl(1).
#pragma once

namespace mbx::ctl {

enum ExitCode : int {
    kDone = 0,
    kFailed = 1,       // it was tried and refused or went wrong; standard error says why
    kUsage = 2,        // the command line is wrong; nothing was tried
    kUnreachable = 3,  // the daemon does not answer on its socket
};

}  // namespace mbx::ctl
