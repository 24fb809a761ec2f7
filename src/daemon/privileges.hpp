// Becoming the daemon's own user, and what a process that holds mail should never allow. Before any worker thread starts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::daemon {

// Started as root, becomes `user` with its groups; otherwise does nothing. Root's own name is refused: the daemon never
// serves as root.
Result<void, Error> drop_privileges(const std::string& user);

inline constexpr unsigned kPrivateDirectory = 0750;
inline constexpr unsigned kPassableDirectory = 0711;  // others reach what they know the name of
// Everybody may put files there, which get its group; nobody may list it or remove those of others.
inline constexpr unsigned kDropDirectory = 03733;

// Makes `path` a directory (with that mode) of `user`, with the parents that it lacks (mode 0755, of whoever starts us); an
// existing one is left as it is. Root only has an owner to choose; others create it as themselves.
Result<void, Error> prepare_directory(const std::string& path, const std::string& user, unsigned mode = kPrivateDirectory);

// The system's numbers of users by their names, spaces between; those that do not exist are left out and named. Reads the
// system's user database: at the start, or on a worker.
struct FoundUsers {
    std::vector<std::uint32_t> uids;
    std::string unknown;
};
FoundUsers find_users(std::string_view names);

// No core dumps with mail and passwords in them (HOSTILE row J6), no file that others may read, and as many descriptors
// as the hard limit allows.
void harden_process();

}  // namespace mbx::daemon
