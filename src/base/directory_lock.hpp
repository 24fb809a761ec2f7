// A directory that one process at a time may work in: the data directory, for the daemon or for an offline tool. Goes with
// the process however it ends. Nothing is written.
#pragma once

#include <string>

#include "base/file_system.hpp"
#include "base/result.hpp"

namespace mbx {

class DirectoryLock {
public:
    // EWOULDBLOCK: somebody else has it.
    static Result<DirectoryLock, FileError> take(const std::string& directory);
    DirectoryLock() = default;
    DirectoryLock(DirectoryLock&& other) noexcept;
    DirectoryLock& operator=(DirectoryLock&& other) noexcept;
    ~DirectoryLock();

private:
    explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_ = -1;
};

}  // namespace mbx
