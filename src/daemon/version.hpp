// What this executable is made of.
#pragma once

#include <string>

namespace mbx::daemon {

// "0.1.0"
std::string version_number();
// The commit it was built from, or "unknown".
std::string version_commit();
// For --version: version, commit, and each library with the version at run time (or of its header, where it is linked
// statically or used header-only), a line each.
std::string version_text();

}  // namespace mbx::daemon
