// Where the daemon of this machine is reached. Ordinary users may not read the configuration: for them the usual places hold.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::sendmail {

struct Places {
    std::string socket;
    std::string control_socket;
    std::string drop_directory;
    std::uint64_t most_bytes = 0;  // of a message
    bool is_off = false;           // sendmail.service, as far as this user may read it
};

// `config_path`: of -C, or empty; only such a file has to be there and good.
Result<Places, Error> find_places(const std::string& config_path);

}  // namespace mbx::sendmail
