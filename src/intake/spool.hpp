// The directory in which messages lie between their first byte and their delivery. What is found there at start was
// never acknowledged and is removed. Loop thread, but for write_*(), which run on workers.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/workers.hpp"

namespace mbx::intake {

class Spool {
public:
    // Blocking: at start only.
    Spool(FileSystem& files, net::Workers& workers, Random& random, Log log, std::string directory);

    FileSystem& files() const { return files_; }
    net::Workers& workers() const { return workers_; }
    const std::string& directory() const { return directory_; }
    std::string new_path() const;
    void complain(const std::string& path, const FileError& error) const;

    // Closes and removes on a worker; nobody waits for it.
    void discard(std::unique_ptr<File> file, std::string path) const;

private:
    FileSystem& files_;
    net::Workers& workers_;
    Random& random_;
    Log log_;
    std::string directory_;
};

}  // namespace mbx::intake
