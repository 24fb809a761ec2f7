// A random secret in a file of the data directory, made once. Blocking: at start only.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace mbx::daemon {

// 32 bytes, as they are. A file of another size is an error, not a reason for a new one: what was signed would be worthless.
Result<std::string, Error> open_secret(FileSystem& files, Random& random, const std::string& path);

}  // namespace mbx::daemon
