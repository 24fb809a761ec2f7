// Who owns what setup makes. As root, the daemon's user; as anybody else, nothing changes hands. Blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/result.hpp"
#include "config/load.hpp"

namespace mbx::ctl {

struct Owner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// None when nothing is to change hands; an Error when we are root and there is no such user.
Result<std::optional<Owner>, Error> find_owner(const std::string& user);

// The data directory with what setup made in it, the certificate and its key, to the owner; the configuration stays
// root's, readable by the owner's group.
Result<void, Error> give_to(const std::optional<Owner>& owner, FileSystem& files, const config::Loaded& loaded,
                            const std::string& config_path);

}  // namespace mbx::ctl
