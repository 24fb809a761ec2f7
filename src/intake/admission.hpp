// Whether there is room for more mail: accept only while free bytes and inodes exceed twice what is accepted and not yet
// applied, plus a reserve, so that reading, deleting and the index still work on a full disk (HOSTILE row G3). Loop.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "journal/journal.hpp"
#include "net/workers.hpp"

namespace mbx::intake {

class Admission {
public:
    // `directories`: one of each file system that a message needs.
    Admission(FileSystem& files, net::Workers& workers, const Clock& clock, Log log, const journal::Journal& journal,
              std::vector<std::string> directories)
        : files_(files), workers_(workers), clock_(clock), log_(std::move(log)), journal_(journal),
          directories_(std::move(directories))
    {
    }

    // Asks the file systems on a worker when the last answer is some seconds old.
    co::Task<bool> has_room(std::uint64_t bytes);
    // By the last answer; room where nobody asked yet.
    bool had_room(std::uint64_t bytes) const;

private:
    Result<SpaceInfo, FileError> ask() const;  // worker: the least of all
    FileSystem& files_;
    net::Workers& workers_;
    const Clock& clock_;
    Log log_;
    const journal::Journal& journal_;
    std::vector<std::string> directories_;
    SpaceInfo space_{UINT64_MAX, UINT64_MAX, UINT64_MAX};
    SteadyTime asked_{};
    bool was_asked_ = false;
    bool was_short_ = false;
};

}  // namespace mbx::intake
