// Whether there is room for more mail: accept only while free bytes and inodes exceed a reserve, so that reading,
// deleting and the index still work on a full disk (HOSTILE row G3). Loop thread.
#pragma once

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "net/workers.hpp"

namespace mbx::intake {

class Admission {
public:
    Admission(FileSystem& files, net::Workers& workers, const Clock& clock, Log log, std::string directory)
        : files_(files), workers_(workers), clock_(clock), log_(std::move(log)), directory_(std::move(directory))
    {
    }

    // Asks the file system on a worker when the last answer is some seconds old.
    co::Task<bool> has_room(std::uint64_t bytes);
    // By the last answer; room where nobody asked yet.
    bool had_room(std::uint64_t bytes) const;

private:
    FileSystem& files_;
    net::Workers& workers_;
    const Clock& clock_;
    Log log_;
    std::string directory_;
    SpaceInfo space_{UINT64_MAX, UINT64_MAX, UINT64_MAX};
    SteadyTime asked_{};
    bool was_asked_ = false;
    bool was_short_ = false;
};

}  // namespace mbx::intake
