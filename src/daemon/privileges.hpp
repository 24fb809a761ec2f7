// Becoming the daemon's own user, and what a process that holds mail should never allow. Before any worker thread starts.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::daemon {

// Started as root, becomes `user` with its groups; otherwise does nothing. Root's own name is refused: the daemon never
// serves as root.
Result<void, Error> drop_privileges(const std::string& user);

// Makes `path` a directory (mode 0750) of `user`, with the parents that it lacks (mode 0755, of whoever starts us); an
// existing one is left as it is. Root only has an owner to choose; others create it as themselves.
Result<void, Error> prepare_directory(const std::string& path, const std::string& user);

// No core dumps with mail and passwords in them (HOSTILE row J6), no file that others may read, and as many descriptors
// as the hard limit allows.
void harden_process();

}  // namespace mbx::daemon
