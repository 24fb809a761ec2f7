// The mail of removed accounts: kept aside for a time, then gone. Blocking: on a worker, never on the loop.
//
// Beside each folder that Store::set_aside made stands "<folder>.until" with the second since 1970 at which it may go.
// A folder without one (a crash came between) is given one at the first purge that sees it, so nothing goes early.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.hpp"
#include "base/file_system.hpp"

namespace mbx::admin {

Result<void, FileError> keep_until(FileSystem& files, const std::string& folder, WallTime until);

struct Purge {
    std::size_t removed = 0;  // folders that are gone
    std::size_t kept = 0;
    std::size_t failed = 0;   // tried again at the next purge
};
// Removes what has expired under `root`, where Store::set_aside puts <domain>/<account> folders. Follows no symbolic link,
// and goes no deeper than 64 levels. `keep` is for folders that have no time yet.
Purge purge_removed_mail(FileSystem& files, const std::string& root, std::chrono::milliseconds keep, WallTime now);

}  // namespace mbx::admin
